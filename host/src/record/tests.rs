use super::*;

fn name(name: &str) -> PathBuf {
    Path::new("d").join(name)
}

fn create(file: &str, id: usize) -> Call {
    Call::Create { path: name(file), file: FileId(id) }
}

fn write(id: usize, offset: u64, bytes: &[u8]) -> Call {
    Call::Write { file: FileId(id), offset, bytes: bytes.to_vec() }
}

fn sync_directory() -> Call {
    Call::SyncDirectory { path: "d".into() }
}

fn image(files: &[(&str, &[u8])]) -> Vec<(PathBuf, Vec<u8>)> {
    files.iter().map(|(file, content)| (name(file), content.to_vec())).collect()
}

fn after(calls: &[Call], survival: Survival) -> Vec<(PathBuf, Vec<u8>)> {
    Image::after(calls, survival).files().clone().into_iter().collect()
}

#[test]
fn only_what_was_synchronised_is_certain() {
    let id = FileId(0);
    let mut calls = vec![create("a", 0), write(0, 0, b"one"), Call::SyncData { file: id }];
    assert_eq!(after(&calls, Survival::Nothing), image(&[]), "the name was not synchronised");
    calls.push(sync_directory());
    assert_eq!(after(&calls, Survival::Nothing), image(&[("a", b"one")]));
    calls.push(write(0, 3, b"two"));
    calls.push(Call::Rename { from: name("a"), to: name("b") });
    assert_eq!(after(&calls, Survival::Nothing), image(&[("a", b"one")]));
    assert_eq!(after(&calls, Survival::Everything), image(&[("b", b"onetwo")]));
    calls.push(sync_directory());
    assert_eq!(after(&calls, Survival::Nothing), image(&[("b", b"one")]));
    calls.push(Call::Remove { path: name("b") });
    calls.push(sync_directory());
    assert_eq!(after(&calls, Survival::Nothing), image(&[]));
}

#[test]
fn a_smaller_size_needs_the_stronger_synchronisation() {
    let id = FileId(0);
    let mut calls =
        vec![create("a", 0), sync_directory(), write(0, 0, b"abcdef"), Call::SyncData { file: id }];
    calls.extend([Call::Resize { file: id, size: 2 }, write(0, 2, b"X"), Call::SyncData { file: id }]);
    assert_eq!(after(&calls, Survival::Nothing), image(&[("a", b"abXdef")]));
    assert_eq!(after(&calls, Survival::Everything), image(&[("a", b"abX")]));
    calls.push(Call::SyncAll { file: id });
    assert_eq!(after(&calls, Survival::Nothing), image(&[("a", b"abX")]));
}

#[test]
fn random_images_differ_and_repeat_by_seed() {
    let calls = [create("a", 0), sync_directory(), write(0, 0, &[1; 2048]), write(0, 2048, &[2; 2048])];
    let all: std::collections::BTreeSet<Vec<u8>> = (0..200)
        .map(|seed| {
            let survival = Survival::RandomSubset { seed };
            assert_eq!(after(&calls, survival), after(&calls, survival), "seed {seed}");
            after(&calls, survival)[0].1.clone()
        })
        .collect();
    assert!(all.len() > 20, "{} different images", all.len());
    let lens: std::collections::BTreeSet<usize> =
        (0..50).map(|seed| after(&calls, Survival::RandomPrefix { seed })[0].1.len()).collect();
    assert_eq!(lens.into_iter().collect::<Vec<_>>(), [0, 2048, 4096]);
}
