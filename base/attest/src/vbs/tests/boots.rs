//! Boots: one case, or some, for each reason.

use coco_crypto::hash::sha256;

use super::{
    super::{BootRefusal, Demand, Refusal, Requirements},
    machine::{
        DATABASE, GLOBAL, SIGNER, SIGNING_KEY, Verify as _, Windows, record, signer, signing_key, variable,
        vouched, with_strict,
    },
};
use crate::{
    tests::tpm::keys,
    tpm::{self, EventKind, LogRefusal},
};

#[track_caller]
fn refused(expected: BootRefusal, change: impl FnOnce(&mut Windows)) {
    let mut windows = Windows::genuine();
    change(&mut windows);
    assert_eq!(windows.sign().verify(), Err(Refusal::Boot(expected)));
}

/// Replaces what Windows says of a tag in both PCRs.
fn say(windows: &mut Windows, tag: u32, data: Option<&[u8]>) {
    for state in &mut windows.state {
        state.retain(|(other, _)| *other != tag);
        state.extend(data.map(|data| (tag, data.to_vec())));
    }
}

#[test]
fn states_of_windows() {
    let cases = [
        (0x0004_0001, BootRefusal::BootDebugging),
        (0x0005_0001, BootRefusal::KernelDebugging),
        (0x0005_000d, BootRefusal::HypervisorDebugging),
        (0x0005_0003, BootRefusal::TestSigning),
        (0x0005_0021, BootRefusal::FlightSigning),
        (0x0005_0005, BootRefusal::SafeMode),
        (0x0005_0006, BootRefusal::Preinstallation),
    ];
    for (tag, expected) in cases {
        refused(expected, |windows| say(windows, tag, Some(&[1])));
        // One loader says that it is on, another that it is off.
        refused(expected, |windows| windows.state[0].push((tag, vec![1])));
        refused(expected, |windows| windows.state[1].insert(0, (tag, vec![0, 1])));
        let may_be_missing = [0x0005_000d, 0x0005_0021, 0x0005_0006].contains(&tag);
        let mut missing = Windows::genuine();
        say(&mut missing, tag, None);
        let found = missing.sign().verify().map(|_| ());
        assert_eq!(found, if may_be_missing { Ok(()) } else { Err(expected.into()) });
    }
    let cases = [
        (0x0005_0002, BootRefusal::CodeIntegrity),
        (0x0005_0012, BootRefusal::VsmOff),
        (0x0005_000a, BootRefusal::HypervisorOff),
    ];
    for (tag, expected) in cases {
        refused(expected, |windows| say(windows, tag, Some(&[0; 8])));
        refused(expected, |windows| say(windows, tag, Some(&[])));
        refused(expected, |windows| say(windows, tag, None));
        refused(expected, |windows| windows.state[0].push((tag, vec![0])));
        // Said beside only.
        refused(expected, |windows| windows.state[0].retain(|(other, _)| *other != tag));
    }
}

#[test]
fn demands() {
    let check = |demand: Demand, windows: &Windows| {
        with_strict(|strict| {
            let requirements = Requirements { demands: &[demand], ..*strict };
            windows.sign().verify_with(&requirements).map(|_| ())
        })
    };
    let cases = [
        (Demand::NoHibernation, 0x0005_0024),
        (Demand::EncryptedDumps, 0x0005_0026),
        (Demand::NoDumps, 0x0005_0025),
        (Demand::EncryptedPageFile, 0x0005_0022),
        (Demand::BootDmaProtection, 0x0005_0030),
    ];
    for (demand, tag) in cases {
        let mut windows = Windows::genuine();
        say(&mut windows, tag, Some(&[1]));
        assert_eq!(check(demand, &windows), Ok(()));
        for data in [Some([0].as_slice()), None] {
            say(&mut windows, tag, data);
            assert_eq!(check(demand, &windows), Err(BootRefusal::Demand(demand).into()));
        }
    }
}

