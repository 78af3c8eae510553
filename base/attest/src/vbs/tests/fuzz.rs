//! All that is read of an enclave of Windows and of the boot below it, changed again and again.

use coco_crypto::{Certificate, PrivateKey};
use coco_fuzz::{Campaign, Target, Work, variants};

use super::{
    super::{Evidence, Malformed, Refusal, Report, SecureKernel, boot, health, tagged, verify},
    machine::{Health, STATE, Signed, Verify as _, Windows, record, signing_key, with_strict},
};
use crate::{
    tests::{
        der::{sign_statement, statement},
        snp::to_pem,
        tpm::{NOW, Tpm, keys},
        vectors::seeds,
        windows,
    },
    tpm::{Event, EventLog, Hash, Public},
};

/// Most bytes of what is signed: longer ones are refused before anybody looks at them.
const MAX_SIGNED: usize = 0x4000;
/// Where a statement begins in a package, and how long a signature is.
const HEADER_LEN: usize = 24;
const SIGNATURE_LEN: usize = 256;
/// Kinds of blocks, tags of records, and what ends a name.
const WORDS: &[&[u8]] = &[
    b"\x01\0\0\0\x70\0\0\0",
    b"\x01\0\x01\x40",
    b"\x23\0\x05\0",
    b"\x12\0\x05\0\x08\0\0\0",
    b"\x21\0\x05\0\x01\0\0\0\x01",
    b"\0\0",
    b"WBCL",
];

#[test]
fn evidence() {
    let mut campaign = Campaign::new("vbs");
    reports(&mut campaign);
    health_certificates(&mut campaign);
    signed(&mut campaign);
    campaign.finish(&variants(include_str!("../refusal.rs"), "Refusal"));
}

#[test]
fn boots() {
    let mut campaign = Campaign::new("boot of Windows");
    records(&mut campaign);
    measured(&mut campaign);
    campaign.finish(&variants(include_str!("../refusal.rs"), "BootRefusal"));
}

fn reports(campaign: &mut Campaign) {
    let made_up = Windows::genuine().sign().report;
    let statement = made_up[HEADER_LEN..made_up.len() - SIGNATURE_LEN].to_vec();
    let packages = [made_up.clone()];
    campaign.run(Target::new("package", Work::Parse, &packages).with(WORDS), |bytes| {
        Report::of_package(bytes).map(|report| report.modules.len() as u64)
    });
    let key = keys().secure_kernel.public_key();
    campaign.run(Target::new("package, verified", Work::Check, &packages).with(WORDS), |bytes| {
        Report::authenticate(bytes, &key).map(|_| 0)
    });
    let statements = [statement];
    campaign.run(Target::new("statement", Work::Parse, &statements).with(WORDS), |bytes| {
        Report::of_package(&package(bytes)).map(|report| {
            let names = report.modules.iter().filter(|module| !module.name.is_empty());
            (report.modules.len() + 256 * names.count()) as u64
        })
    });
}

/// A package around a statement whose own length is right, without a signature.
fn package(statement: &[u8]) -> Vec<u8> {
    let len = u32::try_from(statement.len()).unwrap();
    let mut package: Vec<u8> =
        [24 + len, 1, 1, len, 0, 0].iter().flat_map(|number| number.to_le_bytes()).collect();
    package.extend(statement);
    if statement.len() >= 4 {
        package[HEADER_LEN..HEADER_LEN + 4].copy_from_slice(&len.to_le_bytes());
    }
    package
}

fn health_certificates(campaign: &mut Campaign) {
    let text = Health::genuine().sign();
    let roots = [keys().root.public_key().id()];
    let texts = [text.clone()];
    let words: &[&[u8]] = &[b"-----END CERTIFICATE-----", b"-----BEGIN CERTIFICATE-----\n"];
    campaign.run(Target::new("health certificates", Work::Check, &texts).with(words), |bytes| {
        health::signing_key(bytes, &roots, NOW).map(|_| 0)
    });
    let chain = Certificate::bundle_from_pem(std::str::from_utf8(&text).unwrap()).unwrap();
    let root = chain[1].der().to_vec();
    let mut end = Health::genuine().0[0].clone();
    end.serial = vec![0];
    let ends = [statement(&end.sign()).to_vec()];
    campaign.run(Target::new("health certificate, signed", Work::Sign, &ends), |bytes| {
        let end = sign_statement(&bytes[..bytes.len().min(MAX_SIGNED)], &keys().root);
        health::signing_key(&to_pem(&[end, root.clone()]), &roots, NOW).map(|_| 0)
    });
}

