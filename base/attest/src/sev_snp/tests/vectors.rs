//! Genuine reports of machines that exist, at a time when their certificates were valid. `COCO_VECTORS` names the
//! directory with them.

use std::{fs, path::Path};

use coco_crypto::{pem, x509::UnixTime};

use super::super::{
    Claims, Demand, Endorsements, Link, Product, Providers, Refusal, Report, Requirements, Signer, Vmpl,
    check_endorsements,
    uvm::{self, AZURE},
    verify,
};
use crate::tests::{changes::each_change, vectors};

/// 2025-10-01.
const NOW: UnixTime = UnixTime(1_759_276_800);

/// A report with its end certificate and the file with the other two, of which these blocks are theirs.
pub(super) struct Vector {
    pub(super) report: &'static str,
    pub(super) end: &'static str,
    above: (&'static str, [usize; 2]),
    pub(super) expected: Result<(Product, u32), Refusal>,
}

/// Bytes in front of the report that Azure's paravisor keeps.
const PARAVISOR_HEADER_LEN: usize = 32;

const STRICT: Requirements<'static> = Requirements { oldest_version: 2, ..Requirements::STRICT };

const MILAN: &str = "snp/roots/milan_ask_ark_asvk.pem";
const GENOA: &str = "snp/roots/genoa_ask_ark_asvk.pem";
const TURIN: &str = "snp/roots/turin_ask_ark_asvk.pem";

/// Report, end certificate and the file with those above it, which may be the same; how it is judged.
type Row = (&'static str, &'static str, &'static str, Result<(Product, u32), Refusal>);

const ROWS: [Row; 17] = [
    ("snp/ccf-milan/report.bin", "snp/ccf-milan/vcek_ask_ark.pem", "", Ok((Product::Milan, 3))),
    ("snp/ccf-genoa/report.bin", "snp/ccf-genoa/vcek_ask_ark.pem", "", Ok((Product::Genoa, 3))),
    ("snp/oak-turin-oc/report.bin", "snp/oak-turin-oc/tee_cert.der", TURIN, Ok((Product::Turin, 5))),
    (
        "snp/oak-milan-oc-release/report.bin",
        "snp/oak-milan-oc-release/tee_cert.der",
        MILAN,
        Ok((Product::Milan, 3)),
    ),
    ("snp/trustee/report.bin", "snp/trustee/vcek.der", MILAN, Ok((Product::Milan, 2))),
    (
        "snp/virtee-sev/report_milan.bin",
        "snp/virtee-sev/vcek_milan.der",
        "snp/virtee-sev/cert_chain_milan",
        Ok((Product::Milan, 2)),
    ),
    (
        "snp/go-sev-guest/attestation.bin",
        "snp/go-sev-guest/vcek.testcer",
        "snp/go-sev-guest/milan.testcer",
        Err(Refusal::Debug),
    ),
    // Certificates made invalid on purpose.
    (
        "snp/trustee/report.bin",
        "snp/trustee/vcek-invalid-legacy.der",
        MILAN,
        Err(Refusal::ChainSignature(Link::End)),
    ),
    (
        "snp/trustee/report.bin",
        "snp/trustee/vcek-invalid-new.der",
        MILAN,
        Err(Refusal::ChainSignature(Link::End)),
    ),
    // Certificates of others.
    ("snp/ccf-milan/report.bin", "snp/ccf-genoa/vcek_ask_ark.pem", "", Err(Refusal::ReportSignature)),
    (
        "snp/ccf-genoa/report.bin",
        "snp/oak-turin-oc/tee_cert.der",
        GENOA,
        Err(Refusal::ChainSignature(Link::End)),
    ),
    (
        "snp/ccf-v2_format_milan/report.bin",
        "snp/ccf-milan/vcek_ask_ark.pem",
        "",
        Err(Refusal::ReportSignature),
    ),
    (
        "snp/oak-turin-oc/report.bin",
        "snp/virtee-sev/vcek_turin.der",
        "snp/virtee-sev/cert_chain_turin",
        Err(Refusal::ReportSignature),
    ),
    (
        "azure-cvm/az-cvm-vtpm/snp_report_extracted.bin",
        "azure-cvm/az-cvm-vtpm/certs.pem",
        "",
        Err(Refusal::ReportSignature),
    ),
    // Machines of Azure with a paravisor, which keeps the report in a frame of its own.
    (
        "azure-cvm/trustee-az-snp/hcl-report.bin",
        "azure-cvm/trustee-az-snp/vcek.pem",
        "",
        Ok((Product::Milan, 2)),
    ),
    (
        "azure-cvm/trustee-az-snp/evidence-genoa.json",
        "azure-cvm/trustee-az-snp/vcek-genoa.pem",
        GENOA,
        Ok((Product::Genoa, 3)),
    ),
    (
        "azure-cvm/trustee-az-snp/evidence-v0.json",
        "azure-cvm/trustee-az-snp/evidence-v0.json",
        MILAN,
        Ok((Product::Milan, 3)),
    ),
];

pub(super) fn all() -> Vec<Vector> {
    let of_row = |(report, end, above, expected): Row| match above {
        "" => Vector { report, end, above: (end, [1, 2]), expected },
        _ => Vector { report, end, above: (above, [0, 1]), expected },
    };
    ROWS.map(of_row).into_iter().collect()
}

impl Vector {
    pub(super) fn report(&self, directory: &Path) -> Vec<u8> {
        let mut bytes = fs::read(directory.join(self.report)).unwrap();
        if self.report.ends_with(".json") {
            let evidence: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            bytes = serde_json::from_value(evidence["report"].clone()).unwrap();
        }
        let begin = if bytes.len() == Report::LEN { 0 } else { PARAVISOR_HEADER_LEN };
        bytes[begin..begin + Report::LEN].to_vec()
    }

    pub(super) fn certificates(&self, directory: &Path) -> Vec<Vec<u8>> {
        let blocks = |file: &str| {
            let mut bytes = fs::read(directory.join(file)).unwrap();
            if file.ends_with(".json") {
                let evidence: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
                bytes = evidence["vcek"].as_str().unwrap().as_bytes().to_vec();
            }
            match std::str::from_utf8(&bytes) {
                Ok(text) => pem::blocks(text).unwrap().iter().map(|block| block.der.to_vec()).collect(),
                Err(_) => vec![bytes],
            }
        };
        let above: Vec<Vec<u8>> = blocks(self.above.0);
        let [intermediate, root] = self.above.1.map(|at| above[at].clone());
        vec![blocks(self.end).remove(0), intermediate, root]
    }
}

fn check(
    report: &[u8],
    certificates: &[Vec<u8>],
    requirements: &Requirements<'_>,
    now: UnixTime,
) -> Result<Claims, Refusal> {
    let certificates = super::machine::to_pem(certificates);
    verify(
        report,
        &Endorsements { certificates: &certificates, revocation_lists: &[], uvm: None },
        requirements,
        now,
    )
}

#[test]
fn verdicts() {
    let Some(directory) = vectors::directory("reports of SEV-SNP") else { return };
    for vector in all() {
        let (report, certificates) = (vector.report(&directory), vector.certificates(&directory));
        let found = check(&report, &certificates, &STRICT, NOW);
        vectors::tell(&format!("{} by {}", vector.report, vector.end), NOW, &found);
        let summary = found.map(|claims| (claims.product, claims.report.version));
        assert_eq!(summary, vector.expected, "{} by {}", vector.report, vector.end);
        if vector.expected.is_ok() {
            let certificates = super::machine::to_pem(&certificates);
            assert_eq!(check_endorsements(&certificates, &report), Ok(()), "{}", vector.report);
        }
    }
}

#[test]
fn a_key_of_a_provider() {
    let Some(directory) = vectors::directory("reports of SEV-SNP") else { return };
    let vector = Vector {
        report: "snp/trustee/vlek-report.bin",
        end: "snp/trustee/vlek.der",
        above: (MILAN, [2, 1]),
        expected: Ok((Product::Milan, 3)),
    };
    let (report, certificates) = (vector.report(&directory), vector.certificates(&directory));
    let provider = "CN=cc-us-east-2.amazonaws.com";
    let allowed = Requirements { providers: Providers::Only(&[provider]), vmpl: Vmpl::Exactly(1), ..STRICT };
    let found = check(&report, &certificates, &allowed, NOW);
    vectors::tell(&format!("{} by {}", vector.report, vector.end), NOW, &found);
    let claims = found.unwrap();
    assert_eq!(claims.signer, Signer::Provider(provider.to_owned()));
    let refused =
        |requirements: &Requirements<'_>, now| check(&report, &certificates, requirements, now).unwrap_err();
    assert_eq!(refused(&Requirements { providers: Providers::Only(&[]), ..allowed }, NOW), Refusal::Provider);
    assert_eq!(refused(&Requirements { vmpl: Vmpl::Exactly(0), ..allowed }, NOW), Refusal::Vmpl(1));
    let expired = UnixTime(1_765_404_861 + 86_400);
    assert_eq!(refused(&allowed, expired), Refusal::Expired(Link::End));
}

#[test]
fn any_change_of_a_genuine_report_is_refused() {
    let Some(directory) = vectors::directory("reports of SEV-SNP") else { return };
    for vector in all().iter().filter(|vector| vector.expected.is_ok()) {
        let (report, certificates) = (vector.report(&directory), vector.certificates(&directory));
        each_change(&report, &[0xff], |change, report| {
            assert!(check(&report, &certificates, &STRICT, NOW).is_err(), "{} {change}", vector.report);
        });
    }
}

#[test]
fn any_change_of_a_genuine_certificate_is_refused() {
    let Some(directory) = vectors::directory("reports of SEV-SNP") else { return };
    for name in ["snp/ccf-genoa/report.bin", "snp/oak-turin-oc/report.bin"] {
        let vectors = all();
        let vector = vectors.iter().find(|vector| vector.report == name && vector.expected.is_ok()).unwrap();
        let (report, certificates) = (vector.report(&directory), vector.certificates(&directory));
        for at in 0..3 {
            each_change(&certificates[at], &[0x01], |change, der| {
                let mut changed = certificates.clone();
                changed[at] = der;
                assert!(check(&report, &changed, &STRICT, NOW).is_err(), "{name} certificate {at}, {change}");
            });
        }
    }
}

#[test]
fn what_genuine_reports_demand_and_show() {
    let Some(directory) = vectors::directory("reports of SEV-SNP") else { return };
    let turin = &all()[2];
    let (report, certificates) = (turin.report(&directory), turin.certificates(&directory));
    let claims = check(&report, &certificates, &STRICT, NOW).unwrap();
    assert_eq!(claims.tcb, Product::Turin.tcb_version(0x4700_0000_0200_0100));
    assert_eq!(
        (claims.tcb.boot_loader, claims.tcb.snp, claims.tcb.microcode, claims.tcb.fmc),
        (1, 2, 0x47, Some(0))
    );
    let demands = Requirements { demands: &[Demand::AliasCheck], ..STRICT };
    check(&report, &certificates, &demands, NOW).unwrap();
    let demands = Requirements { demands: &[Demand::NoSmt], ..STRICT };
    assert_eq!(check(&report, &certificates, &demands, NOW), Err(Refusal::Demand(Demand::NoSmt)));
}

#[test]
fn endorsements_of_utility_vms() {
    let Some(directory) = vectors::directory("reports of SEV-SNP") else { return };
    let cases = [
        (
            "ecdsa_test1.cose",
            "1b66347ceafca663690ff17ed2144b8acdee661edc5d28e69a7c85dde7ba0c3a6f9862096e8b38da7aa622ddeed75c37",
            "ConfAKS-AMD-UVM",
            1,
        ),
        (
            "rsa_test1.cose",
            "02c3b0d5bf1d256fa4e3b5deefc07b55ff2f7029085ed350f60959140a1a51f1310753ba5ab2c03a0536b1c0c193af47",
            "ContainerPlat-AMD-UVM",
            100,
        ),
        (
            "uvm_0.2.9.cose",
            "d0c9e2be22046e60779be88868cff64c2aa22047c15d3127ba495cee3fbc2854c5633f9da2096e6c64ae2b69bbff8082",
            "ContainerPlat-AMD-UVM",
            103,
        ),
    ];
    for (file, measurement, feed, svn) in cases {
        let message = fs::read(directory.join("uvm").join(file)).unwrap();
        let measurement = coco_wire::text::decode_hex(measurement).unwrap().try_into().unwrap();
        let found = uvm::verify(&message, &measurement, &AZURE);
        vectors::tell(&format!("uvm/{file}"), NOW, &found);
        let claims = found.unwrap();
        assert_eq!((claims.feed.as_str(), claims.svn), (feed, svn), "{file}");
        assert_eq!(uvm::verify(&message, &[0; 48], &AZURE), Err(uvm::Refusal::Measurement));
        assert_eq!(uvm::verify(&message, &measurement, &[]), Err(uvm::Refusal::NotTrusted));
        let newer = AZURE.map(|trusted| uvm::Trusted { svn: svn + 1, ..trusted });
        assert_eq!(uvm::verify(&message, &measurement, &newer), Err(uvm::Refusal::NotTrusted));
        // Behind what is signed there is a time stamp in the unprotected header.
        let unprotected = message.windows(9).position(|window| window == b"timestamp").unwrap();
        each_change(&message[..unprotected - 2], &[0x01], |change, mut changed| {
            changed.extend_from_slice(&message[changed.len()..]);
            let same = changed == message;
            assert!(same || uvm::verify(&changed, &measurement, &AZURE).is_err(), "{file} {change}");
        });
    }
}
