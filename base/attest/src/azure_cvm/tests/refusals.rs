//! One case, or some, for each reason.

use coco_wire::text::decode_hex;
use serde_json::Value;

use super::{
    super::{Demand, Evidence, Malformed, Refusal, Requirements, must_bind, verify_snp},
    machine::{Azure, STRICT, TDX, Verify as _, runtime},
};
use crate::{
    sev_snp::{self, Vmpl},
    tests::{
        snp::Verify as _,
        tpm::{NOW, keys},
    },
    tpm::{self, Hash, PcrSet, Public, Quoted, Signature},
};

#[track_caller]
fn refused(expected: Refusal, change: impl FnOnce(&mut Azure)) {
    refused_by(&STRICT, expected, change);
}

#[track_caller]
fn refused_by(requirements: &Requirements<'_>, expected: Refusal, change: impl FnOnce(&mut Azure)) {
    let mut azure = Azure::genuine();
    change(&mut azure);
    let found = azure.sign().verify_with(&sev_snp::Requirements::STRICT, requirements).map(|_| ());
    assert_eq!(found, Err(expected));
}

#[test]
fn machines_that_are_believed() {
    let signed = Azure::genuine().sign();
    let (snp, claims) = signed.verify().unwrap();
    assert_eq!(snp.report.measurement, [0x3e; 48]);
    assert_eq!(snp.report.report_data, must_bind(&signed.report).unwrap());
    assert_eq!(claims.runtime.configuration.machine.as_deref(), Some("NAME"));
    assert_eq!(claims.tpm.events.len(), 2);
    let older = Azure { version: 1, ..Azure::genuine() }.sign();
    assert_eq!(older.verify().unwrap().1, claims);
    // Nothing is said of the console, nor anything beside.
    let mut quiet = Azure::genuine();
    quiet.runtime = quiet.runtime.replace(r#""console-enabled":false,"#, "");
    quiet.runtime.truncate(quiet.runtime.find(r#","user-data""#).unwrap());
    quiet.runtime.push('}');
    let nothing = Requirements { user_data: None, demands: &[Demand::SecureBoot], ..STRICT };
    let quiet = quiet.sign();
    let (_, found) = quiet.verify_with(&sev_snp::Requirements::STRICT, &nothing).unwrap();
    assert_eq!((found.runtime.configuration.console, found.runtime.user_data), (None, None));
    // Behind TDX, whose quote says the same as the report in the frame.
    let tdx = Azure { hardware: TDX, ..Azure::genuine() }.sign();
    let bound = must_bind(&tdx.report).unwrap();
    assert_eq!(tdx.verify_tdx(&bound).unwrap().runtime, claims.runtime);
}

/// A quote of a genuine software TPM in the form that Azure's tools give: a bare signature of RSASSA.
#[test]
fn bare_signatures() {
    let recorded: Value = serde_json::from_str(include_str!("../../tpm/tests/data/swtpm.json")).unwrap();
    let bytes = |value: &Value| decode_hex(value.as_str().unwrap()).unwrap();
    let [message, signature, pcrs, area] =
        ["message", "signature", "pcrs", "public"].map(|field| bytes(&recorded["quotes"][0][field]));
    let key = Public::read(&area).unwrap().key;
    let signed = Azure { runtime: runtime("HCLAkPub", &key), ..Azure::genuine() }.sign();
    let quoted = Quoted {
        message: &message,
        signature: Signature::RsaSsa(Hash::Sha256, &signature[6..]),
        pcrs: &pcrs,
    };
    let evidence = Evidence { report: &signed.report, quoted, log: None };
    let endorsements =
        sev_snp::Endorsements { certificates: &signed.snp.certificates, revocation_lists: &[], uvm: None };
    let snp = sev_snp::Requirements { roots: signed.snp.trusted(), ..sev_snp::Requirements::STRICT };
    let tpm = tpm::Requirements { nonce: &bytes(&recorded["nonce"]), ..tpm::Requirements::STRICT };
    let requirements = Requirements { tpm, ..STRICT };
    let (_, claims) = verify_snp(&evidence, &endorsements, &snp, &requirements, NOW).unwrap();
    assert_eq!(claims.tpm.pcrs.value(0), Some(&[0; 32][..]));
    let cut = Quoted { signature: Signature::RsaSsa(Hash::Sha256, &signature[7..]), ..quoted };
    let found = verify_snp(&Evidence { quoted: cut, ..evidence }, &endorsements, &snp, &requirements, NOW)
        .map(|_| ());
    assert_eq!(found, Err(tpm::Refusal::Signature.into()));
    let replayed = tpm::Requirements { replayed: PcrSet::of(&[0]), ..tpm };
    let needs_log = Requirements { tpm: replayed, ..requirements };
    let found = verify_snp(&evidence, &endorsements, &snp, &needs_log, NOW).map(|_| ());
    assert_eq!(found, Err(tpm::Refusal::NoLog.into()));
}

#[test]
fn frames() {
    let header = || Refusal::Malformed(Malformed::Header);
    let runtime_header = || Refusal::Malformed(Malformed::RuntimeHeader);
    refused(Refusal::TooLarge, |azure| azure.runtime.extend([' '; 16 * 1024]));
    refused(Refusal::Magic, |azure| azure.magic = *b"HCLB");
    refused(Refusal::Version(0), |azure| azure.version = 0);
    refused(Refusal::Version(3), |azure| azure.version = 3);
    refused(header(), |azure| azure.request = 1);
    refused(runtime_header(), |azure| azure.runtime_version = 2);
    refused(runtime_header(), |azure| azure.excess = [1, 0, 0]);
    refused(runtime_header(), |azure| azure.excess = [0, 1, 0]);
    refused(runtime_header(), |azure| azure.excess = [0, 0, 1]);
    refused(runtime_header(), |azure| azure.excess = [41, 41, 41]);
    refused(Refusal::UnknownHardware(3), |azure| azure.hardware = 3);
    refused(Refusal::HashAlgorithm(2), |azure| azure.hash = 2);
    let good = Azure::genuine().sign();
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut changed = good.clone();
        change(&mut changed.report);
        changed.verify().map(|_| ()).unwrap_err()
    };
    // The status, what is reserved, and the zeros at the end.
    assert_eq!(with(&|report| report[16] = 1), header());
    assert_eq!(with(&|report| report[31] = 1), header());
    assert_eq!(with(&|report| report.truncate(31)), header());
    assert_eq!(with(&|report| report.truncate(1215)), Refusal::Malformed(Malformed::Report));
    assert_eq!(with(&|report| report.truncate(1235)), runtime_header());
    assert_eq!(with(&|report| report.truncate(1300)), runtime_header());
    assert_eq!(with(&|report| *report.last_mut().unwrap() = 1), Refusal::Malformed(Malformed::Padding));
}

#[test]
fn hardware() {
    refused(sev_snp::Refusal::ReportData.into(), |azure| azure.bound = false);
    refused(sev_snp::Refusal::Debug.into(), |azure| azure.snp.put(0x0a, &[0x0b]));
    refused(Refusal::OtherHardware, |azure| azure.hardware = TDX);
    // Below the paravisor, whatever a caller would accept.
    let mut below = Azure::genuine();
    below.snp.put(0x30, &[2]);
    let any = sev_snp::Requirements { vmpl: Vmpl::Guest, ..sev_snp::Requirements::STRICT };
    let found = below.sign().verify_with(&any, &STRICT).map(|_| ());
    assert_eq!(found, Err(sev_snp::Refusal::Vmpl(2).into()));

    let bound = must_bind(&Azure::genuine().sign().report).unwrap();
    let snp = Azure::genuine().sign();
    assert_eq!(snp.verify_tdx(&bound), Err(Refusal::OtherHardware));
    let tdx = Azure { hardware: TDX, ..Azure::genuine() };
    let signed = tdx.sign();
    assert_eq!(signed.verify_tdx(&[0; 64]), Err(Refusal::ReportData));
    // The quote is bound, but is of another machine than the report.
    let unbound = Azure { bound: false, ..tdx }.sign();
    assert_eq!(unbound.verify_tdx(&bound), Err(Refusal::ReportData));
    let with = |at: usize| {
        let mut changed = signed.clone();
        changed.report[at] ^= 1;
        changed.verify_tdx(&bound).map(|_| ())
    };
    let report = Err(Refusal::Malformed(Malformed::Report));
    assert_eq!((with(32), with(32 + 1024), with(32 + 1183)), (report.clone(), report.clone(), report));
    // The second half of the report data must be zero.
    assert_eq!(with(32 + 128 + 32), Err(Refusal::ReportData));
}

#[test]
fn runtime_data() {
    let malformed = || Refusal::Malformed(Malformed::Runtime);
    let key = || keys().rsa.public_key();
    refused(malformed(), |azure| azure.runtime.push('x'));
    refused(malformed(), |azure| azure.runtime = azure.runtime.replace("vm-configuration", "configuration"));
    refused(malformed(), |azure| azure.runtime = azure.runtime.replace("ABAB\"", "ABA\""));
    refused(malformed(), |azure| azure.runtime = azure.runtime.replace(":true", ":1"));
    refused(Refusal::Key, |azure| azure.runtime = runtime("HCLEkPub", &key()));
    refused(Refusal::Key, |azure| azure.runtime = azure.runtime.replace("HCLEkPub", "HCLAkPub"));
    refused(Refusal::Key, |azure| azure.runtime = azure.runtime.replace("\"n\":\"", "\"n\":\"!"));
    refused(Refusal::Key, |azure| azure.runtime = azure.runtime.replacen("RSA", "EC", 1));
    refused(Refusal::Key, |azure| azure.runtime = azure.runtime.replace("\"e\"", "\"exponent\""));
    refused(Refusal::Demand(Demand::SecureBoot), |azure| {
        azure.runtime = azure.runtime.replace("\"secure-boot\":true", "\"secure-boot\":false");
    });
    refused(Refusal::Demand(Demand::NoConsole), |azure| {
        azure.runtime = azure.runtime.replace("\"console-enabled\":false,", "");
    });
    refused_by(&Requirements { user_data: Some([0; 64]), ..STRICT }, Refusal::UserData, |_| {});
    refused(Refusal::UserData, |azure| {
        azure.runtime = azure.runtime.replace("user-data", "other-data");
    });
}

#[test]
fn tpms() {
    refused(tpm::Refusal::Nonce.into(), |azure| azure.tpm.nonce.push(0));
    refused(tpm::Refusal::Signature.into(), |azure| azure.tpm.key = &keys().elliptic);
    refused(tpm::Refusal::Replay(7).into(), |azure| azure.tpm.extend(7, &[0; 32]));
    // The runtime data name the key of another TPM.
    refused(tpm::Refusal::Signature.into(), |azure| {
        azure.runtime = runtime("HCLAkPub", &keys().intermediate.public_key());
    });
}
