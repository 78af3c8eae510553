//! `snp_attestation`: with a genuine report where there is one, and with what is none.

use std::{fs, path::PathBuf};

use coco_tables::Context;
use coco_wire::text::encode_hex;

use super::{empty_tx, generous, run_in, summary};

/// 2025-10-01, when the genuine certificates were valid.
const NOW_MS: u64 = 1_759_276_800_000;

fn run(buffers: &[(&str, &[u8])], now_ms: u64, body: &str) -> String {
    let buffers: String = buffers
        .iter()
        .map(|(name, bytes)| format!("const {name} = buffer('{}');", encode_hex(bytes)))
        .collect();
    let source = format!(
        "const buffer = (hex) => new Uint8Array((hex.match(/../g) ?? []).map((byte) => parseInt(byte, 16))).buffer;
         const hex = (buffer) => Array.from(new Uint8Array(buffer)).map((n) => n.toString(16).padStart(2, '0')).join('');
         const caught = (f) => {{ try {{ f() }} catch (e) {{ return `${{e.name}}: ${{e.message}}` }} }};
         const verify = snp_attestation.verifySnpAttestation;
         {buffers}
         export function f() {{ {body} }}"
    );
    let mut environment = generous(Context::GovernanceReadOnly);
    environment.capabilities.untrusted_now_ms = now_ms;
    summary(&run_in(&environment, &source, empty_tx()))
}

#[test]
fn arguments() {
    let report = [0; 1184];
    let cases = [
        ("verify(report)", "TypeError: Passed 1 arguments, but expected between 2 and 4"),
        ("verify(report, text, text, '', 1)", "TypeError: Passed 5 arguments, but expected between 2 and 4"),
        ("verify(new Uint8Array(1), text)", "TypeError: Argument must be an ArrayBuffer"),
        ("verify(report, 'text')", "TypeError: Argument must be an ArrayBuffer"),
        ("verify(report, text, null)", "TypeError: Argument must be an ArrayBuffer"),
        ("verify(report, text, undefined, '00')", "RangeError: Endorsed TCB is not 16 hexadecimal digits"),
        ("verify(text, text)", "RangeError: SEV-SNP: attestation report is not of expected size 1184: 1"),
        ("verify(report, text, undefined)", "RangeError: SEV-SNP: attestation version 0 is not supported"),
    ];
    for (call, expected) in cases {
        let found =
            run(&[("report", &report), ("text", b"x")], NOW_MS, &format!("return caught(() => {call})"));
        assert_eq!(found, format!("\"{expected}\""), "{call}");
    }
    let mut report = report;
    report[0] = 3;
    let found =
        run(&[("report", &report), ("text", b"x")], NOW_MS, "return caught(() => verify(report, text))");
    assert_eq!(found, "\"RangeError: SEV-SNP: Expected 3 endorsement certificates but got 0\"");
}

#[test]
fn a_genuine_report() {
    let Some(directory) = std::env::var_os("COCO_VECTORS").map(PathBuf::from) else {
        eprintln!(
            "SKIPPED: no genuine report of SEV-SNP, as COCO_VECTORS does not name the directory of them"
        );
        return;
    };
    let read = |name: &str| fs::read(directory.join(name)).unwrap();
    let (report, text) = (read("snp/ccf-milan/report.bin"), read("snp/ccf-milan/vcek_ask_ark.pem"));
    let uvm = read("uvm/uvm_0.2.9.cose");
    let buffers: [(&str, &[u8]); 3] = [("report", &report), ("text", &text), ("uvm", &uvm)];
    let measurement = encode_hex(&report[0x90..0xc0]);
    let names = "version,guest_svn,vmpl,signature_algo,cpuid_fam_id,cpuid_mod_id,cpuid_step,current_minor,current_build,\
        current_major,committed_build,committed_minor,committed_major,policy,plaform_info,platform_info,flags,\
        platform_version,reported_tcb,committed_tcb,launch_tcb,family_id,image_id,report_data,measurement,host_data,\
        id_key_digest,author_key_digest,report_id,report_id_ma,chip_id,signature";
    let cases = [
        ("Object.keys(verify(report, text)).join()", "attestation".to_owned()),
        ("Object.keys(verify(report, text).attestation).join()", names.to_owned()),
        ("hex(verify(report, text).attestation.measurement)", measurement),
        ("hex(verify(report, text).attestation.signature.r)", encode_hex(&report[0x2a0..0x2e8])),
        ("verify(report, text, undefined, 'DB18000000000004').attestation.reported_tcb", "db18000000000004".to_owned()),
        ("JSON.stringify(verify(report, text).attestation.policy).replaceAll('\"', '')",
            "{abi_minor:31,abi_major:0,smt:1,migrate_ma:0,debug:0,single_socket:0}".to_owned()),
        ("JSON.stringify(verify(report, text).attestation.plaform_info).replaceAll('\"', '')", "{smt_en:1,tsme_en:0}".to_owned()),
        ("JSON.stringify(verify(report, text).attestation.flags).replaceAll('\"', '')",
            "{author_key_en:0,mask_chip_key:0,signing_key:0}".to_owned()),
        ("((a) => [a.version, a.guest_svn, a.cpuid_fam_id, a.cpuid_mod_id, a.current_major, a.current_build].join())(verify(report, text).attestation)",
            "3,2,25,1,1,55".to_owned()),
        ("caught(() => verify(report, text, undefined, '0000000000000000'))",
            "RangeError: SEV-SNP: endorsed TCB 0000000000000000 does not match reported TCB db18000000000004".to_owned()),
        ("caught(() => verify(report, text, uvm))",
            "RangeError: SEV-SNP: UVM endorsements: launch measurement in UVM endorsements payload is not equal to UVM attestation measurement".to_owned()),
    ];
    for (call, expected) in cases {
        assert_eq!(run(&buffers, NOW_MS, &format!("return {call}")), format!("\"{expected}\""), "{call}");
    }
    let early = run(&buffers, 1_700_000_000_123, "return caught(() => verify(report, text))");
    assert_eq!(early, "\"RangeError: SEV-SNP: the end certificate is not valid yet\"");
}
