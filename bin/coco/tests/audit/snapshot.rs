//! Ledgers whose beginning is a snapshot.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use coco_crypto::{Signer as _, hash::sha256};
use coco_tables::nodes::NodeStatus;
use coco_wire::{
    Domain, Seqno, View,
    chunk::{self, Chunk},
    domain::{KeyOrder, visit_public},
    entry::EntryFlags,
    receipt::{JsonReceipt, ReceiptLeaf},
    signature::SINGLETON_KEY,
    snapshot::{
        SNAPSHOT_EVIDENCE, SnapshotEvidence, SnapshotFrame, SnapshotHeader,
        tables::{encode_row, encode_table, row_len},
        view_history,
    },
};

use crate::{
    forge::{Forge, path, root, row},
    ledger::{Ground, Ledger, T},
    whole::told,
};

/// The rows of a table with the transactions that wrote them.
type Rows = BTreeMap<Vec<u8>, (Seqno, Vec<u8>)>;

/// All public tables of a ledger, as the header and the rows of a snapshot.
fn public_domain(forge: &Forge) -> Vec<u8> {
    let mut tables: BTreeMap<String, Rows> = BTreeMap::new();
    for item in Chunk::decode(&forge.bytes).unwrap().entries() {
        let (_, entry) = item.unwrap();
        let seqno = entry.iv().tx_id().seqno;
        visit_public(entry.public_domain(), KeyOrder::Any, |change| {
            let rows = tables.entry(change.table.to_owned()).or_default();
            match change.value {
                Some(value) => drop(rows.insert(change.key.to_vec(), (seqno, value.to_vec()))),
                None => drop(rows.remove(change.key)),
            }
        })
        .unwrap();
    }
    let seqno = forge.next().seqno.previous();
    let leaf = *forge.leaves.last().unwrap();
    let mut bytes = Vec::new();
    let view_history = view_history([(View(2), Seqno(1))], seqno);
    SnapshotHeader { seqno, leaf, view_history }.encode(&mut bytes);
    for (table, rows) in &tables {
        assert_eq!(Domain::of(table), Domain::Public);
        let len = rows.iter().map(|(key, (_, value))| row_len(key.len(), value.len())).sum();
        encode_table(table, seqno, len, &mut bytes);
        for (key, (version, value)) in rows {
            encode_row(key, *version, value, &mut bytes);
        }
    }
    bytes
}

/// A snapshot that ends with the last entry, which is a signature, and that the next one records.
fn snapshot(forge: &mut Forge) -> Vec<u8> {
    let version = forge.next().seqno.previous();
    let domain = public_domain(forge);
    let frame = SnapshotFrame::new(version, [7; 16], domain.len() as u64, 0).unwrap();
    let mut bytes = [frame.encode().as_slice(), &domain].concat();
    let hash = sha256(&bytes);
    let evidence = serde_json::to_vec(&SnapshotEvidence { hash, version }).unwrap();
    forge.append(&row(SNAPSHOT_EVIDENCE, &SINGLETON_KEY, &evidence), hash, EntryFlags::NONE);
    let receipt = JsonReceipt {
        cert: Some(forge.node.certificate.to_pem()),
        leaf: ReceiptLeaf::Components(forge.components.last().unwrap().clone()),
        node_id: forge.node.id(),
        proof: path(&forge.leaves, forge.leaves.len() - 1),
        service_endorsements: None,
        signature: forge.node.key.sign_digest(&root(&forge.leaves)).to_der(),
    };
    bytes.extend(receipt.encode());
    bytes
}

/// A ledger that goes on behind a snapshot, without what was before.
fn begun(directory: &Path, go_on: impl FnOnce(&mut Ledger)) {
    let mut ledger = Ledger::virtual_platform();
    ledger.join_another(NodeStatus::Trusted, T + 5);
    ledger.forge.sign();
    let (next, from) = (ledger.forge.next().seqno, ledger.forge.bytes.len());
    fs::write(directory.join("snapshot"), snapshot(&mut ledger.forge)).unwrap();
    go_on(&mut ledger);
    ledger.save(directory);
    let rest = [&chunk::encode_header(0)[..], &ledger.forge.bytes[from..]].concat();
    fs::remove_file(directory.join("ledger/ledger_1")).unwrap();
    fs::write(directory.join(format!("ledger/ledger_{next}")), rest).unwrap();
}

