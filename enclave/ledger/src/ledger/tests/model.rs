//! Random histories against the plain list of entries.

use coco_crypto::hash::sha256;
use coco_wire::{
    Digest, Seqno, TxId, WriteSet,
    entry::{Entry, EntryFlags},
    signature::TREE,
    tree::SerialisedTree,
};
use proptest::{prelude::*, sample::Index};

use super::{
    CHUNK_SIZE, leaf_of, ledger, naive_root, secret, secrets, sign, txid, verify_cose, verify_json, writes,
};
use crate::{AppendOptions, Ledger, Opened, Sealed, SignatureMode, SignatureRequest, SignedRoot, open};

/// What the ledger should hold: the plain list.
struct Model {
    ledger: Ledger,
    view: u64,
    entries: Vec<Planned>,
    drained: Vec<Sealed>,
    request: Option<SignatureRequest>,
    stale: Vec<SignatureRequest>,
    committed: usize,
}

#[derive(Clone)]
struct Planned {
    txid: TxId,
    claims: Digest,
    writes: Option<WriteSet>,
    ends_chunk: bool,
    signature: bool,
}

impl Model {
    fn new() -> Self {
        Self {
            ledger: ledger(SignatureMode::Dual),
            view: 2,
            entries: Vec::new(),
            drained: Vec::new(),
            request: None,
            stale: Vec::new(),
            committed: 0,
        }
    }

    fn next(&self) -> TxId {
        txid(self.view, self.entries.len() as u64 + 1)
    }

    fn append(&mut self, private: bool, value: &[u8], claims: Digest, ends_chunk: bool) {
        let txid = self.next();
        let writes = writes(if private { "table" } else { "public:table" }, value);
        let options = AppendOptions { ends_chunk, ..AppendOptions::default() };
        self.ledger.append(txid, &writes, claims, options).unwrap();
        self.entries.push(Planned { txid, claims, writes: Some(writes), ends_chunk, signature: false });
    }

    fn reserve(&mut self, ends_chunk: bool) {
        if self.ledger.is_signing() {
            return;
        }
        let txid = self.next();
        let end = self.drained.iter().rposition(ends).map_or(0, |at| at + 1);
        let requested = self.entries[end..].iter().any(|entry| entry.ends_chunk && !entry.signature);
        let bytes: usize = self.drained[end..].iter().map(|sealed| sealed.bytes.len()).sum();
        let due = ends_chunk || requested || bytes as u64 >= CHUNK_SIZE;
        let request = self.ledger.reserve_signature(txid, ends_chunk);
        assert_eq!((request.txid(), request.ends_chunk()), (txid, due));
        self.request = Some(request);
        self.entries.push(Planned {
            txid,
            claims: Digest::ZERO,
            writes: None,
            ends_chunk: due,
            signature: true,
        });
    }

    fn complete(&mut self) {
        let Some(request) = self.request.take() else { return };
        let at = usize::try_from(request.txid().seqno.0).unwrap() - 1;
        let written = self.ledger.complete_signature(sign(request)).expect("reserved");
        self.entries[at].writes = Some(written);
    }

    fn complete_stale(&mut self) {
        for request in self.stale.drain(..) {
            assert_eq!(self.ledger.complete_signature(sign(request)), None);
        }
    }

    fn rollback(&mut self, at: Index) {
        let to = self.committed + at.index(self.entries.len() - self.committed + 1);
        self.ledger.rollback(Seqno(to as u64));
        self.entries.truncate(to);
        self.drained.truncate(to);
        self.stale.extend(self.request.take_if(|request| request.txid().seqno.0 > to as u64));
        self.view += 1;
    }

    fn compact(&mut self, at: Index) {
        let signatures: Vec<usize> =
            (self.committed..self.drained.len()).filter(|at| self.drained[*at].signature).collect();
        if !signatures.is_empty() {
            self.committed = signatures[at.index(signatures.len())] + 1;
            self.ledger.compact(Seqno(self.committed as u64));
        }
    }

    fn check(&mut self) {
        let mut fresh = Vec::new();
        self.ledger.drain(&mut fresh);
        let known = self.drained.len();
        self.drained.extend(fresh);
        let complete = self.entries.iter().take_while(|entry| entry.writes.is_some()).count();
        assert_eq!(self.drained.len(), complete, "everything before the open signature is ready");
        assert_eq!(self.ledger.last(), Seqno(self.entries.len() as u64));
        let signature = self.entries.iter().rposition(|entry| entry.signature).map_or(0, |at| at + 1);
        assert_eq!(self.ledger.unsigned(), (self.entries.len() - signature) as u64);
        for at in known..complete {
            self.check_entry(at);
        }
    }

