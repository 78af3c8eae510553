//! A boot that was measured into a software TPM (swtpm), with tpm2-tools: its key is shown to be in it, and quotes it.
//! Skipped where they are not installed.

use std::fs;

use coco_imitated::software_tpm::SoftwareTpm;
use coco_wire::text::encode_hex;

use super::{
    super::{BootRefusal, Refusal},
    machine::{Signed, Verify as _, Windows, record, with_strict},
};
use crate::{
    tests::tpm::{NONCE, Shown, keys},
    tpm::{self, Attribute, EventKind, Public},
};

/// The PCRs that are quoted, and too few of them.
const QUOTED: &str = "0,1,2,3,4,5,6,7,11,12,13,14";
const TOO_FEW: &str = "0,1,2,3,4,5,6,11,12,13,14";

/// A running TPM with a key that attests.
struct Machine(SoftwareTpm);

impl Machine {
    /// None where it is not installed.
    fn start() -> Option<Self> {
        let machine = Self(SoftwareTpm::start("no boot is measured into a software TPM")?);
        machine.make_key();
        Some(machine)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        self.0.read(name)
    }

    fn run(&self, line: &str) {
        self.0.run(line);
    }

    /// Makes a key, and lets the TPM show that it is beside its endorsement key.
    fn make_key(&self) {
        let transient = "tpm2_flushcontext -t";
        self.run("tpm2_createek -c ek -G rsa -u ek.pub");
        self.run(transient);
        self.run("tpm2_createak -C ek -c ak -G ecc -g sha256 -s ecdsa -u made.pub -n ak.name");
        self.run(transient);
        self.run("tpm2_readpublic -c ak -o ak.pub -f tss");
        self.run(transient);
        fs::write(self.0.path("secret"), b"of whoever verifies").unwrap();
        let name = encode_hex(&self.read("ak.name"));
        self.run(&format!("tpm2_makecredential -T none -u ek.pub -s secret -n {name} -o credential"));
        self.run("tpm2_startauthsession --policy-session -S session");
        self.run("tpm2_policysecret -S session -c e");
        self.run("tpm2_activatecredential -c ak -C ek -i credential -o activated -P session:session");
        self.run("tpm2_flushcontext session");
        self.run(transient);
        assert_eq!(self.read("activated"), self.read("secret"));
        assert_eq!(Public::read(&self.read("ak.pub")).unwrap().name, self.read("ak.name"));
    }

    /// What it shows of these PCRs, beside a log.
    fn show(&self, selected: &str, log: &[u8]) -> Shown {
        let nonce = encode_hex(NONCE);
        self.run(&format!(
            "tpm2_quote -c ak -l sha256:{selected} -q {nonce} -g sha256 -m message -s signature -o values -F values"
        ));
        self.run("tpm2_flushcontext -t");
        Shown {
            message: self.read("message"),
            signature: self.read("signature"),
            pcrs: self.read("values"),
            public: self.read("ak.pub"),
            log: log.to_vec(),
        }
    }

    /// Measures a boot, and shows it.
    fn boot(&self, windows: &Windows) -> Signed {
        self.0.extend(&windows.events());
        let signed = windows.sign();
        Signed { tpm: self.show(QUOTED, &signed.tpm.log), ..signed }
    }
}

