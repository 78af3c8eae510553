//! All that is read of a machine of Azure, changed again and again.

use coco_fuzz::{Campaign, Target, Work, variants};

use super::{
    super::{Frame, Hardware, Runtime},
    machine::{Azure, Signed, TDX, Verify as _, runtime},
};
use crate::tests::{tpm::keys, vectors::seeds};

/// Where a report of TDX has its report data, in a frame.
const TDX_REPORT_DATA: usize = 32 + 128;
/// Words of what the paravisor says.
const JSON: &[&[u8]] = &[
    b"\"HCLAkPub\"",
    b"\"kty\":\"RSA\"",
    b"\"e\":\"AQAB\"",
    b"\"user-data\":\"\"",
    b"\"vm-configuration\":{}",
    b"null",
    b"true",
    b"[",
    b"\\ud800",
];

#[test]
fn evidence() {
    let mut campaign = Campaign::new("azure_cvm");
    let azure = Azure::genuine();
    let [snp, tdx] =
        [Azure::genuine(), Azure { hardware: TDX, ..Azure::genuine() }].map(|azure| azure.sign());
    let made_up = [snp.report.clone(), tdx.report.clone()];
    let frames = seeds(made_up, "azure-cvm", &["hcl-report-snp.bin", "hcl-report-tdx.bin", "hcl-report.bin"]);
    campaign.run(Target::new("frame", Work::Parse, &frames), |bytes| {
        let frame = Frame::read(bytes)?;
        let bound = u64::from(frame.must_bind()[0]) >> 7;
        Ok::<_, super::super::Refusal>(2 * u64::from(matches!(frame.hardware, Hardware::Snp(_))) + bound)
    });
    let said = runtime("HCLAkPub", &keys().rsa.public_key());
    let genuine = frames.iter().filter_map(|frame| Some(Frame::read(frame).ok()?.runtime.to_vec()));
    let mut texts = vec![said.into_bytes()];
    texts.extend(genuine);
    campaign.run(Target::new("runtime data", Work::Parse, &texts).with(JSON).of_text(), |bytes| {
        let runtime = Runtime::read(bytes)?;
        let [secure, data] = [runtime.configuration.secure_boot.is_some(), runtime.user_data.is_some()];
        Ok::<_, super::super::Refusal>(u64::from(secure) + 2 * u64::from(data))
    });
    campaign.run(Target::new("frame, verified", Work::Check, &frames[..1]), |bytes| {
        Signed { report: bytes.to_vec(), ..snp.clone() }.verify().map(|_| 0)
    });
    campaign.run(Target::new("frame of TDX, bound", Work::Check, &frames[1..2]), |bytes| {
        let mut report = bytes.to_vec();
        let bound = super::super::must_bind(bytes)?;
        report[TDX_REPORT_DATA..TDX_REPORT_DATA + bound.len()].copy_from_slice(&bound);
        Signed { report, ..tdx.clone() }.verify_tdx(&bound).map(|_| 0)
    });
    campaign.run(
        Target::new("runtime data, bound", Work::Check, &texts[..1]).with(JSON).of_text(),
        |bytes| {
            let runtime = String::from_utf8_lossy(&bytes[..bytes.len().min(1 << 16)]).into_owned();
            let report = Azure { hardware: TDX, runtime, ..azure.clone() }.frame(&snp.snp.report);
            let bound = super::super::must_bind(&report)?;
            Signed { report, ..tdx.clone() }.verify_tdx(&bound).map(|_| 0)
        },
    );
    campaign.run(
        Target::new("runtime data, signed", Work::Sign, &texts[..1]).with(JSON).of_text(),
        |bytes| {
            let runtime = String::from_utf8_lossy(&bytes[..bytes.len().min(1 << 13)]).into_owned();
            Azure { runtime, ..azure.clone() }.sign().verify().map(|_| 0)
        },
    );
    campaign.finish(&variants(include_str!("../refusal.rs"), "Refusal"));
}
