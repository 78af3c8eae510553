//! Documents, and the form of everything that Intel publishes.

use coco_crypto::x509::{InvalidRevocationList, UnixTime};
use coco_imitated::intel::{
    Published,
    documents::{qe_identity, tcb_info, text},
};
use serde_json::{Value, json};

use super::{
    super::{
        super::{Chain, Collateral, Document, Refusal, Requirements},
        machine::{Kind, Machine, NOW, Verify as _, keys, to_pem},
    },
    ALL, BOTH, STRICT, TDX, document, refused, refused_by,
};
use crate::tests::der::day;

#[test]
fn forms_of_collateral() {
    let good = Machine::new(Kind::Tdx15).sign();
    let with = |change: &dyn Fn(&mut Published)| {
        let mut evidence = good.clone();
        change(&mut evidence.collateral);
        evidence.verify(&STRICT, NOW).unwrap_err()
    };
    assert_eq!(with(&|collateral| collateral.tcb_info.text = " ".repeat(70_000)), Refusal::TooLarge);
    assert_eq!(with(&|collateral| collateral.machine_list = vec![0; 300_000]), Refusal::TooLarge);
    assert_eq!(with(&|collateral| collateral.qe_identity.issuers = " ".repeat(20_000)), Refusal::TooLarge);
    for length in [0, 63, 65] {
        let found = with(&|collateral| collateral.qe_identity.signature.resize(length, 0));
        assert_eq!(found, Refusal::DocumentSignature(Document::QeIdentity));
    }
    let chain = Refusal::Chain(Chain::Document(Document::TcbInfo));
    assert_eq!(with(&|collateral| collateral.tcb_info.issuers.clear()), chain);
    assert_eq!(with(&|collateral| collateral.tcb_info.issuers.insert(0, ' ')), chain);
    assert_eq!(with(&|collateral| collateral.tcb_info.issuers.push('\n')), chain);
    assert_eq!(with(&|collateral| collateral.tcb_info.issuers = to_pem(&[&[0x30]])), chain);
    assert_eq!(with(&|collateral| collateral.tcb_info.issuers = to_pem(&[&[0x30], &[0x30]])), Refusal::Root);
    let malformed = Refusal::RevocationList(InvalidRevocationList::Malformed);
    assert_eq!(with(&|collateral| collateral.root_list.truncate(100)), malformed);
    assert_eq!(with(&|collateral| collateral.machine_list.clear()), malformed);
    let unsupported = Refusal::RevocationList(InvalidRevocationList::Unsupported);
    let version = good.collateral.root_list.windows(3).position(|bytes| bytes == [2, 1, 1]).unwrap() + 2;
    assert_eq!(with(&|collateral| collateral.root_list[version] = 0), unsupported);

    let form = json!({
        "pck_crl_issuer_chain": "not used", "root_ca_crl": "30", "pck_crl": "31", "tcb_info_issuer_chain": "a",
        "tcb_info": "b", "tcb_info_signature": "32", "qe_identity_issuer_chain": "c", "qe_identity": "d",
        "qe_identity_signature": "33", "pck_certificate_chain": "not used",
    });
    let read = |form: &Value| Collateral::from_json(form.to_string().as_bytes());
    let collateral = read(&form).unwrap();
    assert_eq!((collateral.root_list, collateral.machine_list), (b"0".to_vec(), b"1".to_vec()));
    assert_eq!((collateral.tcb_info.issuers, collateral.tcb_info.text), ("a".into(), "b".into()));
    assert_eq!((collateral.qe_identity.issuers, collateral.qe_identity.text), ("c".into(), "d".into()));
    assert_eq!((collateral.tcb_info.signature, collateral.qe_identity.signature), (vec![0x32], vec![0x33]));
    let changed = |key: &str, value: Value| {
        let mut form = form.clone();
        form[key] = value;
        read(&form)
    };
    for (key, value) in
        [("pck_crl", json!("3F")), ("pck_crl", json!(1)), ("more", json!(1)), ("tcb_info", json!(null))]
    {
        assert_eq!(changed(key, value), Err(Refusal::Collateral));
    }
    assert_eq!(changed("tcb_info", json!(" ".repeat(1 << 20))), Err(Refusal::TooLarge));
    assert_eq!(Collateral::from_json(b"{}"), Err(Refusal::Collateral));
}

