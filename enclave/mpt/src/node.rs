//! Nodes: their form in memory, and their encoding.

use std::sync::{Arc, OnceLock};

use alloy_primitives::{B256, Bytes, keccak256};
use alloy_rlp::{EMPTY_STRING_CODE, Encodable as _, Header};

/// RLP's first byte of a string of 32 bytes, such as a hash.
const HASH_CODE: u8 = EMPTY_STRING_CODE + 32;

/// A subtree that is not empty, and the reference to it once somebody asked.
#[derive(Clone)]
pub(crate) struct Node {
    kind: Kind,
    reference: OnceLock<Reference>,
}

/// What a node is. Extensions are not nodes of their own here, but the path of a branch.
#[derive(Clone)]
pub(crate) enum Kind {
    /// The end of a key.
    Leaf(Leaf),
    /// Where keys part.
    Branch(Box<Branch>),
}

/// The rest of a key with its value.
#[derive(Clone)]
pub(crate) struct Leaf {
    /// The path in hex-prefix encoding, then the value: one allocation, and the path takes half of its nibbles.
    bytes: Box<[u8]>,
    /// Nibbles of the path, at most 64.
    nibbles: u8,
}

/// At least two of children and value.
#[derive(Clone, Default)]
pub(crate) struct Branch {
    /// Nibbles that all keys below share: an extension, unless there are none.
    pub(crate) path: Box<[u8]>,
    /// By the nibble that follows the path.
    pub(crate) children: [Option<Arc<Node>>; 16],
    /// That of the key which ends here.
    pub(crate) value: Option<Box<[u8]>>,
}

/// How a parent names a node, as it stands in the parent's encoding: the encoding of the node if that has fewer than 32
/// bytes, else its hash as a string. The first byte tells the length.
#[derive(Clone)]
struct Reference([u8; 33]);

impl Reference {
    fn new(encoded: &[u8]) -> Self {
        let mut reference = [0; 33];
        if let Some(inline) = reference[..32].get_mut(..encoded.len()).filter(|_| encoded.len() < 32) {
            inline.copy_from_slice(encoded);
        } else {
            reference[0] = HASH_CODE;
            reference[1..].copy_from_slice(keccak256(encoded).as_slice());
        }
        Self(reference)
    }

    fn as_slice(&self) -> &[u8] {
        let len = self.0[0].wrapping_sub(if self.is_hash() { EMPTY_STRING_CODE } else { 0xc0 });
        &self.0[..=usize::from(len)]
    }

    /// A node is a list, whose first byte is a greater one.
    fn is_hash(&self) -> bool {
        self.0[0] == HASH_CODE
    }
}

impl Node {
    /// A leaf with the rest of a key, at most 64 nibbles.
    pub(crate) fn leaf(path: &[u8], value: &[u8]) -> Arc<Self> {
        let mut bytes = Vec::with_capacity(path.len() / 2 + 1 + value.len());
        hex_prefix(path, true, &mut bytes);
        bytes.extend_from_slice(value);
        let nibbles = u8::try_from(path.len()).expect("a key has at most 64 nibbles");
        Kind::Leaf(Leaf { bytes: bytes.into(), nibbles }).into()
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.kind
    }

    /// To change what the node is, so that it must be hashed again.
    pub(crate) fn change(&mut self) -> &mut Kind {
        self.reference.take();
        &mut self.kind
    }

    /// The hash of the node as a root, which has one however short it is.
    pub(crate) fn root(&self) -> B256 {
        let reference = self.reference();
        if reference.is_hash() {
            B256::from_slice(&reference.0[1..])
        } else {
            keccak256(reference.as_slice())
        }
    }

    /// Appends the encodings that a proof consists of on the way through this node: what stands in the parent's encoding
    /// does not count, unless there is no parent. Unless the key goes `through` the path of a branch, the branch behind that is
    /// not on the way.
    pub(crate) fn prove(&self, through: bool, proof: &mut Vec<Bytes>) {
        let mut push = |encoded: Vec<u8>| {
            if encoded.len() >= 32 || proof.is_empty() {
                proof.push(encoded.into());
            }
        };
        match &self.kind {
            Kind::Leaf(leaf) => push(leaf.encode()),
            Kind::Branch(branch) => {
                let below = branch.encode();
                if !branch.path.is_empty() {
                    push(branch.extend(&Reference::new(&below)));
                }
                if through {
                    push(below);
                }
            }
        }
    }

