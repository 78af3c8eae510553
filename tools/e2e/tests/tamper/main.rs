//! Tampering with a ledger: every bit and every length, one at a time, is noticed, but for fields that nobody can check.

mod fields;
mod subject;

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use coco_e2e::scale;

use fields::{UNCHECKED, field_at};
use subject::{Subject, Verdict, make_ledger};

/// One change of the ledger: file, and what becomes of its bytes.
type Change = (usize, Edit);

/// What becomes of the bytes of a file.
#[derive(Clone, Copy, Debug)]
enum Edit {
    /// This bit, counted from the start of the file, is inverted.
    Flip(usize),
    /// The file is cut to this many bytes.
    Cut(usize),
}

impl Edit {
    fn apply(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Flip(bit) => {
                let mut bytes = bytes.to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                bytes
            }
            Self::Cut(length) => bytes[..length].to_vec(),
        }
    }
}

/// Every bit in a long run; in the gate one of 16, not always the same of a byte.
fn sampled(bits: impl Iterator<Item = usize>) -> impl Iterator<Item = usize> {
    let phase = |bit: usize| (bit / 16 * 7) % 16;
    bits.filter(move |bit| scale::is_full() || bit % 16 == phase(*bit))
}

/// Makes each change for itself; tells those that `wrong` finds fault with.
fn try_all(
    what: &str,
    subject: &Subject,
    changes: &[Change],
    wrong: impl Fn(&Change, &Verdict) -> Option<String> + Sync,
) -> Vec<String> {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some((file, edit)) = changes.get(at) else { return };
        if at % 50_000 == 49_999 {
            println!("{what}: {} of {}", at + 1, changes.len());
        }
        let judged =
            catch_unwind(AssertUnwindSafe(|| subject.judge(*file, &edit.apply(&subject.files.0[*file].1))));
        let fault = match judged {
            Ok(verdict) => wrong(&changes[at], &verdict),
            Err(_) => Some("panics".to_owned()),
        };
        if let Some(fault) = fault {
            lock(&found).push(format!("{what}: {}, {edit:?}: {fault}", subject.files.0[*file].0));
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let found = found.into_inner().expect("no thread panics with the lock");
    println!("{what}: {} changes, {} wrong", changes.len(), found.len());
    found
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panics with the lock")
}

fn must_be_damaged(_: &Change, verdict: &Verdict) -> Option<String> {
    (!matches!(verdict, Verdict::Damaged)).then(|| format!("{verdict:?}"))
}

fn flips_before_the_last_signature(subject: &Subject) -> Vec<String> {
    let mut changes: Vec<Change> = Vec::new();
    for file in 0..=subject.signature.file {
        let end = match file == subject.signature.file {
            true => subject.signature.from,
            false => subject.files.0[file].1.len(),
        };
        changes.extend(sampled(0..end * 8).map(|bit| (file, Edit::Flip(bit))));
    }
    try_all("bits before the last signature", subject, &changes, must_be_damaged)
}

/// Of the last signature and what follows: noticed, or in a field that is known to be beyond checking.
fn flips_from_the_last_signature(
    subject: &Subject,
    unnoticed: &Mutex<BTreeMap<&'static str, usize>>,
) -> Vec<String> {
    let (file, from) = (subject.signature.file, subject.signature.from);
    let bytes = &subject.files.0[file].1;
    let changes: Vec<Change> =
        sampled(from * 8..bytes.len() * 8).map(|bit| (file, Edit::Flip(bit))).collect();
    try_all("bits from the last signature on", subject, &changes, |(_, edit), verdict| {
        let Edit::Flip(bit) = edit else { return None };
        if !matches!(verdict, Verdict::Verified(_)) {
            return None;
        }
        let field = field_at(&bytes[from..], bit / 8 - from);
        if !UNCHECKED.iter().any(|(name, _)| *name == field) {
            return Some(format!("unnoticed in {field}"));
        }
        *lock(unnoticed).entry(field).or_insert(0) += 1;
        None
    })
}

fn cuts_of_committed_files(subject: &Subject) -> Vec<String> {
    let is_committed = |file: &usize| subject.files.0[*file].0.ends_with(".committed");
    let files = (0..subject.files.0.len()).filter(is_committed);
    let cuts = files.flat_map(|file| (0..subject.files.0[file].1.len()).map(move |to| (file, Edit::Cut(to))));
    try_all("lengths of committed files", subject, &cuts.collect::<Vec<_>>(), must_be_damaged)
}

fn cuts_of_the_open_file(subject: &Subject) -> Vec<String> {
    let file = subject.files.0.len() - 1;
    let cuts: Vec<Change> = (0..subject.files.0[file].1.len()).map(|to| (file, Edit::Cut(to))).collect();
    let whole = subject.last_entry();
    try_all("lengths of the open file", subject, &cuts, |_, verdict| match verdict {
        Verdict::Tail(_) => None,
        Verdict::Verified(id) if *id < whole => None,
        verdict => Some(format!("{verdict:?}")),
    })
}

#[test]
fn every_change_of_a_ledger_is_noticed() {
    let open = make_ledger();
    assert!(matches!(open.verdict(), Verdict::Tail(_)), "unsigned entries at the end");
    let signed = open.up_to_last_signature();
    assert!(matches!(signed.verdict(), Verdict::Verified(_)), "a signature at the end");
    let closed = open.without_open_file();
    assert!(matches!(closed.verdict(), Verdict::Verified(_)), "whole chunks only");
    assert!(closed.files.len() >= 64 << 10, "{} bytes", closed.files.len());
    assert!(closed.files.0.len() >= 3, "{} chunks", closed.files.0.len());

    let unnoticed = Mutex::default();
    let wrong = [
        flips_before_the_last_signature(&signed),
        cuts_of_committed_files(&signed),
        cuts_of_committed_files(&closed),
        cuts_of_the_open_file(&open),
        flips_from_the_last_signature(&signed, &unnoticed),
        flips_from_the_last_signature(&closed, &unnoticed),
    ]
    .concat();
    let unnoticed = lock(&unnoticed).clone();
    println!("fields of the last signature entry that cannot be checked:");
    for (field, reason) in UNCHECKED {
        println!("  {field:28} {:5} bits  {reason}", unnoticed.get(field).unwrap_or(&0));
    }
    let first: Vec<_> = wrong.iter().take(50).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} changes:\n{}", wrong.len(), first.join("\n"));
    if scale::is_full() {
        let listed: BTreeSet<_> = UNCHECKED.iter().map(|(field, _)| *field).collect();
        assert_eq!(
            unnoticed.into_keys().collect::<BTreeSet<_>>(),
            listed,
            "the list is longer than it has to be"
        );
    }
}
