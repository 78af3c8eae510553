//! A node without network: store, ledger, keys, and what it wrote.

use std::sync::{Arc, OnceLock};

use coco_crypto::{
    Certificate, Curve, EcKey, LedgerSecret, Signer, SystemEntropy,
    x509::{self, Name, Request, UnixTime, Validity},
};
use coco_kv::{Reader as _, Restore, Store};
use coco_ledger::{
    AppendOptions, Ledger, LedgerConfig, LedgerSecrets, NodeSigner, OpenedSnapshot, ResumePoint, Sealed,
    ServiceSigner, Signatories, SignatureMode, SignedRoot, SnapshotOpener, SnapshotSealer, SnapshotSecrets,
    open,
};
use coco_wire::{
    Digest, Domain, Key, Seqno, TableName, TxId, Value, View, WriteSet,
    signature::{SINGLETON_KEY, TREE},
    snapshot::{SNAPSHOT_EVIDENCE, SnapshotEvidence, SnapshotHeader, view_history},
};

pub(crate) struct Identities {
    pub(crate) node: EcKey,
    pub(crate) node_certificate: Certificate,
    pub(crate) service: EcKey,
    pub(crate) service_certificate: Certificate,
}

pub(crate) fn identities() -> &'static Identities {
    static IDENTITIES: OnceLock<Identities> = OnceLock::new();
    IDENTITIES.get_or_init(new_identities)
}

pub(crate) fn new_identities() -> Identities {
    let validity = || Validity::days(UnixTime(1_700_000_000), 3650).unwrap();
    let [node, service] = [(); 2].map(|()| EcKey::generate(Curve::P384, &SystemEntropy));
    let name = Name::common("CCF Service").unwrap();
    let service_certificate = x509::issue_self_signed(&service, &name, &[], validity(), &SystemEntropy);
    let request = Request::create(&node, &Name::common("CCF Node").unwrap(), &[]);
    let node_certificate =
        x509::issue_endorsed(&service, &service_certificate, &request, validity(), &SystemEntropy);
    Identities { node, node_certificate, service, service_certificate }
}

pub(crate) fn signatories() -> Signatories<'static> {
    let identities = identities();
    Signatories { node: Some(&identities.node_certificate), service: &identities.service_certificate }
}

pub(crate) const CONFIG: LedgerConfig = LedgerConfig { chunk_size: 4000, signatures: SignatureMode::Dual };

pub(crate) fn secrets() -> LedgerSecrets {
    LedgerSecrets::new(Seqno(1), LedgerSecret::from_bytes(&[7; 32]))
}

/// Table, key, and value unless removed.
pub(crate) type Row<'a> = (&'a str, &'a [u8], Option<&'a [u8]>);

