//! Event logs: what is read of them, and what they lead to.

use super::super::{EventKind, EventLog, Hash, LogRefusal, PcrSet};
use crate::tests::tpm::{Tpm, event, header, keys, old_event};

const SHA256: u16 = 0x0b;
const SHA384: u16 = 0x0c;
/// Of a hash that we do not know.
const SM3: u16 = 0x12;

fn digests(data: &[u8]) -> Vec<(u16, Vec<u8>)> {
    vec![(SHA256, Hash::Sha256.digest(data))]
}

/// A log of one bank with these events in it.
fn log(events: &[Vec<u8>]) -> Vec<u8> {
    [header(&[(SHA256, 32)]), events.concat()].concat()
}

/// An event whose data is what was measured.
fn measured(pcr: u32, kind: EventKind, data: &[u8]) -> Vec<u8> {
    event(pcr, kind.0, &digests(data), data)
}

#[track_caller]
fn refused(log: &[u8], expected: LogRefusal) {
    assert_eq!(EventLog::read(log).and_then(|log| log.replay(Hash::Sha256)), Err(expected));
}

#[test]
fn logs_lead_to_what_was_measured() {
    let mut tpm = Tpm::new(&keys().elliptic);
    tpm.measure(0, 8, b"version");
    tpm.measure(7, EventKind::VARIABLE_DRIVER_CONFIG.0, b"variable");
    tpm.measure(7, EventKind::SEPARATOR.0, &[0; 4]);
    tpm.measure(0, EventKind::SEPARATOR.0, &[0xff; 4]);
    tpm.measure(12, EventKind::SEPARATOR.0, b"WBCL");
    tpm.measure_as(4, 0x8000_0003, b"the image", b"where it was");
    tpm.log.extend(event(u32::MAX, EventKind::NO_ACTION.0, &digests(b""), b"not measured"));
    let log = EventLog::read(&tpm.log).unwrap();
    assert_eq!(log.replay(Hash::Sha256).unwrap(), tpm.pcrs);
    assert_eq!(log.replay(Hash::Sha1).unwrap()[23], [0; 20]);
    assert_eq!(log.replay(Hash::Sha512), Err(LogRefusal::NoDigest(0)));
    let data = |event: usize| log.events[event].measured(Hash::Sha256);
    assert_eq!((data(0), data(1), data(5)), (Some(&b"version"[..]), Some(&b"variable"[..]), None));
    assert_eq!((data(6), log.events.len()), (None, 7));
    let some = log.measured_into(PcrSet::of(&[0, 7]));
    assert_eq!(some.events.iter().map(|event| event.pcr).collect::<Vec<_>>(), [0, 7, 7, 0]);
}

#[test]
fn the_old_form() {
    let digest = Hash::Sha1.digest(b"data");
    let events = [
        // What an earlier version of the newer form began with.
        old_event(0, 3, &[0; 20], b"Spec ID Event02\0"),
        old_event(1, 5, &digest, b"data"),
    ]
    .concat();
    let log = EventLog::read(&events).unwrap();
    let expected = Hash::Sha1.digest(&[[0; 20].as_slice(), &digest].concat());
    assert_eq!(log.replay(Hash::Sha1).unwrap()[1], expected);
    assert_eq!(log.replay(Hash::Sha256), Err(LogRefusal::NoDigest(1)));
    assert_eq!(EventLog::read(&events[..events.len() - 1]), Err(LogRefusal::Truncated(1)));
    assert_eq!(EventLog::read(b""), Err(LogRefusal::Truncated(0)));
}

#[test]
fn banks_that_nobody_knows_are_passed_over() {
    let banks = header(&[(SM3, 32), (SHA384, 48), (SHA256, 32)]);
    let data = Hash::Sha256.digest(b"data");
    let one = event(0, 5, &[(SM3, vec![1; 32]), (SHA256, data.clone())], b"data");
    let log = [banks, one].concat();
    let log = EventLog::read(&log).unwrap();
    assert_eq!(log.events[0].digests, [(Hash::Sha256, data.as_slice())]);
    assert_eq!(log.replay(Hash::Sha384), Err(LogRefusal::NoDigest(0)));
}

