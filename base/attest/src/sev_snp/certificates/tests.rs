//! Tables that a host gives, and JSON of Azure's.

use coco_crypto::pem;
use serde_json::{Value, json};

use super::*;
use crate::{
    sev_snp::{Providers, Requirements, Signer},
    tests::{
        changes::Random,
        snp::{Machine, NOW, Verify as _, to_pem},
    },
};

type Entry<'a> = ([u8; ID_LEN], &'a [u8]);

/// A table as AMD describes it, with contents behind it.
fn table(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut offset = ENTRY_LEN * (entries.len() + 1);
    let mut table = Vec::new();
    for (id, content) in entries {
        table.extend(id);
        table.extend(u32::try_from(offset).unwrap().to_le_bytes());
        table.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        offset += content.len();
    }
    table.extend([0; ENTRY_LEN]);
    table.extend(entries.iter().flat_map(|(_, content)| content.iter()));
    table
}

fn report(machine: &Machine) -> Report {
    Report::read(&machine.report).unwrap()
}

#[test]
fn what_a_table_gives_is_what_a_report_is_believed_by() {
    let other = *b"another content.";
    let machines = [
        (Machine::milan(), VCEK, VLEK, Requirements::STRICT),
        (
            Machine::of_provider("CN=cloud"),
            VLEK,
            VCEK,
            Requirements { providers: Providers::Only(&["CN=cloud"]), ..Requirements::STRICT },
        ),
    ];
    for (machine, own, foreign, requirements) in machines {
        let mut evidence = machine.sign();
        let text = String::from_utf8(evidence.certificates).unwrap();
        let [end, intermediate, root] = [0, 1, 2].map(|at| pem::blocks(&text).unwrap()[at].der.to_vec());
        let given = table(&[
            (ARK, &root),
            (foreign, b"of another key"),
            (own, b"superseded"),
            (own, &end),
            (other, b""),
            (ASK, &intermediate),
        ]);
        evidence.certificates = of_table(&given, &report(&machine)).unwrap();
        assert_eq!(evidence.certificates, to_pem(&[end, intermediate, root]));
        let claims = evidence.verify(&requirements, NOW).unwrap();
        assert_eq!(matches!(claims.signer, Signer::Chip(_)), own == VCEK);
    }
}

#[test]
fn tables_that_are_refused() {
    let milan = report(&Machine::milan());
    let whole: [Entry<'_>; 3] = [(VCEK, b"end"), (ASK, b"intermediate"), (ARK, b"root")];
    let good = table(&whole);
    of_table(&good, &milan).unwrap();
    let refused = |table: &[u8], expected| assert_eq!(of_table(table, &milan), Err(expected), "{table:x?}");
    for nothing in [0, 1, ENTRY_LEN, 4096] {
        refused(&vec![0; nothing], InvalidEndorsements::Missing);
    }
    for (missing, name) in [(0, "signing key"), (1, "intermediate"), (2, "root")] {
        let mut fewer = whole.to_vec();
        fewer.remove(missing);
        refused(&table(&fewer), InvalidEndorsements::Lacks(name));
    }
    refused(&table(&[(VLEK, b"end"), whole[1], whole[2]]), InvalidEndorsements::Lacks("signing key"));
    let with = |at: usize, bytes: &[u8]| {
        let mut table = good.clone();
        table[at..at + bytes.len()].copy_from_slice(bytes);
        table
    };
    let len = u32::try_from(good.len()).unwrap();
    let beyond = [(16, len - 2), (16, len + 1), (16, u32::MAX), (20, len), (20, u32::MAX)];
    for (at, number) in beyond {
        refused(&with(at, &number.to_le_bytes()), InvalidEndorsements::Table);
    }
    refused(&[0xff; 4096], InvalidEndorsements::Table);
    // Without an end, cut off anywhere, and longer than any.
    refused(&with(3 * ENTRY_LEN, &[1]), InvalidEndorsements::Table);
    for length in 1..good.len() {
        refused(&good[..length], InvalidEndorsements::Table);
    }
    let many = [whole.to_vec(), vec![(VLEK, &b""[..]); MAX_ENTRIES - 3]].concat();
    refused(&table(&many), InvalidEndorsements::Table);
    of_table(&table(&many[..MAX_ENTRIES - 1]), &milan).unwrap();
    // Contents may be anywhere within the table, even at its very end and empty.
    let empty = with(16, &[len.to_le_bytes(), [0; 4]].concat());
    assert_eq!(
        of_table(&empty, &milan).unwrap(),
        to_pem(&[vec![], b"intermediate".to_vec(), b"root".to_vec()])
    );
}

#[test]
fn no_table_is_too_much() {
    let milan = report(&Machine::milan());
    let good = table(&[(VCEK, b"end"), (ASK, b"intermediate"), (ARK, b"root")]);
    let mut random = Random::new();
    let mut read = 0;
    for _ in 0..20_000 {
        let mut changed = good.clone();
        random.change(&mut changed);
        changed.truncate(good.len() - random.draw(4));
        read += u32::from(of_table(&changed, &milan).is_ok());
    }
    assert!(read > 0, "some changes are harmless; seed {}", random.seed);
}

fn json_of_azure(certificates: &[u8]) -> Value {
    let text = std::str::from_utf8(certificates).unwrap();
    let end = text.find("-----BEGIN").and_then(|first| text[first + 1..].find("-----BEGIN")).unwrap() + 1;
    json!({
        "cacheControl": "86400",
        "vcekCert": &text[..end],
        "certificateChain": &text[end..],
        "tcbm": "DB18000000000104",
    })
}

#[test]
fn json_of_azure_is_read() {
    let machine = Machine::milan();
    let of_azure = |json: &Value| of_azure(json.to_string().as_bytes(), &report(&machine));
    let mut evidence = machine.sign();
    let good = json_of_azure(&evidence.certificates);
    assert_eq!(of_azure(&good).unwrap(), evidence.certificates);
    let mut json = good.clone();
    json["tcbm"] = json!("db18000000000104");
    json["vcekCert"] = json!(json["vcekCert"].as_str().unwrap().trim_end());
    evidence.certificates = of_azure(&json).unwrap();
    evidence.verify(&Requirements::STRICT, NOW).unwrap();

    let cases = [
        ("vcekCert", Value::Null, InvalidEndorsements::Json),
        ("certificateChain", json!(1), InvalidEndorsements::Json),
        ("tcbm", json!("0xdb18"), InvalidEndorsements::Json),
        ("tcbm", json!("1db18000000000104"), InvalidEndorsements::Json),
        (
            "tcbm",
            json!("DB18000000000004"),
            InvalidEndorsements::Tcb { endorsed: 0xdb18_0000_0000_0004, reported: 0xdb18_0000_0000_0104 },
        ),
    ];
    for (field, value, expected) in cases {
        let mut json = good.clone();
        json[field] = value;
        assert_eq!(of_azure(&json), Err(expected), "{json}");
        json.as_object_mut().unwrap().remove(field);
        assert_eq!(of_azure(&json), Err(InvalidEndorsements::Json), "without {field}");
    }
    assert_eq!(super::of_azure(b"{", &report(&machine)), Err(InvalidEndorsements::Json));
    let other = InvalidEndorsements::Tcb { endorsed: 0x1234, reported: 0 };
    assert_eq!(
        other.to_string(),
        "they are for the TCB version 0000000000001234, and the report is of 0000000000000000"
    );
}
