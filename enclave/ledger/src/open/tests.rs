use coco_crypto::LedgerSecret;
use coco_wire::{
    Digest, Key, Seqno, TableName, TxId, Value, View, WriteSet, domain::DomainError, entry::EntryFlags,
    receipt::ReceiptLeaf,
};
use proptest::prelude::*;

use super::{OpenError, open};
use crate::{LedgerSecrets, seal};

fn txid(view: u64, seqno: u64) -> TxId {
    TxId { view: View(view), seqno: Seqno(seqno) }
}

fn secrets(byte: u8) -> LedgerSecrets {
    LedgerSecrets::new(Seqno(1), LedgerSecret::from_bytes(&[byte; 32]))
}

type Change<'a> = (&'a str, &'a [u8], Option<&'a [u8]>);

fn writes(changes: &[Change<'_>]) -> WriteSet {
    let mut writes = WriteSet::default();
    for (table, key, value) in changes {
        writes.table_mut(&TableName::new(table)).insert(Key::new(key), value.map(Value::new));
    }
    writes
}

fn example() -> WriteSet {
    writes(&[
        ("public:log", b"a", Some(b"in clear")),
        ("log", b"a", Some(b"a secret text")),
        ("log", b"b", None),
        ("z", b"", Some(b"")),
    ])
}

#[test]
fn opens_what_was_sealed() {
    let claims = Digest([7; 32]);
    let sealed = seal(&secrets(1), txid(2, 5), &example(), claims, EntryFlags::FORCE_CHUNK_BEFORE).unwrap();
    let opened = open(&secrets(1), &sealed.bytes).unwrap();
    assert_eq!((opened.txid, &opened.writes, opened.claims), (txid(2, 5), &example(), claims));
    assert_eq!((opened.leaf, opened.flags), (sealed.leaf, EntryFlags::FORCE_CHUNK_BEFORE));
    assert!(!opened.is_signature());
    let ReceiptLeaf::Components(components) = opened.receipt_leaf else {
        panic!("a new entry has components")
    };
    assert!(components.commit_evidence.starts_with("ce:2.5:"));
    let text = b"a secret text";
    assert!(!sealed.bytes.windows(text.len()).any(|bytes| bytes == text), "private text in clear");
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let sealed = seal(&secrets(1), txid(2, 5), &example(), Digest::ZERO, EntryFlags::NONE).unwrap();
    for bit in 0..sealed.bytes.len() * 8 {
        let mut bytes = sealed.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let leaf = open(&secrets(1), &bytes).map(|opened| opened.leaf);
        // Flags are not authenticated by the entry itself, but by the leaf.
        assert!(if bit / 8 == 1 { leaf != Ok(sealed.leaf) } else { leaf.is_err() }, "bit {bit}");
    }
    for length in 0..sealed.bytes.len() {
        assert!(open(&secrets(1), &sealed.bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn secrets_are_in_force_from_their_entry_on() {
    let mut two = secrets(1);
    two.add(Seqno(5), LedgerSecret::from_bytes(&[2; 32]));
    let bytes = |seqno| seal(&two, txid(2, seqno), &example(), Digest::ZERO, EntryFlags::NONE).unwrap().bytes;
    let unknown = LedgerSecrets::new(Seqno(5), LedgerSecret::from_bytes(&[2; 32]));
    let cases = [
        (&two, 4, None),
        (&two, 5, None),
        (&secrets(1), 4, None),
        (&secrets(1), 5, Some(OpenError::NotAuthentic)),
        (&unknown, 4, Some(OpenError::NoSecret(txid(2, 4)))),
        (&unknown, 9, None),
    ];
    for (secrets, seqno, error) in cases {
        assert_eq!(open(secrets, &bytes(seqno)).err(), error, "{seqno}");
    }
    for (to, first_lost) in [(3, 5), (4, 999), (5, 999)] {
        let mut kept = two.clone();
        kept.rollback(Seqno(to));
        assert_eq!(open(&kept, &bytes(first_lost)).is_ok(), first_lost == 999, "rolled back to {to}");
    }
}

#[test]
fn refuses_authentic_nonsense() {
    let key = LedgerSecret::from_bytes(&[1; 32]);
    let entry = |public: &[u8], private: &[u8], iv: coco_wire::entry::Iv| {
        coco_wire::entry::UnsealedEntry::write(
            iv,
            EntryFlags::NONE,
            public.len() + private.len(),
            |out| out.extend_from_slice(public),
            |out| out.extend_from_slice(private),
        )
        .unwrap()
        .seal::<()>(|iv, public, private| Ok(key.encryption_key().seal_in_place(&iv.0, public, private)))
        .unwrap()
    };
    let iv = coco_wire::entry::Iv::of_entry(txid(2, 5)).unwrap();
    let header = |kind: u8, seqno: u64, digests: usize| {
        [&[kind][..], &seqno.to_le_bytes(), &vec![9; 32 * digests], &[0; 8]].concat()
    };
    let cases: Vec<(&str, Vec<u8>, OpenError)> = vec![
        ("no header", entry(b"", b"", iv), OpenError::Domain(DomainError::Truncated(0))),
        ("a snapshot's type", entry(&header(1, 5, 0), b"", iv), OpenError::Domain(DomainError::EntryType(1))),
        ("two positions", entry(&header(0, 6, 0), b"", iv), OpenError::Position),
        (
            "a snapshot's IV",
            entry(&header(0, 5, 0), b"", coco_wire::entry::Iv::of_snapshot(Seqno(5))),
            OpenError::Position,
        ),
        ("evidence of another", entry(&header(4, 5, 2), b"", iv), OpenError::CommitEvidence),
        (
            "torn private domain",
            entry(&header(0, 5, 0), b"x", iv),
            OpenError::Domain(DomainError::Truncated(0)),
        ),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(open(&secrets(1), &bytes), Err(expected), "{name}");
    }
    assert!(open(&secrets(1), &entry(&header(0, 5, 0), b"", iv)).is_ok());
}

/// `COCO_CCF`: a checkout of CCF, whose `tests/testdata` holds ledgers. Their secrets are not at hand here, but the
/// frames and trees are: each signature's tree must have the leaves that we compute.
#[test]
fn leaves_are_those_of_real_ledgers() {
    let Ok(checkout) = std::env::var("COCO_CCF") else {
        eprintln!("SKIPPED: COCO_CCF does not name a checkout of CCF");
        return;
    };
    let services = std::fs::read_dir(format!("{checkout}/tests/testdata")).expect("test data");
    let mut signatures = 0;
    for service in services {
        signatures += real::check(&service.unwrap().path().join("ledger"));
    }
    assert!(signatures > 100, "{signatures} signatures");
}

mod real {
    use std::path::Path;

    use coco_crypto::hash::sha256;
    use coco_wire::{
        Seqno, WriteSet,
        chunk::{Chunk, ChunkName, ChunkPhase},
        domain::{KeyOrder, decode_public},
        tree::SerialisedTree,
    };

    use crate::{SignedRoot, Tree, seal::leaf};

    /// Follows one ledger from its beginning; the number of signatures.
    pub(super) fn check(directory: &Path) -> usize {
        let mut files: Vec<(Seqno, Vec<u8>)> = Vec::new();
        for file in std::fs::read_dir(directory).unwrap() {
            let file = file.unwrap();
            let Ok(name) = file.file_name().to_str().unwrap().parse::<ChunkName>() else { continue };
            if matches!(name.phase, ChunkPhase::Committed { .. }) {
                files.push((name.first, std::fs::read(file.path()).unwrap()));
            }
        }
        files.sort();
        let (mut tree, mut signatures) = (Tree::default(), 0);
        for (_, bytes) in &files {
            for entry in Chunk::decode(bytes).unwrap().entries() {
                let (_, entry) = entry.unwrap();
                let mut writes = WriteSet::default();
                let header = decode_public(entry.public_domain(), KeyOrder::Any, &mut writes).unwrap();
                assert_eq!(header.seqno, tree.last().next(), "{}", directory.display());
                if writes.table(coco_wire::signature::TREE).is_some() {
                    signatures += 1;
                    let mut txid = entry.iv().tx_id();
                    if let Some(signature) = writes.table(coco_wire::signature::SIGNATURES) {
                        let value = signature.values().next().unwrap().as_ref().unwrap();
                        txid = coco_wire::signature::NodeSignature::decode(value).unwrap().tx_id();
                    }
                    let signed = SignedRoot::from_writes(txid, &writes).unwrap();
                    assert_eq!(signed.root(), tree.root(), "{} in {}", txid, directory.display());
                    let value = writes.table(coco_wire::signature::TREE).unwrap().values().next().unwrap();
                    let theirs = SerialisedTree::decode(value.as_ref().unwrap()).unwrap();
                    assert_eq!(tree.serialise(Seqno(theirs.flushed())), theirs);
                }
                tree.append(leaf(sha256(entry.bytes()), header.commitments));
            }
        }
        signatures
    }
}

proptest! {
    #[test]
    fn any_write_set(
        changes in prop::collection::vec((".{0,12}", any::<bool>(), any::<Vec<u8>>(), any::<Option<Vec<u8>>>()), 0..12),
        view in 0..1u64 << 31, seqno in 1..u64::MAX, claims: [u8; 32],
    ) {
        let mut writes = WriteSet::default();
        for (name, public, key, value) in changes {
            let name = if public { format!("public:{name}") } else { name };
            writes.table_mut(&TableName::new(&name)).insert(Key::from(key), value.map(Value::from));
        }
        let sealed = seal(&secrets(3), txid(view, seqno), &writes, Digest(claims), EntryFlags::NONE).unwrap();
        let opened = open(&secrets(3), &sealed.bytes).unwrap();
        prop_assert_eq!(opened.txid, txid(view, seqno));
        prop_assert_eq!(opened.writes, writes);
        prop_assert_eq!(opened.leaf, sealed.leaf);
        prop_assert_eq!(opened.claims, Digest(claims));
    }

    #[test]
    fn never_panics(bytes: Vec<u8>) {
        prop_assert!(open(&secrets(3), &bytes).is_err());
    }
}
