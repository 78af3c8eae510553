//! Machines that exist. `COCO_VECTORS` names the directory with their evidence.

use std::{
    fs,
    path::{Path, PathBuf},
};

use coco_crypto::{PublicKey, pem, x509::UnixTime};
use serde_json::Value;

use super::super::{
    Demand, Evidence, Refusal, Requirements, Runtime, frame::Frame, must_bind, verify_snp, verify_tdx,
};
use crate::{
    sev_snp::{self, Product},
    tests::{changes::each_change, snp::to_pem, vectors},
    tpm::{self, Hash, Quote, Quoted, Signature},
};

/// 2025-10-01.
const NOW: UnixTime = UnixTime(1_759_276_800);
const MILAN: &str = "snp/roots/milan_ask_ark_asvk.pem";
const GENOA: &str = "snp/roots/genoa_ask_ark_asvk.pem";

fn directory() -> Option<PathBuf> {
    vectors::directory("confidential machines of Azure")
}

/// A quote, in one of the forms that its files have.
#[derive(Clone)]
struct Recorded {
    message: Vec<u8>,
    signature: Vec<u8>,
    pcrs: Vec<u8>,
}

impl Recorded {
    fn quoted(&self) -> Quoted<'_> {
        Quoted {
            message: &self.message,
            signature: Signature::RsaSsa(Hash::Sha256, &self.signature),
            pcrs: &self.pcrs,
        }
    }

    fn nonce(&self) -> Vec<u8> {
        Quote::read(&self.message).unwrap().extra_data
    }

    /// Of a JSON array of bytes for each part.
    fn of_json(quote: &Value) -> Self {
        let bytes = |value: &Value| -> Vec<u8> { serde_json::from_value(value.clone()).unwrap() };
        let pcrs: Vec<Vec<u8>> = serde_json::from_value(quote["pcrs"].clone()).unwrap();
        Self { message: bytes(&quote["message"]), signature: bytes(&quote["signature"]), pcrs: pcrs.concat() }
    }

    /// The same in hexadecimal.
    fn of_hex(quote: &Value) -> Self {
        let bytes = |value: &Value| coco_wire::text::decode_hex(value.as_str().unwrap()).unwrap();
        let pcrs = quote["pcrs"].as_array().unwrap().iter().flat_map(&bytes).collect();
        Self { message: bytes(&quote["message"]), signature: bytes(&quote["signature"]), pcrs }
    }

    /// Signature, message and values, each with its length in front in 8 bytes, little-endian.
    fn of_parts(mut file: &[u8]) -> Self {
        let number = |file: &mut &[u8]| {
            let (number, rest) = file.split_first_chunk().unwrap();
            *file = rest;
            usize::try_from(u64::from_le_bytes(*number)).unwrap()
        };
        let part = |file: &mut &[u8]| {
            let len = number(file);
            let (part, rest) = file.split_at(len);
            *file = rest;
            part.to_vec()
        };
        let (signature, message) = (part(&mut file), part(&mut file));
        Self { signature, message, pcrs: file[8..].to_vec() }
    }
}

/// A frame, a quote, and the certificates of the chip.
struct Vector {
    report: Vec<u8>,
    quote: Recorded,
    certificates: Vec<u8>,
}

/// The first certificate of a text, and the first two of a file with those above it.
fn certificates(directory: &Path, end: &str, above: &str) -> Vec<u8> {
    let above = fs::read_to_string(directory.join(above)).unwrap();
    let der = |text: &str, count: usize| -> Vec<Vec<u8>> {
        pem::blocks(text).unwrap().iter().take(count).map(|block| block.der.to_vec()).collect()
    };
    to_pem(&[der(end, 1), der(&above, 2)].concat())
}

