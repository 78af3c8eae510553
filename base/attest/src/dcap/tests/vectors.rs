//! Genuine quotes of machines that exist, each with collateral of a time when it was valid, or was not.

use std::{fs, path::Path};

use coco_crypto::x509::UnixTime;
use serde::Deserialize;

use super::{
    super::{
        Advisories, Collateral, Demand, Document, Forbidden, Level, Machine, Refusal, Requirements, TcbStatus,
    },
    mutations::check_changes,
};
use crate::{sgx, tdx, tests::vectors};

const QUOTES: &str = "quotes of SGX and TDX";

/// An entry of the manifest.
#[derive(Deserialize)]
struct Entry {
    quote: String,
    collateral: String,
    verify_at: i64,
    tee: String,
    quote_version: u16,
    result: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    advisories: Vec<String>,
    #[serde(default)]
    error: String,
}

/// A quote with its collateral.
struct Vector {
    entry: Entry,
    quote: Vec<u8>,
    collateral: Collateral,
}

fn all(directory: &Path) -> Vec<Vector> {
    let manifest = fs::read(directory.join("dcap-manifest.json")).unwrap();
    let entries: Vec<Entry> = serde_json::from_slice(&manifest).unwrap();
    let load = |entry: Entry| {
        let mut quote = fs::read(directory.join(&entry.quote)).unwrap();
        if entry.quote.ends_with(".txt") {
            quote = coco_wire::text::decode_hex(std::str::from_utf8(&quote).unwrap().trim()).unwrap();
        }
        let collateral = fs::read(directory.join(&entry.collateral)).unwrap();
        Vector { quote, collateral: Collateral::from_json(&collateral).unwrap(), entry }
    };
    entries.into_iter().map(load).collect()
}

impl Vector {
    fn now(&self) -> UnixTime {
        UnixTime(self.entry.verify_at)
    }

    /// Verifies a quote, which may be a changed one, with as much allowed as the manifest says.
    fn verify(&self, quote: &[u8], collateral: &Collateral) -> Result<Machine, Refusal> {
        let advisories: Vec<&str> = self.entry.advisories.iter().map(String::as_str).collect();
        let machine = Requirements {
            statuses: &TcbStatus::ALL,
            advisories: Advisories::Only(&advisories),
            ..Requirements::STRICT
        };
        self.verify_as(quote, collateral, &machine)
    }

    fn verify_as(
        &self,
        quote: &[u8],
        collateral: &Collateral,
        machine: &Requirements<'_>,
    ) -> Result<Machine, Refusal> {
        if self.entry.tee == "SGX" {
            let requirements = sgx::Requirements { machine: *machine, ..sgx::Requirements::STRICT };
            sgx::verify(quote, collateral, &requirements, self.now()).map(|claims| claims.machine)
        } else {
            let requirements = tdx::Requirements { machine: *machine, ..tdx::Requirements::STRICT };
            tdx::verify(quote, collateral, &requirements, self.now()).map(|claims| claims.machine)
        }
    }

    fn expected(&self) -> Result<(), Refusal> {
        match self.entry.error.as_str() {
            "" => Ok(()),
            "Debug mode is enabled" => Err(Refusal::Forbidden(Forbidden::Debug)),
            "No matching TCB level found" => Err(Refusal::NoTcbLevel(Level::Machine)),
            "TCBInfo expired" => Err(Refusal::DocumentExpired(Document::TcbInfo)),
            "TCBInfo issue date is in the future" => Err(Refusal::DocumentNotYetValid(Document::TcbInfo)),
            "Failed to verify certificate chain" => Err(Refusal::RevocationListDate),
            other => panic!("a new reason: {other}"),
        }
    }
}

#[test]
fn verdicts() {
    let Some(directory) = vectors::directory(QUOTES) else { return };
    let mut accepted = 0;
    for vector in all(&directory) {
        let entry = &vector.entry;
        let found = vector.verify(&vector.quote, &vector.collateral);
        vectors::tell(&format!("{} with {}", entry.quote, entry.collateral), vector.now(), &found);
        assert_eq!(entry.result == "verified", entry.error.is_empty());
        assert_eq!(found.clone().map(drop), vector.expected(), "{}", entry.quote);
        assert_eq!(u16::from_le_bytes([vector.quote[0], vector.quote[1]]), entry.quote_version);
        let Ok(machine) = found else { continue };
        accepted += 1;
        assert_eq!(machine.tcb.status.name(), entry.status, "{}", entry.quote);
        assert_eq!(machine.tcb.advisories, entry.advisories, "{}", entry.quote);
        assert!(machine.validity.contains(vector.now()));
    }
    assert_eq!(accepted, 9);
}

