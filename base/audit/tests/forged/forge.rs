//! Writes small ledgers and receipts, right or wrong, independently of the ledger crate.

use coco_audit::{Damage, Report, Verifier};
use coco_crypto::{
    Certificate, EcKey, Signer, SystemEntropy,
    cose::CoseAlgorithm,
    ec::Curve,
    hash::{sha256, sha256_pair, sha256_parts},
    x509::{self, Name, Request, UnixTime, Validity},
};
use coco_wire::{
    Digest, Key, Seqno, TableName, TxId, Value, View, WriteSet, chunk,
    domain::Commitments,
    entry::{EntryFlags, UnsealedEntry},
    receipt::{LeafComponents, PathStep},
    signature::{
        COSE_SIGNATURES, NodeSignature, RootHeader, RootSignature, SIGNATURES, SINGLETON_KEY, TREE,
        encode_cose_value,
    },
    text::Base64,
    tree::SerialisedTree,
};

pub(crate) const SERVICE_INFO: &str = "public:ccf.gov.service.info";
pub(crate) const NODES_INFO: &str = "public:ccf.gov.nodes.info";
pub(crate) const NODES_CERTIFICATES: &str = "public:ccf.gov.nodes.endorsed_certificates";

/// A service identity or a node: key and certificate.
pub(crate) struct Identity {
    pub(crate) key: EcKey,
    pub(crate) certificate: Certificate,
}

impl Identity {
    pub(crate) fn service(name: &str) -> Self {
        let key = EcKey::generate(Curve::P384, &SystemEntropy);
        let name = Name::common(name).unwrap();
        let certificate = x509::issue_self_signed(&key, &name, &[], validity(), &SystemEntropy);
        Self { key, certificate }
    }

    pub(crate) fn node(service: &Self) -> Self {
        let key = EcKey::generate(Curve::P384, &SystemEntropy);
        let request = Request::create(&key, &Name::common("CCF Node").unwrap(), &[]);
        let certificate =
            x509::issue_endorsed(&service.key, &service.certificate, &request, validity(), &SystemEntropy);
        Self { key, certificate }
    }

    /// Digest of the key.
    pub(crate) fn id(&self) -> Digest {
        self.key.public_key().id()
    }
}

fn validity() -> Validity {
    Validity::days(UnixTime(1_700_000_000), 365).unwrap()
}

/// The parts of a signature transaction before they are encoded.
pub(crate) struct Parts {
    pub(crate) node: NodeSignature,
    pub(crate) header: RootHeader,
    pub(crate) tree: SerialisedTree,
    pub(crate) claims: Digest,
    pub(crate) flags: EntryFlags,
    /// Written beside the signature.
    pub(crate) more: WriteSet,
    pub(crate) with_node: bool,
    pub(crate) with_service: bool,
}

/// A ledger in one open file.
pub(crate) struct Forge {
    pub(crate) service: Identity,
    pub(crate) node: Identity,
    pub(crate) view: View,
    pub(crate) leaves: Vec<Digest>,
    pub(crate) components: Vec<LeafComponents>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) offsets: Vec<u32>,
}

impl Forge {
    /// A service with one trusted node, written but not signed.
    pub(crate) fn new() -> Self {
        let service = Identity::service("CCF Service");
        let node = Identity::node(&service);
        let mut forge = Self::empty(service, node);
        let mut writes = forge.service_row("Opening", "");
        forge.add_node(&mut writes, "Trusted");
        forge.write(&writes);
        forge
    }

    pub(crate) fn empty(service: Identity, node: Identity) -> Self {
        Self {
            service,
            node,
            view: View(2),
            leaves: vec![Digest::ZERO],
            components: Vec::new(),
            bytes: chunk::encode_header(0).to_vec(),
            offsets: Vec::new(),
        }
    }

    pub(crate) fn next(&self) -> TxId {
        TxId { view: self.view, seqno: Seqno(self.leaves.len() as u64) }
    }

    /// Row of the service, with `more` JSON fields.
    pub(crate) fn service_row(&self, status: &str, more: &str) -> WriteSet {
        let pem = self.service.certificate.to_pem().replace('\n', "\\n");
        let json = format!("{{\"cert\":\"{pem}\",{more}\"status\":\"{status}\"}}");
        row(SERVICE_INFO, &SINGLETON_KEY, json.as_bytes())
    }

    /// Adds the rows of the node.
    pub(crate) fn add_node(&self, writes: &mut WriteSet, status: &str) {
        let id = self.node.id().to_hex();
        let pem = self.node.key.public_key().to_pem().replace('\n', "\\n");
        let json = format!("{{\"public_key\":\"{pem}\",\"status\":\"{status}\"}}");
        put(writes, NODES_INFO, id.as_bytes(), json.as_bytes());
        put(writes, NODES_CERTIFICATES, id.as_bytes(), self.node.certificate.to_pem().as_bytes());
    }