fn all(directory: &Path) -> Vec<(&'static str, Product, Vector)> {
    let read = |name: &str| fs::read(directory.join("azure-cvm").join(name)).unwrap();
    let text = |name: &str| String::from_utf8(read(name)).unwrap();
    let json = |name: &str| serde_json::from_slice::<Value>(&read(name)).unwrap();
    let of_json = |name: &str, above: &str| {
        let file = json(name);
        Vector {
            report: serde_json::from_value(file["report"].clone()).unwrap(),
            quote: Recorded::of_json(&file["quote"]),
            certificates: certificates(directory, file["vcek"].as_str().unwrap(), above),
        }
    };
    let with_report = |quote: Recorded| Vector {
        report: read("trustee-az-snp/hcl-report.bin"),
        quote,
        certificates: certificates(directory, &text("trustee-az-snp/vcek.pem"), MILAN),
    };
    vec![
        ("evidence-genoa.json", Product::Genoa, of_json("trustee-az-snp/evidence-genoa.json", GENOA)),
        ("evidence-v0.json", Product::Milan, of_json("trustee-az-snp/evidence-v0.json", MILAN)),
        ("quote.bin", Product::Milan, with_report(Recorded::of_parts(&read("trustee-az-snp/quote.bin")))),
        (
            "tpm-quote-v1.json",
            Product::Milan,
            with_report(Recorded::of_hex(&json("trustee-az-snp/tpm-quote-v1.json"))),
        ),
    ]
}

impl Vector {
    fn verify(&self, requirements: &Requirements<'_>) -> Result<(sev_snp::Claims, Runtime), Refusal> {
        let evidence = Evidence { report: &self.report, quoted: self.quote.quoted(), log: None };
        let endorsements =
            sev_snp::Endorsements { certificates: &self.certificates, revocation_lists: &[], uvm: None };
        let snp = sev_snp::Requirements { oldest_version: 2, ..sev_snp::Requirements::STRICT };
        let (snp, claims) = verify_snp(&evidence, &endorsements, &snp, requirements, NOW)?;
        Ok((snp, claims.runtime))
    }
}

fn requirements(nonce: &[u8]) -> Requirements<'_> {
    let tpm = tpm::Requirements { nonce, ..tpm::Requirements::STRICT };
    Requirements { tpm, user_data: Some([0; 64]), demands: &[Demand::SecureBoot] }
}

#[test]
fn machines_with_sev_snp() {
    let Some(directory) = directory() else { return };
    for (name, product, vector) in all(&directory) {
        let nonce = vector.quote.nonce();
        let required = requirements(&nonce);
        let found = vector.verify(&required);
        vectors::tell(&format!("azure-cvm/trustee-az-snp/{name}"), NOW, &found);
        let (snp, runtime) = found.unwrap();
        assert_eq!((snp.product, snp.report.vmpl), (product, 0), "{name}");
        assert_eq!(runtime.configuration.machine.map(|name| name.len()), Some(36), "{name}");
        let refused = |requirements: &Requirements<'_>| vector.verify(requirements).map(|_| ()).unwrap_err();
        let console = Requirements { demands: &[Demand::NoConsole], ..required };
        assert_eq!(refused(&console), Refusal::Demand(Demand::NoConsole), "{name}");
        assert_eq!(refused(&requirements(b"other")), tpm::Refusal::Nonce.into(), "{name}");
        assert_eq!(
            refused(&Requirements { user_data: Some([1; 64]), ..required }),
            Refusal::UserData,
            "{name}"
        );
    }
}

#[test]
fn quotes_of_others() {
    let Some(directory) = directory() else { return };
    let read = |name: &str| fs::read(directory.join("azure-cvm").join(name)).unwrap();
    let mut vectors = all(&directory);
    let (_, _, of_others) = vectors.remove(0);
    for (name, _, vector) in vectors {
        let exchanged = Vector { quote: of_others.quote.clone(), ..vector };
        let found = exchanged.verify(&requirements(&of_others.quote.nonce())).map(|_| ());
        assert_eq!(found, Err(tpm::Refusal::Signature.into()), "{name}");
    }
    // Of machines whose frames are not there.
    let (_, _, vector) = all(&directory).remove(2);
    let apart = Recorded {
        message: read("trustee-az-snp/tpm-quote.msg"),
        signature: read("trustee-az-snp/tpm-quote.sig"),
        pcrs: Vec::new(),
    };
    let parts = Recorded::of_parts(&read("az-cvm-vtpm/quote.bin"));
    for quote in [apart, parts.clone()] {
        let exchanged =
            Vector { quote, report: vector.report.clone(), certificates: vector.certificates.clone() };
        let found = exchanged.verify(&requirements(b"challenge")).map(|_| ());
        assert_eq!(found, Err(tpm::Refusal::Signature.into()));
    }
    let key = PublicKey::from_spki_pem(&String::from_utf8(read("az-cvm-vtpm/akpub.pem")).unwrap()).unwrap();
    let evidence = tpm::Evidence { quoted: parts.quoted(), key: tpm::Key::Known(key), log: None };
    let challenge = tpm::Requirements { nonce: b"challenge", ..tpm::Requirements::STRICT };
    assert_eq!(tpm::verify(&evidence, &challenge, NOW).unwrap().quote.clock.resets, 3);
}