#[test]
fn headers_that_are_refused() {
    let good = header(&[(SHA256, 32)]);
    for length in 32 + 24..good.len() {
        let mut cut = good[..length].to_vec();
        let size = u32::try_from(length - 32).unwrap();
        cut[28..32].copy_from_slice(&size.to_le_bytes());
        refused(&cut, LogRefusal::Header);
    }
    for banks in [
        vec![],
        vec![(SHA256, 31)],
        vec![(SHA256, 32), (SHA256, 32)],
        (0..9).map(|id| (0x100 + id, 32)).collect(),
    ] {
        refused(&header(&banks), LogRefusal::Header);
    }
    let mut longer = good;
    longer.push(0);
    longer[28] += 1;
    refused(&longer, LogRefusal::Header);
}

#[test]
fn events_that_are_refused() {
    let separator = |data: &[u8]| measured(1, EventKind::SEPARATOR, data);
    refused(&log(&[event(0, 5, &[(SHA384, vec![0; 48])], b"")]), LogRefusal::Digests(0));
    let twice = [digests(b""), digests(b"")].concat();
    refused(&log(&[event(0, 5, &twice, b"")]), LogRefusal::Digests(0));
    refused(&log(&[separator(&[0; 4]), event(0, 5, &[], b"")]), LogRefusal::NoDigest(1));
    refused(&log(&[measured(24, EventKind::TAG, b"")]), LogRefusal::Pcr(0));
    refused(&log(&[measured(u32::MAX, EventKind::TAG, b"")]), LogRefusal::Pcr(0));
    refused(&log(&[measured(24, EventKind::NO_ACTION, b"")]), LogRefusal::Pcr(0));
    refused(&log(&[separator(&[1, 0, 0, 0])]), LogRefusal::Separator(0));
    refused(&log(&[separator(b"")]), LogRefusal::Separator(0));
    refused(&log(&[event(1, EventKind::SEPARATOR.0, &digests(b"x"), &[0; 4])]), LogRefusal::Separator(0));
    refused(&log(&[separator(&[0; 4]), separator(&[0xff; 4])]), LogRefusal::SecondSeparator(1));
    let whole = log(&[separator(&[0; 4])]);
    let begin = log(&[]).len();
    for length in begin + 1..whole.len() {
        refused(&whole[..length], LogRefusal::Truncated(0));
    }
    let mut long = whole;
    let size = long.len() - 8;
    long[size..size + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    refused(&long, LogRefusal::Truncated(0));
}

#[test]
fn who_began_to_measure() {
    let startup = |locality: u8| [b"StartupLocality\0".as_slice(), &[locality]].concat();
    let says = |pcr: u32, locality: u8| measured(pcr, EventKind::NO_ACTION, &startup(locality));
    for locality in [0, 3, 4] {
        let bytes = log(&[says(0, locality)]);
        let begun = EventLog::read(&bytes).unwrap().replay(Hash::Sha256).unwrap();
        assert_eq!(begun[0], [[0; 31].as_slice(), &[locality]].concat());
    }
    let version = measured(0, EventKind(8), b"version");
    let elsewhere = measured(1, EventKind(8), b"elsewhere");
    refused(&log(&[says(0, 1)]), LogRefusal::Locality(0));
    refused(&log(&[says(1, 3)]), LogRefusal::Locality(0));
    refused(&log(&[says(0, 3), says(0, 3)]), LogRefusal::Locality(1));
    refused(&log(&[elsewhere, version, says(0, 3)]), LogRefusal::Locality(2));
    let longer = [startup(3), vec![0]].concat();
    refused(&log(&[measured(0, EventKind::NO_ACTION, &longer)]), LogRefusal::Locality(0));
}

#[test]
fn bounds() {
    refused(&vec![0; 1024 * 1024 + 1], LogRefusal::TooLarge);
    let one = event(0, 5, &digests(b""), b"");
    let most = log(&vec![one.clone(); 8192]);
    EventLog::read(&most).unwrap().replay(Hash::Sha256).unwrap();
    refused(&log(&vec![one; 8193]), LogRefusal::TooManyEvents);
}