#[test]
fn documents() {
    for which in BOTH {
        refused(&Refusal::Document(which), ALL, |machine| *document(machine, which) = json!({}));
        refused(&Refusal::Document(which), ALL, |machine| *document(machine, which) = json!("text"));
        for date in ["issueDate", "nextUpdate"] {
            refused(&Refusal::Document(which), ALL, |machine| {
                document(machine, which)[date] = json!("today");
            });
        }
        refused(&Refusal::OtherPlatform(which), ALL, |machine| {
            let other = match which {
                Document::TcbInfo => tcb_info(!machine.kind.is_tdx()),
                Document::QeIdentity => qe_identity(!machine.kind.is_tdx()),
            };
            *document(machine, which) = other;
        });
        refused(&Refusal::DocumentNotYetValid(which), ALL, |machine| {
            document(machine, which)["issueDate"] = json!(text(UnixTime(NOW.0 + 1)));
        });
        refused(&Refusal::DocumentExpired(which), ALL, |machine| {
            document(machine, which)["nextUpdate"] = json!(text(UnixTime(NOW.0 - 1)));
        });
    }
    refused(&Refusal::DocumentSignature(Document::TcbInfo), ALL, |machine| {
        machine.documents_key = &keys().other;
    });
    for kind in Kind::ALL {
        let mut evidence = Machine::new(kind).sign();
        evidence.collateral.qe_identity.signature[63] ^= 1;
        let expected = Refusal::DocumentSignature(Document::QeIdentity);
        assert_eq!(evidence.verify(&STRICT, NOW), Err(expected));
    }
}

#[test]
fn fields_of_documents() {
    let malformed = Refusal::Document(Document::TcbInfo);
    refused(&malformed, ALL, |machine| machine.tcb_info["tcbType"] = json!(1));
    refused(&malformed, ALL, |machine| drop(machine.tcb_info["tcbLevels"][0]["tcb"].take()));
    refused(&malformed, ALL, |machine| {
        machine.tcb_info["tcbLevels"][0]["tcb"]["sgxtcbcomponents"].as_array_mut().unwrap().truncate(15);
    });
    refused(&malformed, ALL, |machine| machine.tcb_info["tcbLevels"][0]["tcbDate"] = json!("today"));
    refused(&malformed, ALL, |machine| machine.tcb_info["fmspc"] = json!("machine"));
    refused(&malformed, TDX, |machine| {
        machine.tcb_info["tcbLevels"][0]["tcb"]["tdxtcbcomponents"].as_array_mut().unwrap().truncate(15);
    });
    for (field, value) in [("mrsigner", "00"), ("attributes", "none"), ("attributesMask", "FF")] {
        refused(&malformed, TDX, |machine| machine.tcb_info["tdxModule"][field] = json!(value));
        refused(&malformed, TDX, |machine| {
            machine.tcb_info["tdxModuleIdentities"][0][field] = json!(value);
        });
    }
    refused(&malformed, TDX, |machine| {
        machine.tcb_info["tdxModuleIdentities"][0]["tcbLevels"][0]["tcbDate"] = json!("today");
    });
    refused(&malformed, TDX, |machine| drop(machine.tcb_info["tdxModule"].take()));
    refused(&Refusal::Document(Document::QeIdentity), ALL, |machine| {
        machine.qe_identity["tcbLevels"] = json!([]);
    });
    // Quoting enclaves are not hardened by what others do.
    refused(&Refusal::Unnamed, ALL, |machine| {
        machine.qe_identity["tcbLevels"][0]["tcbStatus"] = json!("SWHardeningNeeded");
    });
    refused(&Refusal::Fmspc, ALL, |machine| machine.tcb_info["fmspc"] = json!("50806F000001"));
    for id in ["0001", "", "000000", "none"] {
        refused(&Refusal::PceId, ALL, |machine| machine.tcb_info["pceId"] = json!(id));
    }
}

#[test]
fn ages_of_documents() {
    let ten_days = Requirements { max_age_s: Some(10 * 86_400 - 1), ..STRICT };
    refused_by(&ten_days, NOW, &Refusal::TooOld, ALL, |_| {});
    refused_by(&ten_days, NOW, &Refusal::TooOld, ALL, |machine| {
        machine.tcb_info["issueDate"] = json!(text(day(49)));
        machine.machine_list.dates[0] = day(39);
    });
    refused_by(&ten_days, NOW, &Refusal::TooOld, ALL, |machine| {
        machine.tcb_info["issueDate"] = json!(text(day(49)));
        machine.qe_identity["issueDate"] = json!(text(day(40)));
    });
}
