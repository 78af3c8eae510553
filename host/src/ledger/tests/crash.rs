//! Random histories, cut by a loss of power at every call.

use super::*;
use crate::record::{Call, ForgetfulDisk, Image, Recorder, Survival, random::Random};

/// What the test knows at a mark.
#[derive(Clone)]
enum Truth {
    /// These entries have been reported.
    Persisted(Vec<Vec<u8>>),
    /// Entries after this number may go.
    Truncated(usize),
}

/// The enclave's side of the story.
#[derive(Default)]
struct Story {
    entries: Vec<Vec<u8>>,
    persisted: usize,
    truths: Vec<Truth>,
}

struct History {
    calls: Vec<Call>,
    truths: Vec<Truth>,
    directory: PathBuf,
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap()
}

/// Runs the real writer through random batches; `forgetful` leaves out every `fdatasync`.
fn history(seed: u64, forgetful: bool) -> History {
    let mut random = Random(seed);
    let directory = tempfile::tempdir().unwrap();
    let recorder = Recorder::new(Arc::new(RealDisk));
    let disk: Arc<dyn Disk> = Arc::new(recorder.clone());
    let disk = if forgetful { Arc::new(ForgetfulDisk(disk)) } else { disk };
    let story = Arc::new(Mutex::new(Story::default()));
    let sink: EventSink = {
        let (story, recorder) = (Arc::clone(&story), recorder.clone());
        Arc::new(move |event| {
            let Event::Persisted { upto } = event else { panic!("{event:?}") };
            let mut story = story.lock().unwrap();
            story.persisted = index(upto.seqno.0);
            let reported = story.entries[..story.persisted].to_vec();
            recorder.mark(story.truths.len() as u64);
            story.truths.push(Truth::Persisted(reported));
        })
    };
    let mut writer = writer(directory.path(), Durability::Fsync, disk, sink);
    let (mut view, mut committed) = (2, 0);
    for _ in 0..12 {
        if random.below(5) == 0 {
            let mut story = story.lock().unwrap();
            let last = committed + random.below(story.entries.len() - committed + 1);
            story.entries.truncate(last);
            story.persisted = story.persisted.min(last);
            recorder.mark(story.truths.len() as u64);
            story.truths.push(Truth::Truncated(last));
            view += 1;
            drop(story);
            writer.handle(&mut vec![Effect::Truncate { last: Seqno(last as u64) }]).unwrap();
        }
        let mut batch = vec![];
        for _ in 0..random.below(12) {
            let mut story = story.lock().unwrap();
            let seqno = story.entries.len() as u64 + 1;
            let (kind, flags) = match random.below(10) {
                0 => (EntryKind::Signature, AFTER),
                1..3 => (EntryKind::Signature, NONE),
                3 if random.below(4) == 0 => (EntryKind::Transaction, BEFORE),
                _ => (EntryKind::Transaction, NONE),
            };
            let len = if random.below(4) == 0 { random.below(6000) } else { random.below(300) };
            let effect = append(view, seqno, flags, len, kind);
            let Effect::Append { entry, .. } = &effect else { unreachable!() };
            story.entries.push(entry.clone());
            batch.push(effect);
        }
        writer.handle(&mut batch).unwrap();
        if random.below(2) == 0 {
            committed += random.below(story.lock().unwrap().persisted - committed + 1);
            writer.handle(&mut vec![Effect::Commit { upto: Seqno(committed as u64) }]).unwrap();
        }
    }
    writer.close().unwrap();
    let truths = std::mem::take(&mut story.lock().unwrap().truths);
    History { calls: recorder.calls(), truths, directory: directory.path().to_path_buf() }
}

/// Entries that must be in any image of these calls.
fn promised(calls: &[Call], truths: &[Truth]) -> Vec<Vec<u8>> {
    let mut promised = vec![];
    for call in calls {
        if let Call::Mark { label } = call {
            match &truths[index(*label)] {
                Truth::Persisted(entries) => promised.clone_from(entries),
                Truth::Truncated(last) => promised.truncate(*last),
            }
        }
    }
    promised
}

