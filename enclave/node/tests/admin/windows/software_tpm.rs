//! A node whose machine measures its boot into a real TPM but for the chip (swtpm): it joins, and whatever is broken of its
//! evidence is refused. Skipped where swtpm and tpm2-tools are not installed; [`super::refusals`] does the same with a TPM
//! of these tests.

use std::{io, path::PathBuf, rc::Rc};

use coco_attest::tpm::PcrSet;
use coco_host::platform::tpm::{self, Channel};
use coco_imitated::{
    software_tpm::{SoftwareTpm, kind, transmit},
    tpm::{Shown, keys},
    windows::{SIGNING_KEY, Signed, Windows, kind as event, record, signing_key},
};
use coco_tables::value::Present;
use coco_wire::Digest;
use serde_json::Value;

use super::{
    KEY, TPM, UNVERIFIED, quote,
    refusals::{ENCLAVES, TAMPERINGS},
    start_on,
};
use crate::{
    applicant::{Applicant, Hardware},
    harness::Admin,
    join::refusal,
    snp::refused_on,
};

const HANDLE: u32 = 0x8101_0002;
/// The PCRs that are quoted, and too few of them.
const QUOTED: PcrSet = PcrSet::of(&[0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14]);
const TOO_FEW: PcrSet = PcrSet::of(&[0, 1, 2, 3, 4, 5, 6, 11, 12, 13, 14]);

struct Socket(PathBuf);

impl Channel for Socket {
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        transmit(&self.0, command)
    }
}

/// A machine of these tests with a real TPM, into which its boot was measured.
#[derive(Clone)]
struct Machine {
    software: Rc<SoftwareTpm>,
    tpm: Rc<tpm::Tpm>,
    windows: Windows,
    log: Vec<u8>,
    selected: PcrSet,
    /// What the quote answers instead, and the report.
    other: [Option<Digest>; 2],
    carrier: fn(&mut Signed),
}

impl Machine {
    /// None where there is no such TPM.
    fn boot() -> Option<Self> {
        let software = SoftwareTpm::start("no node joins with a software TPM")?;
        software.make_key(kind::ELLIPTIC, HANDLE);
        let windows = Windows::genuine();
        software.extend(&windows.events());
        let tpm = tpm::Tpm::new(Box::new(Socket(software.socket())));
        let log = windows.sign().tpm.log;
        let (software, tpm) = (Rc::new(software), Rc::new(tpm));
        Some(Self { software, tpm, windows, log, selected: QUOTED, other: [None; 2], carrier: |_| {} })
    }

    fn show(&self, report_data: &Digest) -> (Vec<u8>, Vec<u8>) {
        let [nonce, data] = self.other.map(|other| other.unwrap_or(*report_data));
        let mut windows = self.windows.clone();
        windows.report.bind(&data);
        let shown = self.tpm.quote(HANDLE, self.selected, &nonce.0).expect("a quote");
        let tpm::Shown { message, signature, pcrs, public } = shown;
        let tpm = Shown { message, signature, pcrs, public, log: self.log.clone() };
        let mut signed = Signed { report: windows.report.sign(windows.report_key), tpm };
        (self.carrier)(&mut signed);
        (signed.tpm.form(&signed.report), signed.tpm.public)
    }
}

impl Hardware for Machine {
    fn quote(&self) -> Value {
        self.bound(&Digest::ZERO)
    }

    fn bound(&self, report_data: &Digest) -> Value {
        quote(&self.show(report_data))
    }
}

/// A service that admits this TPM, too.
fn service(machine: &Machine) -> Admin {
    let mut admin = start_on(&super::machine());
    let name = machine.software.key_name();
    admin.write(|tables, tx| tables.windows.attestation_keys.put(tx, &name, &Present));
    admin
}

#[test]
fn a_node_with_a_software_tpm_joins_and_nothing_that_is_broken_does() {
    let Some(good) = Machine::boot() else { return };
    refused_on(&mut start_on(&super::machine()), good.clone(), TPM, "a TPM that nobody knows");
    let mut admin = service(&good);
    let mut refused = 0;
    let mut refuse = |admin: &mut Admin, machine: Machine, expected: &str, case: &str| {
        refused_on(admin, machine, expected, case);
        refused += 1;
    };
    // Reports of other enclaves, and of no secure kernel.
    for (case, change, expected) in ENCLAVES {
        let mut machine = good.clone();
        change(&mut machine.windows);
        refuse(&mut admin, machine, expected, case);
    }
    // What whoever carries the evidence changes.
    for (case, carrier, expected) in TAMPERINGS {
        refuse(&mut admin, Machine { carrier, ..good.clone() }, expected, case);
    }
    let other = Some(Digest([1; 32]));
    let stale = Machine { other: [other, None], ..good.clone() };
    refuse(&mut admin, stale, KEY, "a quote that answers something else");
    let elsewhere = Machine { other: [None, other], ..good.clone() };
    refuse(&mut admin, elsewhere, KEY, "a report for something else");
    let fewer = Machine { selected: TOO_FEW, ..good.clone() };
    refuse(&mut admin, fewer, UNVERIFIED, "PCRs that are not quoted");

    // It shows fresh evidence for the challenge, and is given the secrets.
    let applicant = Applicant::on(good.clone());
    applicant.told(&mut admin, "Trusted");
    applicant.let_in(&mut admin);
    applicant.challenged(&mut admin);
    let answer = applicant.show(&mut admin, &Digest([1; 32]));
    assert_eq!(refusal(&answer), (401, "InvalidQuote", KEY));

    // What whoever controls Windows measures when the boot is over, whether they say so or not.
    let mut admin = service(&good);
    let mut later = good.clone();
    let forged = record(0x4001_0001, &record(SIGNING_KEY, &signing_key(&keys().rsa)));
    later.windows.later.push((12, event::TAG, forged.clone(), forged));
    good.software.extend(&later.windows.later);
    refuse(&mut admin, good, UNVERIFIED, "a log that leaves something out");
    later.log = later.windows.sign().tpm.log;
    later.windows.report_key = &keys().rsa;
    refuse(&mut admin, later, UNVERIFIED, "a key that was measured behind the separator");
    assert_eq!(refused, 27);
}
