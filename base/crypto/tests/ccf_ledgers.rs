//! Opens real CCF ledgers with the members' recovery keys and checks every raw root signature.
//!
//! Set `COCO_CCF` to a checkout of microsoft/CCF; its `tests/testdata` holds ledgers of CCF 1.x to 6.x.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use coco_crypto::{
    Certificate, LedgerSecret, RsaKey, SignatureForm, Verifier,
    hash::sha256,
    sharing::{Share, recombine},
};
use coco_wire::{
    Digest,
    chunk::Chunk,
    domain::{Commitments, KeyOrder, visit_public},
    entry::Entry,
};
use serde_json::Value;

const SHARES: &str = "public:ccf.internal.recovery_shares";
const PREVIOUS_SECRETS: &str = "public:ccf.internal.historical_encrypted_ledger_secret";
const SIGNATURES: &str = "public:ccf.internal.signatures";
const CONFIGURATION: &str = "public:ccf.gov.service.config";

/// What a ledger says in public about its secrets and signatures, in ledger order.
#[derive(Default)]
struct Public {
    shares: Vec<Value>,
    previous_secrets: Vec<Value>,
    signatures: Vec<Value>,
    configuration: Option<Value>,
}

#[test]
fn opens_the_ledgers_of_ccf() {
    let Some(ccf) = std::env::var_os("COCO_CCF") else {
        eprintln!("SKIPPED: COCO_CCF is not set, so no real CCF ledger is opened");
        return;
    };
    let testdata = Path::new(&ccf).join("tests/testdata");
    let services: Vec<PathBuf> =
        fs::read_dir(&testdata).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(services.len() >= 6, "{testdata:?} holds {} services", services.len());
    for service in services {
        open(&service);
    }
}

fn open(service: &Path) {
    let chunks = read_chunks(&service.join("ledger"));
    let entries: Vec<Entry<'_>> = chunks
        .values()
        .flat_map(|bytes| Chunk::decode(bytes).unwrap().entries())
        .map(|entry| entry.unwrap().1)
        .collect();
    let public = read_public(&entries);
    let signatures = public.signatures.iter().filter(|signature| verify_root_signature(signature)).count();

    assert!(signatures > 0);

    let mut secrets = vec![recover(service, public.shares.last().unwrap(), &public)];
    for record in public.previous_secrets.iter().rev() {
        let Some(encrypted) = record.pointer("/previous_ledger_secret/encrypted_data") else { continue };
        let encrypted = from_base64(encrypted);
        if let Some(secret) = secrets.iter().find_map(|secret| secret.decrypt_previous(&encrypted).ok()) {
            secrets.push(secret);
        }
    }
    let mut evidences = 0;
    for entry in &entries {
        let secret = secrets.iter().find(|secret| opens(secret, entry));
        let secret =
            secret.unwrap_or_else(|| panic!("{service:?}: no secret opens {:?}", entry.iv().tx_id()));
        evidences += usize::from(check_evidence(secret, entry));
    }
    println!(
        "{}: {} entries, {} secrets, {signatures} of {} root signatures with certificate, {evidences} commit evidences",
        service.file_name().unwrap().display(),
        entries.len(),
        secrets.len(),
        public.signatures.len(),
    );
}

/// The content of the ledger files by their first seqno.
fn read_chunks(directory: &Path) -> BTreeMap<u64, Vec<u8>> {
    let read = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let first = name.strip_prefix("ledger_")?.split(['-', '.']).next().unwrap().parse().unwrap();
        Some((first, fs::read(&path).unwrap()))
    };
    fs::read_dir(directory).unwrap().filter_map(|entry| read(entry.unwrap().path())).collect()
}

fn read_public(entries: &[Entry<'_>]) -> Public {
    let mut public = Public::default();
    for entry in entries {
        visit_public(entry.public_domain(), KeyOrder::Any, |change| {
            let json = || serde_json::from_slice(change.value.unwrap()).unwrap();
            match change.table {
                SHARES => public.shares.push(json()),
                PREVIOUS_SECRETS => public.previous_secrets.push(json()),
                SIGNATURES => public.signatures.push(json()),
                CONFIGURATION => public.configuration = Some(json()),
                _ => {}
            }
        })
        .unwrap();
    }
    public
}

/// Whether the record carries the certificate to check it with, as it does since CCF 2.
fn verify_root_signature(record: &Value) -> bool {
    let Some(text) = record["cert"].as_str() else { return false };
    let certificate = Certificate::from_pem(text).unwrap();
    assert_eq!(certificate.to_pem(), text);
    assert_eq!(record["node"], certificate.public_key().id().to_string());
    let key = certificate.public_key().as_ec().unwrap();
    let root: Digest = record["root"].as_str().unwrap().parse().unwrap();
    let signature = from_base64(&record["sig"]);
    key.verify_digest(&root, &signature, SignatureForm::Der).unwrap();
    let other = sha256(&root.0);
    assert!(key.verify_digest(&other, &signature, SignatureForm::Der).is_err());
    true
}

fn recover(service: &Path, record: &Value, public: &Public) -> LedgerSecret {
    let mut shares = Vec::new();
    for member in 0.. {
        let read =
            |suffix: &str| fs::read_to_string(service.join(format!("common/member{member}_{suffix}.pem")));
        let (Ok(certificate), Ok(key)) = (read("cert"), read("enc_privk")) else { break };
        let id = Certificate::from_pem(&certificate).unwrap().fingerprint().to_string();
        let Some(encrypted) = record["encrypted_shares"].get(&id) else { continue };
        let share = RsaKey::from_pem(&key).unwrap().decrypt_oaep(&from_base64(encrypted)).unwrap();
        shares.push(Share::from_bytes(&share).unwrap());
    }
    let threshold = public.configuration.as_ref().unwrap()["recovery_threshold"].as_u64().unwrap();
    let whole = recombine(&shares, usize::try_from(threshold).unwrap()).unwrap();
    let wrapped = from_base64(&record["wrapped_latest_ledger_secret"]);
    whole.wrapping_key().unwrap().unwrap(&wrapped).unwrap()
}

fn opens(secret: &LedgerSecret, entry: &Entry<'_>) -> bool {
    let mut private = entry.private_domain().to_vec();
    let (iv, tag) = (entry.iv().0, entry.tag());
    secret.encryption_key().open_in_place(&iv, entry.public_domain(), &mut private, tag).is_ok()
}

fn check_evidence(secret: &LedgerSecret, entry: &Entry<'_>) -> bool {
    let header = visit_public(entry.public_domain(), KeyOrder::Any, |_| {}).unwrap();
    let expected = match header.commitments {
        Commitments::EvidenceAndClaims { evidence, .. } | Commitments::Evidence(evidence) => evidence,
        _ => return false,
    };
    assert_eq!(sha256(secret.commit_evidence(entry.iv().tx_id()).as_bytes()), expected);
    true
}

fn from_base64(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}