    fn reference(&self) -> &Reference {
        self.reference.get_or_init(|| match &self.kind {
            Kind::Leaf(leaf) => Reference::new(&leaf.encode()),
            Kind::Branch(branch) => {
                let below = Reference::new(&branch.encode());
                if branch.path.is_empty() { below } else { Reference::new(&branch.extend(&below)) }
            }
        })
    }
}

impl From<Kind> for Arc<Node> {
    fn from(kind: Kind) -> Self {
        Self::new(Node { kind, reference: OnceLock::new() })
    }
}

impl Leaf {
    /// The rest of the key, one nibble a byte.
    pub(crate) fn path(&self) -> Vec<u8> {
        let nibbles = self.bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        let flags = 2 - usize::from(self.nibbles % 2);
        nibbles.skip(flags).take(self.nibbles.into()).collect()
    }

    /// Whether `path` is the rest of the key.
    pub(crate) fn ends(&self, path: &[u8]) -> bool {
        let nibble = |at: usize| self.bytes[at / 2] >> (4 * (1 - at % 2)) & 0xf;
        let flags = 2 - path.len() % 2;
        path.len() == self.nibbles.into() && path.iter().zip(flags..).all(|(own, at)| *own == nibble(at))
    }

    pub(crate) fn value(&self) -> &[u8] {
        &self.bytes[self.split()..]
    }

    fn split(&self) -> usize {
        usize::from(self.nibbles) / 2 + 1
    }

    fn encode(&self) -> Vec<u8> {
        let (path, value) = self.bytes.split_at(self.split());
        let mut list = list(path.length() + value.length());
        path.encode(&mut list);
        value.encode(&mut list);
        list
    }
}

impl Branch {
    /// What is below a nibble, one of 16.
    pub(crate) fn child(&self, nibble: u8) -> Option<&Arc<Node>> {
        self.children[usize::from(nibble)].as_ref()
    }

    pub(crate) fn child_mut(&mut self, nibble: u8) -> &mut Option<Arc<Node>> {
        &mut self.children[usize::from(nibble)]
    }

    /// The branch itself, without its path.
    fn encode(&self) -> Vec<u8> {
        let value = self.value.as_deref().unwrap_or_default();
        let children = self.children.iter();
        let references = children
            .map(|child| child.as_ref().map_or(&[EMPTY_STRING_CODE][..], |c| c.reference().as_slice()));
        let len: usize = references.clone().map(<[u8]>::len).sum();
        let mut list = list(len + value.length());
        references.for_each(|reference| list.extend_from_slice(reference));
        value.encode(&mut list);
        list
    }

    /// The extension that leads along its path to what `below` refers to.
    fn extend(&self, below: &Reference) -> Vec<u8> {
        let mut path = Vec::with_capacity(self.path.len() / 2 + 1);
        hex_prefix(&self.path, false, &mut path);
        let mut list = list(path.as_slice().length() + below.as_slice().len());
        path.as_slice().encode(&mut list);
        list.extend_from_slice(below.as_slice());
        list
    }
}

/// The head of a list whose items take `len` bytes, with room for them.
fn list(len: usize) -> Vec<u8> {
    let header = Header { list: true, payload_length: len };
    let mut out = Vec::with_capacity(header.length_with_payload());
    header.encode(&mut out);
    out
}

/// Nibbles as bytes (Yellow Paper, appendix C): the first nibble says whether a key ends here, and whether their count is odd.
fn hex_prefix(path: &[u8], leaf: bool, out: &mut Vec<u8>) {
    let flag = if leaf { 0x20 } else { 0 };
    let (odd, even) = path.split_at(path.len() % 2);
    out.push(odd.first().map_or(flag, |nibble| flag | 0x10 | nibble));
    out.extend(even.as_chunks::<2>().0.iter().map(|[high, low]| high << 4 | low));
}
