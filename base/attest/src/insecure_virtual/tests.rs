mod fuzz;

use coco_crypto::{Curve, EcKey, Signer, SystemEntropy, hash::sha256, x509::UnixTime};

use super::*;
use crate::Policy;

fn attester() -> VirtualAttester {
    VirtualAttester::new(sha256(b"executable"))
}

fn verify(evidence: &Evidence, expected: &ReportData) -> Result<Claims, Refusal> {
    crate::verify(evidence, expected, &Policy::strict(UnixTime(1_780_000_000)))
}

#[test]
fn evidence_verifies_for_its_own_key_only() {
    let node = EcKey::generate(Curve::P384, &SystemEntropy);
    let report_data = ReportData::of_node(node.public_key());
    let evidence = attester().evidence(&report_data).unwrap();
    let claims = verify(&evidence, &report_data).unwrap();
    assert_eq!(claims.details, Details::InsecureVirtual { host_data: sha256(b"executable") });
    assert_eq!(claims.code_digest(), coco_wire::text::encode_hex(MEASUREMENT.as_bytes()));
    assert_eq!(claims.measurement.to_string(), MEASUREMENT);
    assert_eq!(claims.host_data(), sha256(b"executable").0);
    assert_eq!(verify(&evidence, &ReportData(Digest::ZERO)), Err(Refusal::ReportData));
}

#[test]
fn the_forms_of_ccf() {
    let host_data = sha256(b"executable");
    let report_data = ReportData(Digest::ZERO);
    let evidence = attester().evidence(&report_data).unwrap();
    let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    assert_eq!(
        String::from_utf8(evidence.quote).unwrap(),
        format!(r#"{{"host_data":"{host_data}","measurement":"{MEASUREMENT}","report_data":"{zeros}"}}"#)
    );
    assert!(evidence.endorsements.is_empty());
    let measurement = attester().measurement_file(17);
    assert_eq!(measurement.name, "ccf_virtual_attestation.17.measurement");
    assert_eq!(
        measurement.content,
        format!("{{\n  \"host_data\": \"{host_data}\",\n  \"measurement\": \"{MEASUREMENT}\"\n}}")
    );
    let attestation = attester().attestation_file(17, &report_data);
    assert_eq!(attestation.name, "ccf_virtual_attestation.17.attestation");
    assert_eq!(
        attestation.content,
        measurement.content.replace("\n}", &format!(",\n  \"report_data\": \"{zeros}\"\n}}"))
    );
    assert_eq!(Platform::InsecureVirtual.name(), "Virtual");
    assert_eq!(Platform::from_quote_format("Insecure_Virtual"), Some(Platform::InsecureVirtual));
    assert_eq!(Platform::from_quote_format("AMD_SEV_SNP_v1"), Some(Platform::SevSnp));
    assert_eq!(Platform::from_quote_format("Intel_SGX_DCAP_v1"), Some(Platform::Sgx));
    assert_eq!(Platform::from_quote_format("Intel_TDX_v1"), Some(Platform::Tdx));
    assert_eq!(Platform::from_quote_format("Windows_VBS_v1"), Some(Platform::Vbs));
    assert_eq!(Platform::from_quote_format("Azure_CVM_SNP_v1"), Some(Platform::AzureCvm));
    assert_eq!(Platform::from_quote_format("AWS_Nitro_v1"), Some(Platform::Nitro));
    for unsupported in ["OE_SGX_v1", "", "insecure_virtual"] {
        assert_eq!(Platform::from_quote_format(unsupported), None);
    }
}

#[test]
fn refusals() {
    let report_data = ReportData(Digest::ZERO);
    let good = attester().evidence(&report_data).unwrap();
    let text = String::from_utf8(good.quote.clone()).unwrap();
    let host_data = sha256(b"executable").to_string();
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from));
        text.replacen(from, to, 1)
    };
    let cases = [
        (String::new(), Refusal::Malformed),
        ("{}".to_owned(), Refusal::Malformed),
        ("[".repeat(4000), Refusal::Malformed),
        (" ".repeat(4097), Refusal::TooLarge),
        (format!("{text}x"), Refusal::Malformed),
        (text[..text.len() - 1].to_owned(), Refusal::Malformed),
        (replaced("{", r#"{"more":1,"#), Refusal::Malformed),
        (replaced(&host_data, &host_data.to_uppercase()), Refusal::Malformed),
        (replaced(&host_data, &host_data[1..]), Refusal::Malformed),
        (replaced(MEASUREMENT, ""), Refusal::Malformed),
        (replaced(MEASUREMENT, &"m".repeat(257)), Refusal::Malformed),
        (replaced(MEASUREMENT, r"line\nbreak"), Refusal::Malformed),
        (replaced("AAA=", "AAB="), Refusal::Malformed),
        (replaced("AAA=", "AAA"), Refusal::Malformed),
        (replaced("AAAA", ""), Refusal::Malformed),
        (replaced("AAAA", "AAAB"), Refusal::ReportData),
        (replaced("report_data", "report_date"), Refusal::Malformed),
    ];
    for (quote, expected) in cases {
        let evidence = Evidence { quote: quote.clone().into_bytes(), ..good.clone() };
        assert_eq!(verify(&evidence, &report_data), Err(expected), "{quote}");
    }
    let endorsed = Evidence { endorsements: vec![0], ..good.clone() };
    assert_eq!(verify(&endorsed, &report_data), Err(Refusal::UnexpectedEndorsements));
    let endorsed = Evidence { uvm_endorsements: Some(vec![]), ..good };
    assert_eq!(verify(&endorsed, &report_data), Err(Refusal::UnexpectedEndorsements));
}
