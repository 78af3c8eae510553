use coco_kv::{Store, Tx};
use coco_wire::{Seqno, text::Base64};

use super::{super::*, *};

fn node(number: u8) -> Digest {
    Digest([number; 32])
}

fn info(status: NodeStatus, retired_committed: bool) -> NodeInfo {
    NodeInfo {
        network: NodeNetwork::default(),
        quote_info: QuoteInfo {
            format: QuoteFormat::InsecureVirtual,
            quote: Base64::default(),
            endorsements: Base64::default(),
            uvm_endorsements: None,
            endorsed_tcb: None,
        },
        encryption_pub_key: String::new(),
        status,
        ledger_secret_seqno: None,
        code_digest: None,
        certificate_signing_request: None,
        public_key: None,
        node_data: "kept".into(),
        cert: None,
        retired_committed,
    }
}

/// Nodes 1, 2 and 3 are pending, trusted and retired, 4 is retired-committed.
fn transaction() -> Tx {
    let mut tx = Tx::new(Store::new().latest());
    let nodes = Nodes::default();
    nodes.info.put(&mut tx, &node(1), &info(NodeStatus::Pending, false));
    nodes.info.put(&mut tx, &node(2), &info(NodeStatus::Trusted, false));
    nodes.info.put(&mut tx, &node(3), &info(NodeStatus::Retired, false));
    nodes.info.put(&mut tx, &node(4), &info(NodeStatus::Retired, true));
    tx
}

#[test]
fn nodes_are_selected_by_what_they_are() {
    let mut tx = transaction();
    assert_eq!(trusted(&tx), Ok([node(2)].into()));
    assert_eq!(leaving(&tx), Ok([node(3)].into()));
    assert_eq!(removable(&tx), Ok([node(4)].into()));
    Nodes::default().info.clear(&mut tx);
    for selected in [trusted(&tx), leaving(&tx), removable(&tx)] {
        assert_eq!(selected, Ok(BTreeSet::new()));
    }
}

#[test]
fn changes_are_read_from_what_is_written() {
    let mut store = Store::new();
    let executed = transaction().finish();
    let expected = vec![
        (node(1), Some(info(NodeStatus::Pending, false))),
        (node(2), Some(info(NodeStatus::Trusted, false))),
        (node(3), Some(info(NodeStatus::Retired, false))),
        (node(4), Some(info(NodeStatus::Retired, true))),
    ];
    assert_eq!(changes(executed.writes()), Ok(expected));
    store.commit(Seqno(1), &executed).unwrap();

    let mut tx = Tx::new(store.latest());
    let nodes = Nodes::default();
    nodes.info.remove(&mut tx, &node(4));
    nodes.endorsed_certificates.put(&mut tx, &node(1), &"PEM".to_owned());
    assert_eq!(changes(tx.finish().writes()), Ok(vec![(node(4), None)]));
    assert_eq!(changes(&WriteSet::default()), Ok(Vec::new()));
}

#[test]
fn rows_that_are_no_nodes_are_refused() {
    let (key, mut row) = (node(1).to_hex(), serde_json::to_value(info(NodeStatus::Trusted, false)).unwrap());
    let valid = row.to_string();
    row["status"] = "Learner".into();
    let unknown_status = row.to_string();
    row.as_object_mut().unwrap().remove("status");
    let no_status = row.to_string();
    let upper_case = "AB".repeat(32);
    let cases: [(&str, &str, bool); 8] = [
        (&key, &valid, true),
        (&key, &unknown_status, false),
        (&key, &no_status, false),
        (&key, "", false),
        (&key, "null", false),
        (&key[1..], &valid, false),
        (&upper_case, &valid, false),
        ("", &valid, false),
    ];
    for (key, value, is_valid) in cases {
        let mut tx = transaction();
        tx.put(Nodes::default().info.name(), key.as_bytes(), value.as_bytes());
        for selected in [trusted(&tx), leaving(&tx), removable(&tx)] {
            assert_eq!(selected.is_ok(), is_valid, "{key}: {value}");
        }
        assert_eq!(changes(tx.finish().writes()).is_ok(), is_valid, "{key}: {value}");
    }
    // Also where a row that is no node is deleted.
    let mut tx = Tx::new(Store::new().latest());
    tx.remove(Nodes::default().info.name(), &b"no digest"[..]);
    assert!(changes(tx.finish().writes()).is_err());
}

#[test]
fn only_nodes_that_left_are_marked() {
    let mut tx = transaction();
    let everyone: Vec<_> = (0..6).map(node).collect();
    assert_eq!(mark_retired_committed(&mut tx, &everyone), Ok(vec![node(3)]));
    assert_eq!(Nodes::default().info.get(&tx, &node(3)), Ok(Some(info(NodeStatus::Retired, true))));
    assert_eq!(mark_retired_committed(&mut tx, &everyone), Ok(Vec::new()));
    assert_eq!((leaving(&tx), removable(&tx)), (Ok(BTreeSet::new()), Ok([node(3), node(4)].into())));
    tx.put(Nodes::default().info.name(), node(3).to_hex().as_bytes(), &b"{}"[..]);
    assert!(mark_retired_committed(&mut tx, &everyone).is_err());
    assert_eq!(mark_retired_committed(&mut tx, &[node(4)]), Ok(Vec::new()));
}