fn records(campaign: &mut Campaign) {
    let all: Vec<u8> = STATE.iter().flat_map(|(tag, data)| record(*tag, data)).collect();
    let deep = [0x4001_0001; 3].iter().fold(all.clone(), |content, tag| record(*tag, &content));
    let records = [record(0x4001_0001, &all), deep];
    campaign.run(Target::new("records", Work::Parse, &records).with(WORDS), |bytes| {
        let mut found = Vec::new();
        tagged::records(bytes, &mut found).map(|()| found.len() as u64).ok_or(Malformed::Statement)
    });
}

/// Logs of which all was measured that they say.
fn measured(campaign: &mut Campaign) {
    let genuine = windows::Windows::read("boots of Windows").map(|windows| windows.log);
    let logs = seeds([Windows::genuine().sign().tpm.log].into_iter().chain(genuine), "", &[]);
    let key = |log: &[u8]| {
        let log = EventLog::read(log).map_err(crate::tpm::Refusal::from)?;
        let digests: Vec<Vec<u8>> = log.events.iter().map(|event| Hash::Sha256.digest(event.data)).collect();
        let measured = log.events.iter().zip(&digests).map(|(event, digest)| Event {
            digests: vec![(Hash::Sha256, digest.as_slice())],
            ..event.clone()
        });
        let events: Vec<Event<'_>> = measured.collect();
        let key =
            with_strict(|strict| boot::started(&events, Hash::Sha256, strict).map(|started| started.key));
        key.map_err(Refusal::from)
    };
    campaign.run(Target::new("boot", Work::Parse, &logs).with(WORDS), |bytes| key(bytes).map(|_| 0));
    let keys = [signing_key(&keys().secure_kernel)];
    let words: &[&[u8]] = &[b"\x01\0\x01", b"\x03", b"\0\x08\0\0", b"\x03\0\0\0", b"\x01\x01\0\0"];
    campaign.run(Target::new("key", Work::Parse, &keys).with(words), |bytes| {
        boot::rsa(bytes).map(|key| key.bits() as u64).ok_or(Malformed::Statement)
    });
}

/// Reports and logs that are signed after they were changed.
fn signed(campaign: &mut Campaign) {
    let good = Windows::genuine().sign();
    let name = Public::read(&good.tpm.public).unwrap().name;
    let made_up = &good.report;
    let statements = [made_up[HEADER_LEN..made_up.len() - SIGNATURE_LEN].to_vec()];
    let certificates = Health::genuine().sign();
    campaign.run(Target::new("statement, signed", Work::Sign, &statements).with(WORDS), |bytes| {
        let mut report = package(&bytes[..bytes.len().min(MAX_SIGNED)]);
        let signature = sign(&report[HEADER_LEN..]);
        report.extend(signature);
        let len = u32::try_from(report.len()).unwrap();
        report[..4].copy_from_slice(&len.to_le_bytes());
        report[16..20].copy_from_slice(&u32::try_from(SIGNATURE_LEN).unwrap().to_le_bytes());
        with_strict(|strict| {
            let evidence =
                Evidence { report: &report, secure_kernel: SecureKernel::Certified(&certificates) };
            verify(&evidence, strict, NOW).map(|claims| claims.report.modules.len() as u64)
        })
    });
    let logs = [good.tpm.log.clone()];
    campaign.run(Target::new("event log, quoted", Work::Sign, &logs).with(WORDS), |bytes| {
        let mut tpm = Tpm::new(&keys().elliptic);
        tpm.log = bytes.to_vec();
        if let Ok(replayed) = EventLog::read(bytes).and_then(|log| log.replay(Hash::Sha256)) {
            tpm.pcrs = replayed;
        }
        let changed = Signed { report: good.report.clone(), tpm: tpm.show() };
        with_strict(|strict| changed.verify_named(&name, strict).map(|_| 0))
    });
}

fn sign(statement: &[u8]) -> Vec<u8> {
    use coco_crypto::{hash::HashAlgorithm, signature::SignatureScheme};

    let scheme = SignatureScheme::RsaPss(HashAlgorithm::Sha256);
    PrivateKey::sign(&keys().secure_kernel, scheme, statement).unwrap()
}
