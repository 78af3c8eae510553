//! AMD's root keys.

use coco_crypto::PublicKey;
use coco_wire::Digest;

use super::Product;

/// The root keys (ARK) that are trusted, each as the SHA-256 of its SubjectPublicKeyInfo: keys count, not names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Roots {
    /// Of [`Product::Milan`].
    pub milan: Digest,
    /// Of [`Product::Genoa`].
    pub genoa: Digest,
    /// Of [`Product::Turin`].
    pub turin: Digest,
}

impl Roots {
    /// Those of AMD (`https://kdsintf.amd.com/vcek/v1/{product}/cert_chain`). The keys are the same that CCF pins in
    /// `include/ccf/pal/attestation_sev_snp.h`.
    pub const AMD: Self = Self {
        milan: Digest(*b"\x9f\x05\x6b\xee\x44\x37\x7e\x29\x30\x8c\xb5\xff\xa8\x95\xbd\xfb\x62\xd1\x88\x81\xfa\x6b\xed\x8d\x6f\x07\x5b\x02\x04\x08\x9c\xb9"),
        genoa: Digest(*b"\x42\x9a\x69\xc9\x42\x2a\xa2\x58\xee\x4d\x8d\xb5\xfc\xda\x9c\x64\x70\xef\x15\xf8\xcd\x5a\x9c\xeb\xd6\xcb\xc7\xd9\x0b\x86\x38\x31"),
        turin: Digest(*b"\x4f\x12\x54\x10\x56\x3a\x2a\xb9\xa5\x03\x56\xf9\x24\x3f\x6f\xe0\xb6\xf7\x3d\xe9\x86\x03\xf5\x3f\x90\x33\x9c\x70\xe9\xd7\xad\x08"),
    };

    /// The line of processors that a root key is for.
    #[must_use]
    pub fn product(&self, key: &PublicKey) -> Option<Product> {
        let id = key.id();
        [(self.milan, Product::Milan), (self.genoa, Product::Genoa), (self.turin, Product::Turin)]
            .into_iter()
            .find_map(|(root, product)| (root == id).then_some(product))
    }
}
