//! HMAC-SHA256 (RFC 2104), HKDF-SHA256 (RFC 5869) and comparison in constant time.

use aws_lc_rs::{constant_time, hkdf, hmac};
use coco_wire::Digest;

use crate::hash::HashAlgorithm;

/// HMAC-SHA256 key, prepared once.
pub struct HmacKey(hmac::Key);

impl HmacKey {
    /// A key of any length.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// The tag of `message`.
    #[must_use]
    pub fn tag(&self, message: &[u8]) -> Digest {
        let tag = hmac::sign(&self.0, message);
        Digest(tag.as_ref().try_into().expect("HMAC-SHA256 gives 32 bytes"))
    }

    /// Whether `tag` is the tag of `message`, in constant time.
    #[must_use]
    pub fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, message, tag).is_ok()
    }
}

impl std::fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HmacKey").finish_non_exhaustive()
    }
}

/// HMAC of `message` with any of the hash functions: as long as its digest.
#[must_use]
pub fn hmac(hash: HashAlgorithm, key: &[u8], message: &[u8]) -> Vec<u8> {
    let algorithm = match hash {
        HashAlgorithm::Sha256 => hmac::HMAC_SHA256,
        HashAlgorithm::Sha384 => hmac::HMAC_SHA384,
        HashAlgorithm::Sha512 => hmac::HMAC_SHA512,
    };
    hmac::sign(&hmac::Key::new(algorithm, key), message).as_ref().to_vec()
}

/// HKDF-SHA256: fills `out` from the secret `ikm`. An empty `salt` stands for none.
///
/// # Panics
/// When `out` is longer than 255 × 32 bytes.
pub fn hkdf_sha256(ikm: &[u8], salt: &[u8], info: &[u8], out: &mut [u8]) {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    hkdf::Salt::new(hkdf::HKDF_SHA256, salt)
        .extract(ikm)
        .expand(&[info], Length(out.len()))
        .and_then(|okm| okm.fill(out))
        .expect("HKDF-SHA256 gives at most 255 blocks");
}

/// Whether two secrets are equal, in a time that depends on their lengths only.
#[must_use]
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

#[cfg(test)]
mod tests;