/// The ledger in an image, as strictly as an auditor reads it: chunks follow each other, and all
/// but the last are complete.
fn recovered(image: &Image) -> Result<Vec<Vec<u8>>, String> {
    let mut chunks = vec![];
    for (path, content) in image.files() {
        let name = path.file_name().unwrap().to_str().unwrap();
        chunks.push((name.parse::<ChunkName>().map_err(|e| format!("{name}: {e}"))?, content));
    }
    chunks.sort_unstable_by_key(|(name, _)| *name);
    let mut entries: Vec<Vec<u8>> = vec![];
    for (index, (name, content)) in chunks.iter().enumerate() {
        if name.mark != ChunkMark::None || name.first.0 != entries.len() as u64 + 1 {
            return Err(format!("{name} after entry {}", entries.len()));
        }
        let chunk = match Chunk::decode(content) {
            Ok(chunk) => chunk,
            Err(_) if index + 1 == chunks.len() && content.len() < 8 => break,
            Err(error) => return Err(format!("{name}: {error}")),
        };
        let strict = chunk.is_complete() || index + 1 < chunks.len();
        if strict != chunk.is_complete() {
            return Err(format!("{name} is incomplete and not the last"));
        }
        for entry in chunk.entries() {
            match entry {
                Ok((_, entry)) => entries.push(entry.bytes().to_vec()),
                Err(error) if strict => return Err(format!("{name}: {error}")),
                Err(_) => break,
            }
        }
        match name.phase {
            ChunkPhase::Committed { last } if last.0 != entries.len() as u64 => {
                return Err(format!("{name} ends with {}", entries.len()));
            }
            ChunkPhase::Committed { .. } if !strict => return Err(format!("{name} is incomplete")),
            _ => {}
        }
    }
    Ok(entries)
}

/// Number of images checked, and what was wrong.
fn check(history: &History, seed: u64) -> (usize, Vec<String>) {
    let mut wrong = vec![];
    let mut images = 0;
    for point in 0..=history.calls.len() {
        let calls = &history.calls[..point];
        let promised = promised(calls, &history.truths);
        let random =
            [0, 1, 2].map(|i| Survival::RandomSubset { seed: (seed << 20) + (point * 4 + i) as u64 });
        let prefix = Survival::RandomPrefix { seed: (seed << 20) + point as u64 };
        for survival in [Survival::Nothing, Survival::Everything, prefix].into_iter().chain(random) {
            images += 1;
            let problem = match recovered(&Image::after(calls, survival)) {
                Ok(entries) if entries.starts_with(&promised) => continue,
                Ok(entries) => format!("{} of {} entries", entries.len(), promised.len()),
                Err(error) => error,
            };
            wrong.push(format!("seed {seed}, after call {point}, {survival:?}: {problem}"));
        }
    }
    (images, wrong)
}

#[test]
fn no_loss_of_power_loses_what_was_reported() {
    let (mut points, mut images, mut promises) = (0, 0, 0);
    for seed in 0..25 {
        let history = history(seed, false);
        let (checked, wrong) = check(&history, seed);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        points += history.calls.len();
        images += checked;
        promises += history.truths.len();
    }
    assert!(points >= 1000, "{points} points, {images} images, {promises} promises");
}

#[test]
fn without_synchronisation_the_loss_is_noticed() {
    let noticed = (0..5).filter(|seed| !check(&history(*seed, true), *seed).1.is_empty()).count();
    assert_eq!(noticed, 5);
}

#[test]
fn an_image_can_be_read_from_a_directory() {
    let history = history(1, false);
    let image = Image::after(&history.calls, Survival::Everything);
    let to = tempfile::tempdir().unwrap();
    image.write_directory(&history.directory, to.path()).unwrap();
    assert_eq!(fs::read_dir(to.path()).unwrap().count(), image.files().len());
    assert!(!image.files().is_empty());
}