pub(crate) fn writes(rows: &[Row<'_>]) -> WriteSet {
    let mut writes = WriteSet::default();
    for (table, key, value) in rows {
        writes.table_mut(&TableName::new(table)).insert(Key::new(key), value.map(Value::new));
    }
    writes
}

pub(crate) struct Node {
    pub(crate) store: Store,
    pub(crate) ledger: Ledger,
    pub(crate) view: View,
    /// Views and their first entries.
    pub(crate) views: Vec<(View, Seqno)>,
    /// Everything it put in its files.
    pub(crate) entries: Vec<Sealed>,
}

impl Node {
    /// A new service, with the row that says who it is.
    pub(crate) fn new(config: LedgerConfig) -> Self {
        let mut node = Self {
            store: Store::new(),
            ledger: Ledger::new(secrets(), config),
            view: View(2),
            views: vec![(View(2), Seqno(1))],
            entries: Vec::new(),
        };
        let certificate = identities().service_certificate.to_pem();
        let info = serde_json::json!({ "cert": certificate, "status": "Open" }).to_string();
        node.write(&writes(&[("public:ccf.gov.service.info", &SINGLETON_KEY, Some(info.as_bytes()))]));
        node
    }

    /// A node that begins with a snapshot.
    pub(crate) fn from_snapshot(file: &[u8]) -> Self {
        let OpenedSnapshot { header, tables, .. } = open_snapshot(file, 1000).unwrap();
        let store = tables.finish().unwrap();
        let tree = store.latest().get(&TableName::new(TREE), &SINGLETON_KEY).unwrap();
        let point = ResumePoint::of_snapshot(&header, &tree).unwrap();
        assert_eq!(point.last(), store.version());
        Self {
            store,
            ledger: Ledger::resume(secrets(), CONFIG, point),
            view: header.tx_id().view,
            views: header.view_history.iter().zip(1..).map(|(first, view)| (View(view), *first)).collect(),
            entries: Vec::new(),
        }
    }

    pub(crate) fn next(&self) -> TxId {
        TxId { view: self.view, seqno: self.store.version().next() }
    }

    pub(crate) fn write(&mut self, writes: &WriteSet) -> TxId {
        self.append(writes, Digest::ZERO)
    }

    pub(crate) fn append(&mut self, writes: &WriteSet, claims: Digest) -> TxId {
        let txid = self.next();
        self.store.apply(txid.seqno, Arc::new(writes.clone()));
        self.ledger.append(txid, writes, claims, AppendOptions::default()).unwrap();
        self.ledger.drain(&mut self.entries);
        txid
    }

    pub(crate) fn sign(&mut self, ends_chunk: bool) -> TxId {
        let txid = self.next();
        let request = self.ledger.reserve_signature(txid, ends_chunk);
        let Identities { node, node_certificate, service, .. } = identities();
        let certificate = node_certificate.to_pem();
        let signed = request.sign(
            NodeSigner { key: node as &dyn Signer, certificate: &certificate },
            ServiceSigner {
                key: service as &dyn Signer,
                issuer: "i",
                subject: "s",
                issued_at: 1_700_000_000,
            },
        );
        let written = self.ledger.complete_signature(signed).unwrap();
        self.store.apply(txid.seqno, Arc::new(written));
        self.ledger.drain(&mut self.entries);
        txid
    }

    pub(crate) fn commit(&mut self, seqno: Seqno) {
        drop(self.store.compact(seqno, &mut |_, _| ()));
        self.ledger.compact(seqno);
    }

    /// Another leader begins.
    pub(crate) fn next_view(&mut self) {
        self.view = View(self.view.0 + 2);
        self.views.push((self.view, self.store.version().next()));
    }

    /// The committed state, which ends with a signature: bytes without receipt, and their digest.
    pub(crate) fn snapshot(&mut self) -> (Vec<u8>, Digest) {
        let snapshot = self.store.committed();
        let seqno = snapshot.version();
        let header = SnapshotHeader {
            seqno,
            leaf: self.ledger.leaf(seqno).unwrap(),
            view_history: view_history(self.views.iter().copied(), seqno),
        };
        let [public, private] = [Domain::Public, Domain::Private].map(|domain| snapshot.dump(domain));
        let mut sealer = SnapshotSealer::new(self.ledger.secrets(), &header, public, private).unwrap();
        let bytes: Vec<u8> = sealer.by_ref().flatten().collect();
        assert_eq!(sealer.entry_len(), bytes.len() as u64);
        (bytes, sealer.digest())
    }

    /// Records the digest of a snapshot, signs, and makes the receipt.
    pub(crate) fn receipt(&mut self, digest: Digest, version: Seqno) -> Vec<u8> {
        let evidence = serde_json::to_vec(&SnapshotEvidence { hash: digest, version }).unwrap();
        let evidence = self.append(&writes(&[(SNAPSHOT_EVIDENCE, &SINGLETON_KEY, Some(&evidence))]), digest);
        let signature = self.sign(false);
        let entry = |txid: TxId| {
            let sealed = self.entries.iter().find(|sealed| sealed.txid == txid).unwrap();
            open(self.ledger.secrets(), &sealed.bytes).unwrap()
        };
        let root = SignedRoot::from_writes(signature, &entry(signature).writes).unwrap();
        root.snapshot_receipt(&entry(evidence)).unwrap()
    }
}

pub(crate) fn open_snapshot(
    file: &[u8],
    piece: usize,
) -> Result<OpenedSnapshot<Restore>, coco_ledger::SnapshotOpenError<coco_kv::RestoreError>> {
    let mut opener = SnapshotOpener::new(SnapshotSecrets::Known(secrets()), Restore::new());
    file.chunks(piece).try_for_each(|piece| opener.push(piece))?;
    opener.finish(&identities().service_certificate)
}
