//! Genuine reports of processors of AMD, in the directory that `COCO_VECTORS` names.

use std::{fs, path::PathBuf};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use coco_tables::{
    platforms::{CodeStatus, TcbVersion},
    value::JsonText,
};
use coco_wire::{Digest, text::encode_hex};
use serde_json::json;

use super::{KEY, PROCESSOR, TCB, UNVERIFIED};
use crate::{applicant::Applicant, harness::Admin, join::refusal};

/// Reports of version 3, their processors, and the least versions that they are of.
const VECTORS: [(&str, &str, [u32; 4]); 2] =
    [("snp/ccf-milan", "00a00f11", [4, 0, 0x18, 0xdb]), ("snp/ccf-genoa", "00a10f11", [0x0a, 0, 0x17, 0x54])];

#[test]
fn a_genuine_report_is_believed_but_is_of_another_node() {
    let Some(directory) = std::env::var_os("COCO_VECTORS").map(PathBuf::from) else {
        eprintln!(
            "SKIPPED: genuine reports of SEV-SNP are not tested, as COCO_VECTORS does not name their directory"
        );
        return;
    };
    for (name, cpuid, [boot_loader, tee, snp, microcode]) in VECTORS {
        let [report, certificates] =
            ["report.bin", "vcek_ask_ark.pem"].map(|file| fs::read(directory.join(name).join(file)).unwrap());
        let host_data = Digest(report[0xc0..0xe0].try_into().unwrap());
        let measurement = encode_hex(&report[0x90..0xc0]);
        let mut admin = Admin::start();
        admin.node.tick(1000);
        let applicant = Applicant::new();
        let answer = |admin: &mut Admin, report: &[u8]| {
            let mut body = applicant.body();
            body["quote_info"] = json!({ "format": "AMD_SEV_SNP_v1", "quote": STANDARD.encode(report),
                "endorsements": STANDARD.encode(&certificates) });
            let answer = applicant.ask(admin, &body);
            let (status, code, text) = refusal(&answer);
            assert_eq!((status, code), (401, "InvalidQuote"), "{text}");
            text.to_owned()
        };
        assert_eq!(answer(&mut admin, &report), PROCESSOR, "{name}");
        let version = TcbVersion {
            boot_loader: Some(boot_loader),
            tee: Some(tee),
            snp: Some(snp),
            microcode: Some(microcode),
            ..TcbVersion::default()
        };
        let newer = TcbVersion { microcode: Some(microcode + 1), ..version.clone() };
        for (version, expected) in [(newer, TCB), (version, KEY)] {
            admin.write(|tables, tx| {
                let platforms = &tables.platforms;
                platforms.snp_tcb_versions.put(tx, &cpuid.to_owned(), &version);
                platforms.snp_host_data.put(tx, &host_data, &JsonText::from(""));
                platforms.snp_measurements.put(tx, &measurement, &CodeStatus::AllowedToJoin);
            });
            assert_eq!(answer(&mut admin, &report), expected, "{name}");
        }
        let mut forged = report.clone();
        forged[0x50..0x70].copy_from_slice(&applicant.id().0);
        assert_eq!(answer(&mut admin, &forged), UNVERIFIED, "{name}");
    }
}