    fn check_entry(&self, at: usize) {
        let (sealed, planned) = (&self.drained[at], &self.entries[at]);
        let opened = open(&secrets(), &sealed.bytes).expect("opens");
        assert_eq!((sealed.txid, sealed.signature), (planned.txid, planned.signature));
        assert_eq!(
            (opened.txid, opened.is_signature(), opened.claims),
            (planned.txid, planned.signature, planned.claims)
        );
        assert_eq!(Some(&opened.writes), planned.writes.as_ref());
        assert_eq!(ends(sealed), planned.signature && planned.ends_chunk);
        if planned.signature {
            self.check_signature(at, &opened);
        }
    }

    fn check_signature(&self, at: usize, opened: &Opened) {
        let leaf = |(sealed, planned): (&Sealed, &Planned)| {
            leaf_of(sha256(&sealed.bytes), &secret().commit_evidence(planned.txid), planned.claims)
        };
        let leaves: Vec<_> = [Digest::ZERO]
            .into_iter()
            .chain(self.drained[..at].iter().zip(&self.entries).map(leaf))
            .collect();
        let signed = SignedRoot::from_writes(opened.txid, &opened.writes).expect("a signature");
        assert_eq!(signed.root(), naive_root(&leaves));

        let previous = self.entries[..at].iter().rposition(|entry| entry.signature).map_or(0, |at| at + 1);
        let tree = opened.writes.table(TREE).unwrap().values().next().unwrap().as_ref().unwrap();
        let tree = SerialisedTree::decode(tree).unwrap();
        assert_eq!(tree.flushed(), previous as u64, "the tree starts at the previous signature");
        assert_eq!(tree.leaves(), &leaves[previous..]);

        for covered in previous.max(1)..=at {
            assert!(signed.covers(Seqno(covered as u64)));
            let (sealed, claims) = (&self.drained[covered - 1].bytes, self.entries[covered - 1].claims);
            let transaction = open(&secrets(), sealed).unwrap();
            verify_json(&signed.receipt(&transaction).unwrap().encode(), sealed, claims);
            verify_cose(&signed.cose_receipt(&transaction).unwrap(), sealed, claims, opened.txid);
        }
        assert!(!signed.covers(Seqno(previous as u64).previous()) && !signed.covers(opened.txid.seqno));
    }
}

fn ends(sealed: &Sealed) -> bool {
    Entry::decode(&sealed.bytes).unwrap().header().flags().contains(EntryFlags::FORCE_CHUNK_AFTER)
}

#[derive(Clone, Debug)]
enum Step {
    Append { private: bool, value: Vec<u8>, claims: Option<u8>, ends_chunk: bool },
    Reserve { ends_chunk: bool },
    Complete,
    CompleteStale,
    Rollback(Index),
    Compact(Index),
}

fn step() -> impl Strategy<Value = Step> {
    let append = (
        any::<bool>(),
        prop::collection::vec(any::<u8>(), 0..300),
        any::<Option<u8>>(),
        prop::bool::weighted(0.1),
    );
    prop_oneof![
        8 => append.prop_map(|(private, value, claims, ends_chunk)| Step::Append { private, value, claims, ends_chunk }),
        4 => prop::bool::weighted(0.1).prop_map(|ends_chunk| Step::Reserve { ends_chunk }),
        4 => Just(Step::Complete),
        1 => Just(Step::CompleteStale),
        1 => any::<Index>().prop_map(Step::Rollback),
        1 => any::<Index>().prop_map(Step::Compact),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn equals_the_plain_list(steps in prop::collection::vec(step(), 1..60)) {
        let mut model = Model::new();
        for step in steps {
            match step {
                Step::Append { private, value, claims, ends_chunk } => {
                    model.append(private, &value, claims.map_or(Digest::ZERO, |byte| Digest([byte; 32])), ends_chunk);
                }
                Step::Reserve { ends_chunk } => model.reserve(ends_chunk),
                Step::Complete => model.complete(),
                Step::CompleteStale => model.complete_stale(),
                Step::Rollback(at) => model.rollback(at),
                Step::Compact(at) => model.compact(at),
            }
            model.check();
        }
    }
}