#[test]
fn keys_of_the_secure_kernel() {
    let own = || (SIGNING_KEY, signing_key(&keys().secure_kernel));
    let other = || (SIGNING_KEY, signing_key(&keys().rsa));
    refused(BootRefusal::NoSigningKey, |windows| say(windows, SIGNING_KEY, None));
    refused(BootRefusal::NoSigningKey, |windows| {
        windows.state[0].retain(|(tag, _)| *tag != SIGNING_KEY);
    });
    refused(BootRefusal::SigningKeys, |windows| windows.state[0].push(other()));
    refused(BootRefusal::SigningKeys, |windows| windows.state[0].push(own()));
    refused(BootRefusal::SigningKeys, |windows| windows.state[1].push(other()));
    let mut beside = Windows::genuine();
    beside.state[1].retain(|(tag, _)| *tag != SIGNING_KEY);
    beside.sign().verify().unwrap();
    // Another key was measured than the one that signed.
    let mut exchanged = Windows::genuine();
    say(&mut exchanged, SIGNING_KEY, Some(&other().1));
    assert_eq!(exchanged.sign().verify(), Err(Refusal::Signature));
    let (_, good) = own();
    for change in [
        good[..good.len() - 1].to_vec(),
        [good.as_slice(), &[0]].concat(),
        [&[2], &good[1..]].concat(),
        [&good[..5], &[7], &good[6..]].concat(),
        [&good[..8], &[9], &good[9..]].concat(),
        good[..11].to_vec(),
        Vec::new(),
    ] {
        refused(BootRefusal::SigningKey, |windows| say(windows, SIGNING_KEY, Some(&change)));
    }
}

#[test]
fn secure_boot() {
    for value in [&[0][..], &[], &[1, 0], &[2]] {
        refused(BootRefusal::SecureBoot, |windows| {
            windows.firmware[0][0] = variable(GLOBAL, "SecureBoot", value);
        });
    }
    refused(BootRefusal::SecureBoot, |windows| {
        windows.firmware[0][0] = variable(DATABASE, "SecureBoot", &[1]);
    });
    refused(BootRefusal::SecureBoot, |windows| windows.firmware[0].swap(1, 2));
    for missing in 0..5 {
        refused(BootRefusal::SecureBoot, |windows| {
            windows.firmware[0].remove(missing);
        });
    }
    refused(BootRefusal::NoAuthority, |windows| windows.firmware[1].clear());
    // Databases that some firmware has beside; code of devices that the same signer vouched for.
    let mut more = Windows::genuine();
    more.firmware[0].extend([
        variable(DATABASE, "dbt", b"x"),
        variable(DATABASE, "dbr", b""),
        vouched(SIGNER),
    ]);
    more.sign().verify().unwrap();
    let authorities = [
        vouched(b"certificate of another one"),
        variable(GLOBAL, "db", &[&[0x77; 16], SIGNER].concat()),
        variable(DATABASE, "dbx", &[&[0x77; 16], SIGNER].concat()),
        variable(DATABASE, "MokList", &[&[0x77; 16], SIGNER].concat()),
        variable(DATABASE, "db", &[0x77; 15]),
    ];
    for authority in authorities {
        refused(BootRefusal::Authority, |windows| windows.firmware[1].push(authority.clone()));
        refused(BootRefusal::Authority, |windows| windows.firmware[0].push(authority.clone()));
    }
    // A variable that changed when it had been measured.
    refused(BootRefusal::Authority, |windows| {
        windows.firmware[1].push(variable(GLOBAL, "SecureBoot", &[1]));
    });
    refused(BootRefusal::Unknown(7), |windows| windows.firmware[0].push(b"UEFI Debug Mode".to_vec()));
    for change in [vouched(SIGNER)[..40].to_vec(), [vouched(SIGNER), vec![0]].concat()] {
        refused(BootRefusal::Unknown(7), |windows| windows.firmware[1].push(change));
    }
    let found = with_strict(|strict| {
        let requirements = Requirements { boot_authorities: &[sha256(b"other")], ..*strict };
        Windows::genuine().sign().verify_with(&requirements).map(|_| ())
    });
    assert_eq!(found, Err(BootRefusal::Authority.into()));
    assert_ne!(signer(), sha256(b"other"));
}