#[test]
fn a_boot_that_a_software_tpm_quotes() {
    let Some(tpm) = Machine::start() else { return };
    let windows = Windows::genuine();
    let name = tpm.read("ak.name");
    let good = tpm.boot(&windows);
    let verdict =
        |signed: &Signed| with_strict(|strict| signed.verify_named(&name, strict).map(|claims| claims.key));
    assert_eq!(verdict(&good), Ok(keys().secure_kernel.public_key()));

    let mut broken: Vec<(Refusal, Signed)> = Vec::new();
    let mut with = |expected: Refusal, change: &dyn Fn(&mut Signed)| {
        let mut changed = good.clone();
        change(&mut changed);
        broken.push((expected, changed));
    };
    with(tpm::Refusal::Signature.into(), &|signed| signed.tpm.message[50] ^= 1);
    with(tpm::Refusal::Signature.into(), &|signed| signed.tpm.signature[20] ^= 1);
    with(tpm::Refusal::PcrDigest.into(), &|signed| signed.tpm.pcrs[0] ^= 1);
    // A public area that says less of the key.
    with(tpm::Refusal::Attributes(Attribute::Restricted).into(), &|signed| signed.tpm.public[7] ^= 1);
    with(tpm::Refusal::UnknownName.into(), &|signed| signed.tpm.public[9] ^= 0x40);
    let other_boot = |change: fn(&mut Windows)| {
        let mut other = windows.clone();
        change(&mut other);
        other.sign()
    };
    // Logs of boots that were not this one.
    let vsm_off = other_boot(|windows| windows.state[0].retain(|(tag, _)| *tag != 0x0005_0012));
    with(tpm::Refusal::Replay(12).into(), &|signed| signed.tpm.log.clone_from(&vsm_off.tpm.log));
    let no_separator = other_boot(|windows| windows.separated.retain(|pcr| *pcr != 13));
    with(tpm::Refusal::Replay(13).into(), &|signed| signed.tpm.log.clone_from(&no_separator.tpm.log));
    with(BootRefusal::NotMeasured(12).into(), &|signed| {
        let tag = 0x0005_0012_u32.to_le_bytes();
        let at = signed.tpm.log.windows(4).position(|bytes| bytes == tag).unwrap();
        signed.tpm.log[at + 8] ^= 3;
    });
    // Reports of other enclaves, and of no secure kernel.
    let debugged = other_boot(|windows| windows.report.flags = 1);
    with(Refusal::Debug, &|signed| signed.report.clone_from(&debugged.report));
    let older = other_boot(|windows| windows.report.svn = 2);
    with(Refusal::Enclave, &|signed| signed.report.clone_from(&older.report));
    let by_other = other_boot(|windows| windows.report_key = &keys().rsa);
    with(Refusal::Signature, &|signed| signed.report.clone_from(&by_other.report));

    // What the TPM itself says otherwise.
    let fewer = Signed { tpm: tpm.show(TOO_FEW, &good.tpm.log), ..good.clone() };
    broken.push((tpm::Refusal::NotQuoted(7).into(), fewer));
    let mut later = windows.clone();
    let forged = record(0x4001_0001, &record(0x0005_0023, b"a key of whoever controls Windows"));
    later.later.push((12, EventKind::TAG.0, forged.clone(), forged));
    tpm.0.extend(&later.later);
    let after = tpm.show(QUOTED, &good.tpm.log);
    broken.push((tpm::Refusal::Replay(12).into(), Signed { tpm: after.clone(), ..good.clone() }));
    let told = Shown { log: later.sign().tpm.log, ..after };
    broken.push((BootRefusal::BehindSeparator(12).into(), Signed { tpm: told, ..good.clone() }));

    assert_eq!(broken.len(), 14);
    for (number, (expected, signed)) in broken.iter().enumerate() {
        assert_eq!(verdict(signed), Err(*expected), "{number}");
    }
    let found = with_strict(|strict| {
        let other = tpm::Requirements { nonce: b"another", ..strict.tpm };
        let requirements = super::super::Requirements { tpm: other, ..*strict };
        good.verify_named(&name, &requirements).map(|_| ())
    });
    assert_eq!(found, Err(tpm::Refusal::Nonce.into()));
}

#[test]
fn a_boot_without_vsm_that_a_software_tpm_quotes() {
    let Some(tpm) = Machine::start() else { return };
    let mut windows = Windows::genuine();
    for state in &mut windows.state {
        state.iter_mut().filter(|(tag, _)| *tag == 0x0005_0012).for_each(|(_, data)| data.fill(0));
    }
    let signed = tpm.boot(&windows);
    let found = with_strict(|strict| signed.verify_named(&tpm.read("ak.name"), strict).map(|_| ()));
    assert_eq!(found, Err(BootRefusal::VsmOff.into()));
}
