//! New ledger secrets on whole nodes: every node goes on under them, and forgets those that are undone.

use coco_crypto::{LedgerSecret, SystemEntropy};
use coco_ledger::{LedgerSecrets, open};
use coco_node::Refusal;
use coco_tables::{
    nodes::NodeStatus,
    secrets::{EncryptedSecret, SecretsForNodes},
    value::Present,
};
use coco_wire::{Seqno, TxId, text::Base64};

use crate::{
    adapter::Toy,
    cluster::{Cluster, info},
    node::Node,
    snapshots,
};

impl Cluster {
    /// Sets a new secret on the primary, as governance does.
    fn rekey(&mut self) -> TxId {
        let primary = self.primary().expect("a primary");
        self.rekey_on(primary).expect("a primary takes it")
    }

    fn rekey_on(&mut self, at: usize) -> Result<TxId, Refusal> {
        let secret = LedgerSecret::generate(&SystemEntropy);
        let keys: Vec<_> =
            self.nodes.iter().map(|node| (node.id(), node.view.shared.keys.encryption.clone())).collect();
        let mut write = self.nodes[at].written(|tables, tx| {
            let nodes = tables.nodes.info.iter(tx).map(|row| row.expect("a node"));
            let trusted: Vec<_> = nodes.filter(|(_, info)| info.status == NodeStatus::Trusted).collect();
            let encrypt = |(node, key): &(_, std::sync::Arc<coco_crypto::RsaKey>)| {
                let encrypted_secret = key.public_key().encrypt_oaep(secret.as_bytes()).expect("32 bytes");
                let encrypted = EncryptedSecret {
                    version: None,
                    encrypted_secret: Base64(encrypted_secret),
                    previous_secret_stored_version: None,
                };
                (*node, vec![encrypted])
            };
            let known = keys.iter().filter(|(node, _)| trusted.iter().any(|(id, _)| id == node));
            tables.secrets.for_nodes.put(tx, &SecretsForNodes(known.map(encrypt).collect()));
        });
        write.requests.ledger_secret = Some(secret);
        let placed = self.nodes[at].core.sequence(&write);
        self.nodes[at].with_core(coco_node::Core::flush);
        placed
    }

    /// What a node would give to others, or read its ledger with.
    fn secrets(&self, at: usize) -> LedgerSecrets {
        self.nodes[at].view.shared.secrets.load().expect("it belongs to a service").as_ref().clone()
    }

    /// From where each secret is in force; all nodes that are heard know the same.
    fn assert_same_secrets(&self) -> Vec<Seqno> {
        let list = |at| self.secrets(at).iter().map(|(from, key)| (from, key.clone())).collect::<Vec<_>>();
        let heard: Vec<_> = (0..self.nodes.len()).filter(|at| !self.cut_off.contains(at)).collect();
        let first = list(heard[0]);
        for at in heard {
            assert!(list(at) == first, "node {at} knows the same secrets");
        }
        first.into_iter().map(|(from, _)| from).collect()
    }

    /// Everything can be read back with a receipt, and no secret opens what is not its own.
    fn assert_readable(&mut self, at: usize) {
        let upto = self.nodes[at].committed;
        let secrets = self.secrets(at);
        let entries = self.nodes[at].entries.clone();
        for (seqno, entry) in entries.range(..=upto) {
            assert_eq!(open(&secrets, entry).expect("it opens").txid.seqno, *seqno);
            for (from, secret) in secrets.iter() {
                let own = secrets.at(*seqno) == Some(secret);
                let alone = LedgerSecrets::new(Seqno(1), secret.clone());
                assert_eq!(open(&alone, entry).is_ok(), own, "{seqno} under the secret from {from}");
            }
        }
        for seqno in entries.range(..=upto).map(|(seqno, _)| *seqno) {
            let historical = self.nodes[at].committed_transaction(seqno);
            assert!(historical.receipt.json.is_some(), "{seqno}");
        }
    }
}

