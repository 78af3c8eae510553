//! Every row of the ledgers that CCF publishes for its own tests is read, and written again as it was.

use std::{collections::BTreeMap, path::Path};

use coco_kv::{Decode, Encode, Singleton, Table, codec::to_json};
use coco_tables::Tables;
use coco_wire::{
    WriteSet,
    chunk::Chunk,
    domain::{KeyOrder, decode_public},
};

/// Checks one row; says what is wrong.
type Check = Box<dyn Fn(&[u8], &[u8]) -> Result<(), &'static str>>;

/// What a table holds must be read and written again as it was, up to the order of JSON fields, which
/// scripts choose. In `legacy` tables, old versions wrote fields that are no more.
fn rows<K: Encode + Decode + 'static, V: Encode + Decode + 'static>(
    table: &Table<K, V>,
    legacy: bool,
) -> (String, Check) {
    let check = move |key: &[u8], value: &[u8]| {
        let decoded = K::decode(key).ok_or("key")?;
        if decoded.encode() != key {
            return Err("other key");
        }
        same::<V>(value, legacy)
    };
    (table.name().as_str().to_owned(), Box::new(check))
}

fn one<V: Encode + Decode + 'static>(table: &Singleton<V>, legacy: bool) -> (String, Check) {
    let check = move |key: &[u8], value: &[u8]| {
        if key == [0; 8] { same::<V>(value, legacy) } else { Err("key") }
    };
    (table.name().as_str().to_owned(), Box::new(check))
}

fn same<V: Encode + Decode>(value: &[u8], legacy: bool) -> Result<(), &'static str> {
    let decoded = V::decode(value).ok_or("value")?;
    let again = decoded.encode();
    let sorted = serde_json::from_slice::<serde_json::Value>(value).map(|json| to_json(&json));
    let as_it_was = again == value || sorted.is_ok_and(|sorted| again == sorted.as_slice());
    if legacy || as_it_was { Ok(()) } else { Err("other value") }
}

fn checks() -> BTreeMap<String, Check> {
    let t = Tables::default();
    [
        rows(&t.members.certs, false),
        rows(&t.members.encryption_public_keys, false),
        rows(&t.members.info, false),
        rows(&t.members.acks, false),
        rows(&t.users.certs, false),
        rows(&t.users.info, false),
        rows(&t.nodes.info, false),
        rows(&t.nodes.endorsed_certificates, false),
        rows(&t.platforms.sgx_measurements, false),
        rows(&t.platforms.virtual_measurements, false),
        rows(&t.platforms.virtual_host_data, false),
        rows(&t.platforms.snp_measurements, false),
        rows(&t.platforms.snp_host_data, false),
        one(&t.service.info, false),
        one(&t.service.config, true),
        one(&t.service.previous_identity, false),
        one(&t.service.previous_identity_endorsement, false),
        one(&t.service.previous_last_signed_root, false),
        one(&t.service.last_recovery_type, false),
        rows(&t.proposals.proposals, false),
        rows(&t.proposals.info, false),
        rows(&t.proposals.cose_history, false),
        rows(&t.proposals.cose_recent_proposals, false),
        one(&t.scripts.constitution, false),
        rows(&t.scripts.modules, false),
        rows(&t.scripts.bytecode, false),
        one(&t.scripts.bytecode_version, false),
        one(&t.scripts.interpreter_flush, false),
        one(&t.scripts.runtime_options, false),
        rows(&t.scripts.endpoints, true),
        rows(&t.jwt.issuers, true),
        rows(&t.jwt.signing_keys, false),
        rows(&t.ca_bundles.0, false),
        one(&t.secrets.for_nodes, false),
        one(&t.secrets.history, false),
        one(&t.secrets.recovery_shares, false),
        rows(&t.secrets.submitted_shares, false),
        one(&t.signatures.node, false),
        one(&t.signatures.cose, false),
        one(&t.signatures.tree, false),
        one(&t.signatures.snapshot_evidence, false),
    ]
    .into()
}

#[test]
fn published_ledgers_are_read_and_written_again() {
    let Some(ccf) = std::env::var_os("COCO_CCF") else {
        eprintln!("SKIPPED: set COCO_CCF to a checkout of CCF to read its ledgers");
        return;
    };
    let checks = checks();
    let mut seen = BTreeMap::<String, usize>::new();
    let services = Path::new(&ccf).join("tests/testdata").read_dir().unwrap();
    for ledger in services.map(|service| service.unwrap().path().join("ledger")) {
        for file in ledger.read_dir().unwrap() {
            let file = file.unwrap().path();
            let bytes = std::fs::read(&file).unwrap();
            for entry in Chunk::decode(&bytes).unwrap().entries() {
                let (_, entry) = entry.unwrap();
                let mut writes = WriteSet::default();
                decode_public(entry.public_domain(), KeyOrder::Any, &mut writes).unwrap();
                for (table, rows) in writes.tables() {
                    let Some(check) = checks.get(table.as_str()) else { continue };
                    for (key, value) in rows {
                        let Some(value) = value else { continue };
                        if is_legacy_node(table.as_str(), value) {
                            continue;
                        }
                        if let Err(what) = check(key, value) {
                            let (key, value) = (String::from_utf8_lossy(key), String::from_utf8_lossy(value));
                            panic!("{} in {table:?}: {what}: {key}: {value}", file.display());
                        }
                        *seen.entry(table.as_str().to_owned()).or_default() += 1;
                    }
                }
            }
        }
    }
    eprintln!("{seen:#?}");
    assert!(seen.len() >= 30, "{} tables", seen.len());
}

/// Nodes of CCF 1.x have their addresses only in fields that CCF 7 falls back to; later ones may have
/// ACME options, which are no more.
fn is_legacy_node(table: &str, value: &[u8]) -> bool {
    let has = |text: &[u8]| value.windows(text.len()).any(|bytes| bytes == text);
    table.ends_with("nodes.info") && (!has(b"\"rpc_interfaces\"") || has(b"\"acme\""))
}