#[test]
fn any_change_of_genuine_evidence_is_refused() {
    let Some(directory) = vectors::directory(QUOTES) else { return };
    for vector in all(&directory).iter().filter(|vector| vector.entry.result == "verified") {
        let name = &vector.entry.quote;
        check_changes(name, &vector.quote, &vector.collateral, 29, |quote, collateral| {
            vector.verify(quote, collateral)
        });
    }
}

#[test]
fn collateral_of_others_is_refused() {
    let Some(directory) = vectors::directory(QUOTES) else { return };
    let all = all(&directory);
    let find = |quote: &str| all.iter().find(|vector| vector.entry.quote == quote).unwrap();
    let (one, other) = (find("tdx/dcap-qvl/tdx_quote"), find("tdx/oak-tdx-oc/quote.bin"));
    let enclave = find("sgx/dcap-qvl/sgx_quote");
    assert_eq!(one.verify(&one.quote, &other.collateral), Err(Refusal::Fmspc));
    let of_sgx = Refusal::OtherPlatform(Document::QeIdentity);
    assert_eq!(one.verify(&one.quote, &enclave.collateral), Err(of_sgx));
    assert_eq!(enclave.verify(&one.quote, &one.collateral), Err(Refusal::Tee(0x81)));
    assert_eq!(one.verify(&enclave.quote, &one.collateral), Err(Refusal::Tee(0)));
}

#[test]
fn what_genuine_machines_must_meet() {
    let Some(directory) = vectors::directory(QUOTES) else { return };
    for vector in all(&directory).iter().filter(|vector| vector.entry.result == "verified") {
        let found = vector.verify_as(&vector.quote, &vector.collateral, &Requirements::STRICT);
        match vector.entry.status.as_str() {
            "UpToDate" => assert!(found.is_ok()),
            _ => assert!(matches!(found, Err(Refusal::Status(_)))),
        }
        let machine = vector.verify(&vector.quote, &vector.collateral).unwrap();
        let later = machine.tcb.evaluation + 1;
        let requirements =
            Requirements { statuses: &TcbStatus::ALL, minimum_evaluation: later, ..Requirements::STRICT };
        let found = vector.verify_as(&vector.quote, &vector.collateral, &requirements);
        let expected = if vector.entry.advisories.is_empty() {
            Refusal::Evaluation(later - 1)
        } else {
            Refusal::Advisory(vector.entry.advisories[0].clone())
        };
        assert_eq!(found, Err(expected));
    }
}

#[test]
fn fields_of_genuine_quotes() {
    let Some(directory) = vectors::directory(QUOTES) else { return };
    let all = all(&directory);
    let find = |quote: &str| all.iter().find(|vector| vector.entry.quote == quote).unwrap();
    let vector = find("sgx/automata/quotev3_0.dat");
    let machine = Requirements {
        statuses: &[TcbStatus::SwHardeningNeeded],
        advisories: Advisories::Only(&["INTEL-SA-00615"]),
        demands: &[Demand::NoSmt, Demand::NoCachedKeys],
        ..Requirements::STRICT
    };
    let requirements = sgx::Requirements { machine, ..sgx::Requirements::STRICT };
    let claims = sgx::verify(&vector.quote, &vector.collateral, &requirements, vector.now()).unwrap();
    let enclave = &claims.enclave;
    assert_eq!(enclave.measurement, vector.quote[48 + 64..48 + 96]);
    assert_eq!(enclave.signer, vector.quote[48 + 128..48 + 160]);
    assert_eq!((enclave.attributes.flags, enclave.attributes.features), (5, 0xe7));
    assert_eq!(claims.machine.fmspc, [0, 0x60, 0x6a, 0, 0, 0]);

    let vector = find("tdx/dcap-qvl/tdx_quote_td15ex");
    let demands = [tdx::Demand::Features(0x6_02e7), tdx::Demand::NoCounters];
    let requirements = tdx::Requirements { demands: &demands, ..tdx::Requirements::STRICT };
    let claims = tdx::verify(&vector.quote, &vector.collateral, &requirements, vector.now()).unwrap();
    let current = claims.domain.current.unwrap();
    assert_eq!((claims.domain.tcb_svn, current.tcb_svn[..3].to_vec()), (current.tcb_svn, vec![15, 1, 4]));
    assert!(claims.domain.attributes.ept_violations_disabled() && !claims.domain.attributes.migratable());
    assert_eq!(current.extended.unwrap().id[..4], [0xe1, 0xf3, 0xee, 0x82]);
}
