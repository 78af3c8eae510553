//! A snapshot is fetched in ranges, and nothing else is taken for it.

use coco_crypto::Certificate;
use coco_node::startup::fetch::{Answer, Fetch, FetchError, RANGE, Step};
use coco_wire::{Seqno, snapshot::SnapshotName};

use crate::snapshots::{cluster, fill, newest};

/// A snapshot, its name, and the certificate of its service.
struct Served {
    name: SnapshotName,
    bytes: Vec<u8>,
    service: Certificate,
}

fn served() -> Served {
    let mut cluster = cluster(1);
    fill(&mut cluster, 40);
    let node = &cluster.nodes[0];
    let (seqno, evidence) = *node.snapshots.last_key_value().expect("a snapshot").0;
    let service =
        node.view.shared.keys.service().expect("it belongs to one").certificate.load().as_ref().clone();
    let name = format!("snapshot_{seqno}_{evidence}.committed").parse().expect("the name of a snapshot");
    Served { name, bytes: newest(node).1, service }
}

fn redirect(to: &str) -> Answer {
    Answer { status: 308, location: Some(to.to_owned()), ..Answer::default() }
}

impl Served {
    fn fetch(&self, after: Seqno) -> Fetch {
        Fetch::new(self.service.clone(), "first:1".to_owned(), after, 10 << 20)
    }

    fn location(&self) -> String {
        format!("https://second:2/node/snapshot/{}", self.name)
    }

    /// Of so many bytes, those from `offset` on, at most `step`.
    fn part(&self, offset: usize, step: usize) -> Answer {
        let end = self.bytes.len().min(offset + step);
        Answer {
            status: 206,
            content_range: Some(format!("bytes {offset}-{}/{}", end - 1, self.bytes.len())),
            body: self.bytes[offset..end].to_vec(),
            ..Answer::default()
        }
    }

    /// What comes of fetching it in parts that are altered on their way.
    fn fetched(&self, step: usize, alter: impl Fn(usize, &mut Answer)) -> Result<(), FetchError> {
        let mut fetch = self.fetch(Seqno::ZERO);
        assert_eq!(fetch.answered(redirect(&self.location()))?, Step::Ask);
        assert_eq!(
            (fetch.address(), fetch.target()),
            ("second:2", &self.location()["https://second:2".len()..])
        );
        let mut kept = Vec::new();
        loop {
            assert_eq!(fetch.range(), format!("bytes={}-{}", kept.len(), kept.len() as u64 + RANGE - 1));
            let mut answer = self.part(kept.len(), step);
            alter(kept.len(), &mut answer);
            let Step::Keep { seqno, offset, bytes } = fetch.answered(answer)? else { panic!("bytes came") };
            assert_eq!((seqno, offset), (self.name.seqno, kept.len() as u64));
            assert_eq!(fetch.kept_so_far(), Some(seqno));
            kept.extend(bytes);
            match fetch.kept()? {
                Step::Ask => assert!(kept.len() < self.bytes.len()),
                Step::Complete(name) => {
                    assert_eq!(name, self.name);
                    assert!(kept == self.bytes);
                    return Ok(());
                }
                step => panic!("{step:?}"),
            }
        }
    }
}

#[test]
fn a_snapshot_comes_in_ranges() {
    let served = served();
    for step in [997, 20_000, 1 << 22] {
        assert_eq!(served.fetched(step, |_, _| {}), Ok(()));
    }
    for (answer, step) in [
        (Answer { status: 404, ..Answer::default() }, Step::Nothing),
        (redirect("https://other:3/node/snapshot?since=4"), Step::Ask),
    ] {
        assert_eq!(served.fetch(Seqno::ZERO).answered(answer), Ok(step));
    }
    let newer = served.fetch(served.name.seqno).answered(redirect(&served.location()));
    assert_eq!(newer, Ok(Step::NotLater));
}