#[test]
fn nodes_go_on_under_each_new_secret() {
    let mut cluster = Cluster::of(3);
    let mut expected = vec![Seqno(1)];
    for number in 0..6 {
        cluster.put("key", &format!("before {number}"));
        expected.push(cluster.rekey().seqno.next());
        if number % 2 == 0 {
            expected.push(cluster.rekey().seqno.next());
        }
        cluster.put("key", &format!("after {number}"));
        if number % 3 == 0 {
            cluster.run(200);
        }
    }
    cluster.run(500);
    cluster.assert_agreed();
    assert_eq!(cluster.assert_same_secrets(), expected);
    for at in 0..3 {
        assert_eq!(cluster.get(at, "key").as_deref(), Some("after 5"));
        cluster.assert_readable(at);
    }
    // Whoever leads next knows them too.
    cluster.cut_off = vec![0];
    cluster.run(20_000);
    cluster.put("key", "next");
    cluster.rekey();
    cluster.put("key", "last");
    cluster.run(500);
    cluster.assert_agreed();
    cluster.cut_off.clear();
    cluster.run(20_000);
    assert_eq!(cluster.get(0, "key").as_deref(), Some("last"));
    assert_eq!(cluster.assert_same_secrets().len(), expected.len() + 1);
    cluster.assert_agreed();
}

/// Has some of five nodes take in a new secret that is never committed, while the others go on with `instead`.
fn undone(with: &[usize], instead: impl Fn(&mut Cluster)) {
    let mut cluster = Cluster::of(5);
    cluster.put("kept", "1");
    cluster.run(200);
    let before = cluster.assert_same_secrets();
    cluster.cut_off = (1..5).filter(|at| !with.contains(at)).collect();
    let lost = cluster.rekey_on(0).expect("it does not know yet");
    for number in 0..5 {
        cluster.put_on(0, &format!("lost {number}"), "1").expect("it does not know yet");
        cluster.run(20);
    }
    for at in with.iter().chain(&[0]) {
        assert_eq!(cluster.secrets(*at).iter().count(), before.len() + 1, "node {at} heard of it");
    }
    assert!(cluster.nodes[0].committed < lost.seqno);

    cluster.cut_off = with.iter().copied().chain([0]).collect();
    cluster.run(20_000);
    cluster.put("instead", "1");
    instead(&mut cluster);
    for number in 0..100 {
        cluster.put(&format!("more {number}"), "1");
    }
    cluster.run(500);
    cluster.assert_agreed();
    let expected = cluster.assert_same_secrets();
    cluster.cut_off.clear();
    cluster.run(20_000);
    cluster.assert_agreed();
    assert_eq!(cluster.assert_same_secrets(), expected);
    for at in 0..5 {
        assert_eq!(cluster.get(at, "more 99").as_deref(), Some("1"), "node {at}");
        assert_eq!(cluster.get(at, "lost 0"), None);
    }
    // The next one works, and everything is read back.
    cluster.rekey();
    cluster.put("key", "1");
    cluster.run(500);
    cluster.assert_agreed();
    assert_eq!(cluster.assert_same_secrets().len(), expected.len() + 1);
    for at in 0..5 {
        cluster.assert_readable(at);
    }
}

#[test]
fn a_secret_that_an_election_undoes_is_forgotten() {
    for with in [&[][..], &[1]] {
        undone(with, |_| ());
        undone(with, |cluster| {
            cluster.rekey();
        });
        undone(with, |cluster| {
            for _ in 0..3 {
                cluster.rekey();
                cluster.put("between", "1");
            }
        });
    }
}

#[test]
fn a_secret_that_a_majority_has_outlasts_its_primary() {
    let mut cluster = Cluster::of(3);
    cluster.put("kept", "1");
    cluster.run(200);
    cluster.cut_off = vec![2];
    let set = cluster.rekey();
    cluster.put("under it", "1");
    cluster.run(200);
    cluster.cut_off = vec![0];
    cluster.run(20_000);
    assert_eq!(cluster.primary(), Some(1));
    cluster.put("later", "1");
    cluster.run(500);
    cluster.cut_off.clear();
    cluster.run(20_000);
    cluster.assert_agreed();
    assert_eq!(cluster.assert_same_secrets(), [Seqno(1), set.seqno.next()]);
    assert_eq!(cluster.get(2, "under it").as_deref(), Some("1"));
}