const BEHIND: [&str; 5] = ["ledger", "--snapshot", "snapshot", "--service-cert", "service_cert.pem"];

#[test]
fn what_follows_a_snapshot_is_judged() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    begun(directory, |it| {
        it.join_another(NodeStatus::Trusted, T + 6);
        it.renew(T + 7, it.lease(1), 1);
    });
    told(&["ledger"], directory, 1, "begins with entry 4. Entries 1 to 3 are not there");
    told(
        &BEHIND,
        directory,
        0,
        "All decisions about nodes hold: 2, to 2.7.\n  not judged   2 nodes of the snapshot",
    );
    told(&BEHIND, directory, 0, "is Trusted, on Virtual: not judged, as the snapshot does not tell why\n");
    told(&[&BEHIND[..], &["--json"]].concat(), directory, 0, "\"not_judged\":2");
    told(&["ledger", "--snapshot", "snapshot"], directory, 2, "--service-cert");

    // The tables are those of the snapshot, and so are the times.
    begun(directory, |it| drop(it.join_another(NodeStatus::Trusted, T - 56)));
    told(&BEHIND, directory, 1, "61 seconds before that of an earlier decision");
    begun(directory, |it| {
        let ground = Ground::Virtual(coco_wire::Digest([8; 32]));
        let joiner = it.joiner(&ground, NodeStatus::Trusted);
        it.join(&joiner, crate::ledger::appraised(T + 6));
    });
    told(&BEHIND, directory, 1, "DOES NOT HOLD: its host data was not admitted then");
}

#[test]
fn snapshots_that_prove_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    begun(directory, |_| ());
    told(&BEHIND, directory, 0, "All decisions about nodes hold: 0, to 2.5.");
    fs::rename(directory.join("ledger/ledger_4"), directory.join("ledger/ledger_9")).unwrap();
    told(&BEHIND, directory, 1, "REFUSED: the ledger begins with entry 9. Entries 4 to 8 are not there");
    let good = fs::read(directory.join("snapshot")).unwrap();
    for at in (0..good.len()).step_by(131) {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(directory.join("snapshot"), bytes).unwrap();
        told(&BEHIND, directory, 1, "coco: snapshot: ");
    }
    fs::write(directory.join("snapshot"), &good).unwrap();
    let other = Ledger::virtual_platform();
    fs::write(directory.join("service_cert.pem"), other.forge.service.certificate.to_pem()).unwrap();
    told(&BEHIND, directory, 1, "coco: snapshot: ");
    fs::write(directory.join("service_cert.pem"), "").unwrap();
    told(&BEHIND, directory, 2, "coco: service_cert.pem: ");
}

/// Their own, and those of a service that was upgraded and recovered.
#[test]
fn snapshots_of_ccf() {
    let Some(ccf) = std::env::var_os("COCO_CCF") else {
        eprintln!("SKIPPED: COCO_CCF is not set to a source tree of CCF");
        return;
    };
    let cases = [
        ("eol_service", "snapshot_493_494", "to 10.500."),
        ("expired_service", "snapshot_61_62", "to 4.74."),
        ("sgx_service", "snapshot_138_139", "to 8.153."),
    ];
    for (service, snapshot, end) in cases {
        let service = PathBuf::from(&ccf).join("tests/testdata").join(service);
        let path = |name: &str| service.join(name).display().to_string();
        let (ledger, certificate) = (path("ledger"), path("common/service_cert.pem"));
        let snapshot = path(&format!("snapshots/{snapshot}.committed"));
        let arguments = [&ledger, "--snapshot", &snapshot, "--service-cert", &certificate];
        told(
            &arguments,
            Path::new("."),
            0,
            &format!("All decisions about nodes hold: 0, {end}\n  not judged   "),
        );
    }
}