    pub(crate) fn write(&mut self, writes: &WriteSet) {
        self.append(writes, Digest::ZERO, EntryFlags::NONE);
    }

    pub(crate) fn append(&mut self, writes: &WriteSet, claims: Digest, flags: EntryFlags) {
        let id = self.next();
        let commit_evidence = format!("ce:{id}:{}", sha256(id.to_string().as_bytes()));
        let evidence = sha256(commit_evidence.as_bytes());
        let commitments = Commitments::EvidenceAndClaims { evidence, claims };
        let entry = UnsealedEntry::of_writes(id, flags, commitments, writes).unwrap();
        let entry = entry.seal(|_, _, _| Ok::<_, ()>([7; 16])).unwrap();
        let write_set_digest = sha256(&entry);
        self.leaves.push(sha256_parts(&[&write_set_digest.0, &evidence.0, &claims.0]));
        self.components.push(LeafComponents {
            claims_digest: Some(claims),
            commit_evidence,
            write_set_digest,
        });
        self.offsets.push(u32::try_from(self.bytes.len()).unwrap());
        self.bytes.extend(entry);
    }

    pub(crate) fn sign(&mut self) {
        self.sign_with(|_| ());
    }

    /// Signs after `edit` has changed the parts; both signatures are made over `node.root`.
    pub(crate) fn sign_with(&mut self, edit: impl FnOnce(&mut Parts)) {
        let id = self.next();
        let mut parts = Parts {
            node: NodeSignature {
                cert: Some(self.node.certificate.to_pem()),
                commit_seqno: Seqno::ZERO,
                commit_view: View(0),
                hashed_nonce: Digest::ZERO,
                node: self.node.id(),
                root: root(&self.leaves),
                seqno: id.seqno,
                sig: Base64::default(),
                view: id.view,
            },
            header: RootHeader {
                algorithm: CoseAlgorithm::of(self.service.key.public_key()).label(),
                kid: self.service.id(),
                issued_at: 1_700_000_000,
                issuer: "issuer".to_owned(),
                subject: "subject".to_owned(),
                tx_id: id,
            },
            tree: SerialisedTree::new(0, Vec::new(), self.leaves.clone()).unwrap(),
            claims: Digest::ZERO,
            flags: EntryFlags::NONE,
            more: WriteSet::default(),
            with_node: true,
            with_service: true,
        };
        edit(&mut parts);
        let mut writes = parts.more;
        if parts.with_node {
            parts.node.sig = Base64(self.node.key.sign_digest(&parts.node.root).to_der());
            put(&mut writes, SIGNATURES, &SINGLETON_KEY, &parts.node.encode());
        }
        if parts.with_service {
            let message = sign_root(&self.service.key, parts.header, parts.node.root).encode();
            put(&mut writes, COSE_SIGNATURES, &SINGLETON_KEY, &encode_cose_value(&message));
        }
        put(&mut writes, TREE, &SINGLETON_KEY, &parts.tree.encode());
        self.append(&writes, parts.claims, parts.flags);
    }

    /// The file, complete with its positions.
    pub(crate) fn complete(&self) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        bytes[..8].copy_from_slice(&chunk::encode_header(self.bytes.len() as u64));
        bytes.extend(chunk::encode_positions(&self.offsets));
        bytes
    }

    pub(crate) fn verify(&self) -> Result<Report, Damage> {
        let mut verifier = Verifier::new();
        verifier.chunk("ledger_1", &self.bytes)?;
        verifier.finish()
    }
}

pub(crate) fn sign_root(key: &EcKey, header: RootHeader, root: Digest) -> RootSignature {
    let signed = RootSignature::to_be_signed(&header.encode(), root);
    RootSignature::new(header, key.sign(&signed).into_fixed())
}

pub(crate) fn row(table: &str, key: &[u8], value: &[u8]) -> WriteSet {
    let mut writes = WriteSet::default();
    put(&mut writes, table, key, value);
    writes
}

pub(crate) fn put(writes: &mut WriteSet, table: &str, key: &[u8], value: &[u8]) {
    writes.table_mut(&TableName::new(table)).insert(Key::new(key), Some(Value::new(value)));
}

/// Root by definition: the left subtree is the largest full one that leaves something for the right.
pub(crate) fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            sha256_pair(&root(left), &root(right))
        }
    }
}

/// Path from the leaf at `index` to the root.
pub(crate) fn path(leaves: &[Digest], index: usize) -> Vec<PathStep> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut steps, last) = if index < left.len() {
        (path(left, index), PathStep::Right(root(right)))
    } else {
        (path(right, index - left.len()), PathStep::Left(root(left)))
    };
    steps.push(last);
    steps
}