#[test]
fn nodes_join_around_a_new_secret() {
    let mut cluster = Cluster::of(1);
    for number in 0..10 {
        cluster.put(&format!("key {number}"), "1");
        cluster.rekey();
    }
    cluster.run(500);
    // Given what was set before, and told what is set as it catches up.
    let mut newcomer = Node::joiner(Toy::new(None, None));
    cluster.admit(&mut newcomer, None);
    cluster.nodes.push(newcomer);
    cluster.put("meanwhile", "1");
    cluster.rekey();
    cluster.put("under it", "1");
    cluster.run(1_000);
    cluster.assert_agreed();
    assert_eq!(cluster.assert_same_secrets().len(), 12);
    assert_eq!(cluster.get(1, "under it").as_deref(), Some("1"));
    cluster.assert_readable(1);
    // A second one, whose coming is undone in part as it catches up.
    cluster.join_as(Node::joiner(Toy::new(None, None)), None);
    cluster.rekey();
    cluster.run(500);
    cluster.cut_off = vec![0];
    cluster.run(20_000);
    cluster.put("on", "and on");
    cluster.rekey();
    cluster.run(500);
    cluster.cut_off.clear();
    cluster.run(20_000);
    cluster.assert_agreed();
    assert_eq!(cluster.assert_same_secrets().len(), 14);
}

#[test]
fn who_is_not_trusted_reads_nothing_that_follows() {
    let mut cluster = Cluster::of(4);
    let id = cluster.nodes[3].id();
    let retire = cluster.nodes[0].write(|tables, tx| {
        tables.nodes.info.put(tx, &id, &info(NodeStatus::Retired));
    });
    retire.expect("a primary takes it");
    cluster.rekey();
    cluster.put("secret", "1");
    cluster.run(500);
    assert_eq!(cluster.get(1, "secret").as_deref(), Some("1"));
    assert_eq!(cluster.get(3, "secret"), None);
    assert!(!cluster.nodes[3].stopped);
    assert_eq!(cluster.secrets(3).iter().count(), 1);
    cluster.cut_off.push(3);
    cluster.assert_agreed();
}

#[test]
fn snapshots_are_sealed_with_the_secret_of_their_place() {
    let mut cluster = snapshots::cluster(3);
    let mut made = Vec::new();
    for _ in 0..4 {
        snapshots::fill(&mut cluster, 3);
        let asked = cluster.nodes[0].write(|tables, tx| {
            tables.signatures.snapshot_requests.put(tx, coco_tables::signatures::ASKED_FOR, &Present);
        });
        asked.expect("a primary takes it");
        // While the snapshot is on its way.
        cluster.rekey();
        cluster.put("key", "1");
        cluster.rekey();
        cluster.run(500);
        made.push(snapshots::newest(&cluster.nodes[0]));
        let (first, others) = cluster.nodes.split_first().expect("three");
        assert!(others.iter().all(|node| snapshots::newest(node) == snapshots::newest(first)));
    }
    cluster.assert_agreed();
    for (seqno, bytes) in made {
        let beginning = snapshots::open(&cluster, &bytes).expect("it opens");
        assert_eq!(beginning.last().seqno, seqno);
        let secrets = cluster.secrets(0);
        let at = cluster.join_as(Node::joiner(Toy::new(None, None)), Some(beginning));
        cluster.put("key", &format!("after {seqno}"));
        cluster.rekey();
        cluster.run(500);
        assert_eq!(cluster.get(at, "key 0").as_deref(), Some("value 0"));
        assert_eq!(cluster.get(at, "key").as_deref(), Some(&*format!("after {seqno}")));
        assert_eq!(cluster.assert_same_secrets().len(), secrets.iter().count() + 1);
        // It begins where the snapshot ends, and reads everything from there on.
        cluster.assert_readable(at);
    }
}