#[test]
fn a_snapshot_is_asked_for_by_name() {
    let served = served();
    let named = || Fetch::named(served.service.clone(), "first:1".to_owned(), served.name, 10 << 20);
    let mut fetch = named();
    assert_eq!(fetch.target(), &served.location()["https://second:2".len()..]);
    assert!(matches!(fetch.answered(served.part(0, 1 << 22)), Ok(Step::Keep { .. })));
    assert_eq!(fetch.kept(), Ok(Step::Complete(served.name)));
    assert_eq!(named().answered(Answer { status: 404, ..Answer::default() }), Ok(Step::Nothing));
    let other = SnapshotName { evidence_seqno: served.name.evidence_seqno.next(), ..served.name };
    let mut other = Fetch::named(served.service.clone(), "first:1".to_owned(), other, 10 << 20);
    assert!(matches!(other.answered(served.part(0, 1 << 22)), Ok(Step::Keep { .. })));
    assert_eq!(other.kept(), Err(FetchError::Name));
}

#[test]
fn what_was_not_asked_for_is_refused() {
    let served = served();
    let len = served.bytes.len();
    let range = |text: &str| {
        let text = text.to_owned();
        served.fetched(20_000, move |_, answer| answer.content_range = Some(text.clone()))
    };
    for text in [
        String::new(),
        "bytes */100".to_owned(),
        format!("bytes 1-20000/{len}"),
        format!("bytes 0-20000/{len}"),
        "bytes 0-19999/19999".to_owned(),
        format!("bytes 19999-0/{len}"),
        format!("bytes 0-18446744073709551615/{len}"),
    ] {
        assert_eq!(range(&text), Err(FetchError::Range), "{text}");
    }
    let huge = range("bytes 0-19999/99999999999");
    assert_eq!(huge, Err(FetchError::TooLarge { size: 99_999_999_999, max_size: 10 << 20 }));
    let grown = served.fetched(5_000, |offset, answer| {
        if offset > 0 {
            answer.content_range =
                Some(format!("bytes {offset}-{}/{}", offset + answer.body.len() - 1, len + 1));
        }
    });
    assert_eq!(grown, Err(FetchError::Range));
    let status = served.fetched(20_000, |_, answer| answer.status = 200);
    assert_eq!(status, Err(FetchError::Status(200)));
    let empty = served.fetched(20_000, |_, answer| answer.body.clear());
    assert_eq!(empty, Err(FetchError::Range));
    for to in [
        "",
        "http://a:1/node/snapshot",
        "https://a/node/snapshot",
        "https://a:1",
        "https://a:1/\r\n",
        "https://a:b/x",
    ] {
        assert_eq!(served.fetch(Seqno::ZERO).answered(redirect(to)), Err(FetchError::Redirect), "{to}");
    }
    let mut endless = served.fetch(Seqno::ZERO);
    let last = (0..100).find_map(|_| endless.answered(redirect("https://a:1/node/snapshot")).err());
    assert_eq!(last, Some(FetchError::Redirect));
}

#[test]
fn only_what_the_service_recorded_under_that_name_is_kept() {
    let served = served();
    for at in (0..served.bytes.len()).step_by(served.bytes.len() / 40) {
        let altered = served.fetched(5_000, |offset, answer| {
            if let Some(byte) = at.checked_sub(offset).and_then(|at| answer.body.get_mut(at)) {
                *byte ^= 4;
            }
        });
        assert!(matches!(altered, Err(FetchError::Refused(_))), "byte {at}: {altered:?}");
    }
    let other = Served { service: self::served().service, ..self::served() };
    let foreign = Served { service: other.service, name: served.name, bytes: served.bytes.clone() };
    assert!(matches!(foreign.fetched(5_000, |_, _| {}), Err(FetchError::Refused(_))), "of another service");
    let cut = served.bytes.len() - 10;
    let torn = Served { bytes: served.bytes[..cut].to_vec(), service: served.service.clone(), ..served };
    assert!(matches!(torn.fetched(5_000, |_, _| {}), Err(FetchError::Refused(_))), "torn");
    let name = SnapshotName { evidence_seqno: served.name.evidence_seqno.next(), ..served.name };
    let renamed = Served { name, bytes: served.bytes, service: served.service };
    assert_eq!(renamed.fetched(5_000, |_, _| {}), Err(FetchError::Name));
}