/// A frame whose certificates are of another chip, and one with TDX; their quotes are not there.
#[test]
fn frames_without_quotes() {
    let Some(directory) = directory() else { return };
    let read = |name: &str| fs::read(directory.join("azure-cvm/az-cvm-vtpm").join(name)).unwrap();
    let quote = Recorded::of_parts(&read("quote.bin"));
    let vector =
        Vector { report: read("hcl-report-snp.bin"), quote: quote.clone(), certificates: read("certs.pem") };
    let found = vector.verify(&requirements(b"challenge")).map(|_| ());
    vectors::tell("azure-cvm/az-cvm-vtpm/hcl-report-snp.bin", NOW, &found);
    assert_eq!(found, Err(sev_snp::Refusal::ReportSignature.into()));
    let snp = vector.report;
    assert_eq!(must_bind(&snp).unwrap(), snp[32 + 0x50..32 + 0x90]);

    let tdx = read("hcl-report-tdx.bin");
    let bound = must_bind(&tdx).unwrap();
    assert_eq!(bound, tdx[32 + 128..32 + 192]);
    let runtime = Runtime::read(Frame::read(&tdx).unwrap().runtime).unwrap();
    assert_eq!((runtime.configuration.secure_boot, runtime.user_data), (Some(false), Some([0; 64])));
    let evidence = Evidence { report: &tdx, quoted: quote.quoted(), log: None };
    let relaxed = Requirements { demands: &[], ..requirements(b"challenge") };
    let verify = |report_data: &[u8; 64], required: &Requirements<'_>| {
        verify_tdx(&evidence, report_data, required, NOW).map(|_| ()).unwrap_err()
    };
    assert_eq!(verify(&bound, &relaxed), tpm::Refusal::Signature.into());
    assert_eq!(verify(&bound, &requirements(b"challenge")), Refusal::Demand(Demand::SecureBoot));
    assert_eq!(verify(&[0; 64], &relaxed), Refusal::ReportData);

    let runtime = read("var-data.bin");
    let runtime: Vec<u8> = runtime.into_iter().take_while(|byte| *byte != 0).collect();
    assert_eq!(Runtime::read(&runtime).unwrap().configuration.secure_boot, Some(true));
}

#[test]
fn any_change_of_genuine_evidence_is_refused() {
    let Some(directory) = directory() else { return };
    for (name, _, mut vector) in all(&directory).into_iter().take(2) {
        let nonce = vector.quote.nonce();
        let required = requirements(&nonce);
        let good = vector.verify(&required).unwrap();
        let original = vector.report.clone();
        let end = original.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        each_change(&original, &[0xff], |change, report| {
            vector.report = report;
            if let Ok(found) = vector.verify(&required) {
                assert!(found == good && vector.report.len() >= end, "{name} {change}");
                assert!(vector.report.len() < original.len(), "{name} {change}");
            }
        });
        vector.report = original;
        let (message, signature, pcrs) =
            (vector.quote.message.clone(), vector.quote.signature.clone(), vector.quote.pcrs.clone());
        for (part, bytes) in [("message", &message), ("signature", &signature), ("PCRs", &pcrs)] {
            each_change(bytes, &[0x01], |change, changed| {
                vector.quote =
                    Recorded { message: message.clone(), signature: signature.clone(), pcrs: pcrs.clone() };
                match part {
                    "message" => vector.quote.message = changed,
                    "signature" => vector.quote.signature = changed,
                    _ => vector.quote.pcrs = changed,
                }
                assert!(vector.verify(&required).is_err(), "{name} {part} {change}");
            });
        }
    }
}