#[test]
fn orders_of_logs() {
    for pcr in [12, 13] {
        refused(BootRefusal::NoSeparator(u8::try_from(pcr).unwrap()), |windows| {
            windows.separated.retain(|other| *other != pcr);
        });
        // What whoever controls Windows would like to have been measured.
        let key = record(0x4001_0001, &record(SIGNING_KEY, &signing_key(&keys().rsa)));
        refused(BootRefusal::BehindSeparator(u8::try_from(pcr).unwrap()), |windows| {
            windows.later.push((pcr, EventKind::TAG.0, key.clone(), key.clone()));
        });
        let mut other_data = Windows::genuine();
        other_data.separated.retain(|other| *other != pcr);
        other_data.later.push((pcr, EventKind::TAG.0, b"measured".to_vec(), b"said".to_vec()));
        let found = other_data.sign().verify().map(|_| ());
        assert_eq!(found, Err(BootRefusal::NotMeasured(u8::try_from(pcr).unwrap()).into()));
        for unknown in [b"records?".to_vec(), record(0x4001_0001, b"records?"), vec![0; 4]] {
            refused(BootRefusal::Unknown(u8::try_from(pcr).unwrap()), |windows| {
                windows.separated.retain(|other| *other != pcr);
                windows.later.push((pcr, EventKind::TAG.0, unknown.clone(), unknown));
            });
        }
    }
    let deep = (0..5).fold(Vec::new(), |inner, _| record(0x4001_0001, &inner));
    refused(BootRefusal::Unknown(12), |windows| {
        windows.separated.retain(|other| *other != 12);
        windows.later.push((12, EventKind::TAG.0, deep.clone(), deep));
    });
    refused(BootRefusal::NotMeasured(7), |windows| {
        windows.later.push((7, EventKind::VARIABLE_AUTHORITY.0, b"another".to_vec(), vouched(SIGNER)));
    });
    let separators = |pcr: u32, data: &[u8]| {
        let mut windows = Windows::genuine();
        windows.later.push((pcr, EventKind::SEPARATOR.0, data.to_vec(), data.to_vec()));
        windows.sign().verify().map(|_| ())
    };
    let count = Windows::genuine().events().len();
    let second = tpm::Refusal::Log(LogRefusal::SecondSeparator(count)).into();
    assert_eq!((separators(12, b"WBCL"), separators(7, &[0xff; 4])), (Err(second), Err(second)));
    // Firmware's separator of PCR 7 is an event of another kind, and so something unknown.
    let signed = Windows::genuine().sign();
    let mut relabelled = signed.clone();
    relabelled.tpm.log = relabel(&signed.tpm.log, 7, EventKind::SEPARATOR, EventKind::VARIABLE_AUTHORITY);
    assert_eq!(relabelled.verify().map(|_| ()), Err(BootRefusal::NoSeparator(7).into()));
    relabelled.tpm.log = relabel(&signed.tpm.log, 12, EventKind::SEPARATOR, EventKind::TAG);
    assert_eq!(relabelled.verify().map(|_| ()), Err(BootRefusal::Unknown(12).into()));
    relabelled.tpm.log = relabel(&signed.tpm.log, 12, EventKind::TAG, EventKind::NO_ACTION);
    assert_eq!(relabelled.verify().map(|_| ()), Err(tpm::Refusal::Replay(12).into()));
}

/// A log with another kind for an event, of which there are digests of two hashes.
fn relabel(log: &[u8], pcr: u32, from: EventKind, to: EventKind) -> Vec<u8> {
    let head = [pcr.to_le_bytes(), from.0.to_le_bytes(), 2_u32.to_le_bytes()].concat();
    let at = log.windows(head.len()).position(|bytes| bytes == head).unwrap();
    let mut changed = log.to_vec();
    changed[at + 4..at + 8].copy_from_slice(&to.0.to_le_bytes());
    changed
}
