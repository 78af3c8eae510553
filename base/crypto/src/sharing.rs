//! Shamir's secret sharing in the form of CCF (`src/crypto/sharing.h`): ten limbs modulo 2^31 − 1.

use std::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    Entropy, GcmKey, LedgerSecret, NotAuthentic,
    aead::{Iv, KEY_LEN},
    ledger_secret::open_secret,
    mac::hkdf_sha256,
};

/// Most shares that one splitting makes.
pub const MAX_SHARES: usize = 254;

const LIMBS: usize = 10;
const PRIME: u64 = (1 << 31) - 1;

/// One point of the ten polynomials, or at x = 0 the whole secret. `Debug` shows only x.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Share {
    x: u32,
    y: [u32; LIMBS],
}

/// Bytes that are not a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShare {
    /// Not [`Share::LEN`] bytes.
    #[error("a recovery share has {} bytes", Share::LEN)]
    Length,
    /// A number that is not below 2^31 − 1.
    #[error("a number of the recovery share is out of range")]
    Range,
}

/// Why shares do not give a secret, or a secret not shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SharingError {
    /// The threshold is zero or more than the number of shares, or there are more than [`MAX_SHARES`].
    #[error("the threshold does not fit the number of shares")]
    Threshold,
    /// Two shares are for the same x.
    #[error("two recovery shares are the same")]
    Duplicate,
    /// A share is the whole secret where part of it is expected, or the reverse.
    #[error("a whole secret and a part of it are mistaken for each other")]
    Whole,
}

impl Share {
    /// Length of a written share.
    pub const LEN: usize = 4 + 4 * LIMBS;

    /// Reads x and the ten limbs of y, each 4 bytes, little-endian.
    ///
    /// # Errors
    /// When the length or a number is out of range.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidShare> {
        let bytes: &[u8; Self::LEN] = bytes.try_into().map_err(|_| InvalidShare::Length)?;
        let (words, _) = bytes.as_chunks::<4>();
        let mut share = Self { x: u32::from_le_bytes(words[0]), y: [0; LIMBS] };
        for (limb, word) in share.y.iter_mut().zip(&words[1..]) {
            *limb = u32::from_le_bytes(*word);
        }
        let in_range = |number: &u32| u64::from(*number) < PRIME;
        if in_range(&share.x) && share.y.iter().all(in_range) { Ok(share) } else { Err(InvalidShare::Range) }
    }

    /// Writes what [`Share::from_bytes`] reads.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; Self::LEN]> {
        let mut bytes = Zeroizing::new([0; Self::LEN]);
        bytes[..4].copy_from_slice(&self.x.to_le_bytes());
        bytes[4..].copy_from_slice(&*self.limb_bytes());
        bytes
    }

    /// Whether it is the whole secret, as recovery owners receive it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.x == 0
    }

    /// The key that wraps the ledger secret, derived from the whole secret. CCF gives the limbs to HKDF
    /// both as key and as `info`.
    ///
    /// # Errors
    /// [`SharingError::Whole`] for a part of the secret.
    pub fn wrapping_key(&self) -> Result<WrappingKey, SharingError> {
        if !self.is_whole() {
            return Err(SharingError::Whole);
        }
        let limbs = self.limb_bytes();
        let mut key = Zeroizing::new([0; KEY_LEN]);
        hkdf_sha256(&*limbs, &[], &*limbs, &mut *key);
        Ok(WrappingKey(GcmKey::new(&key)))
    }

    fn limb_bytes(&self) -> Zeroizing<[u8; 4 * LIMBS]> {
        let mut bytes = Zeroizing::new([0; 4 * LIMBS]);
        for (chunk, limb) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(&self.y) {
            *chunk = limb.to_le_bytes();
        }
        bytes
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").field("x", &self.x).finish_non_exhaustive()
    }
}

/// A fresh secret and its shares.
#[derive(Debug)]
pub struct Splitting {
    /// The whole secret, x = 0.
    pub secret: Share,
    /// The shares, x = 1, 2, …
    pub shares: Vec<Share>,
}

/// Draws a secret and splits it so that any `threshold` of `count` shares give it and fewer say nothing.
///
/// # Errors
/// [`SharingError::Threshold`].
///
/// # Panics
/// When `entropy` is constant.
pub fn split(threshold: usize, count: usize, entropy: &dyn Entropy) -> Result<Splitting, SharingError> {
    if threshold == 0 || threshold > count || count > MAX_SHARES {
        return Err(SharingError::Threshold);
    }
    let share = |x| Share { x, y: [0; LIMBS] };
    let mut secret = share(0);
    let mut shares: Vec<Share> = (1..).take(count).map(share).collect();
    for limb in 0..LIMBS {
        let polynomial: Zeroizing<Vec<u64>> =
            Zeroizing::new((0..threshold).map(|_| random_element(entropy)).collect());
        secret.y[limb] = to_limb(polynomial[0]);
        for share in &mut shares {
            share.y[limb] = to_limb(evaluate(&polynomial, u64::from(share.x)));
        }
    }
    Ok(Splitting { secret, shares })
}

/// The whole secret from the first `threshold` of `shares`. Nothing tells whether the shares are right: the
/// key that comes out either opens what it should or does not.
///
/// # Errors
/// Too few shares, two of one x, or a whole secret among them.
pub fn recombine(shares: &[Share], threshold: usize) -> Result<Share, SharingError> {
    let shares =
        shares.get(..threshold).filter(|shares| !shares.is_empty()).ok_or(SharingError::Threshold)?;
    if shares.iter().any(Share::is_whole) {
        return Err(SharingError::Whole);
    }
    let mut secret = Share { x: 0, y: [0; LIMBS] };
    for (at, share) in shares.iter().enumerate() {
        let weight = weight_at_zero(shares, at)?;
        for (sum, y) in secret.y.iter_mut().zip(&share.y) {
            *sum = to_limb(reduce(u64::from(*sum) + weight * u64::from(*y)));
        }
    }
    Ok(secret)
}

/// Wraps a ledger secret for the ledger, under a key that only enough shares give.
pub struct WrappingKey(GcmKey);

impl WrappingKey {
    /// Encrypts `secret` as `tag ‖ iv ‖ ciphertext` with an IV of zeros, as CCF `src/node/share_manager.h`:
    /// safe because each key wraps once, which is why this consumes it.
    #[must_use]
    pub fn wrap(self, secret: &LedgerSecret) -> Vec<u8> {
        self.0.seal_packed(&Iv::default(), &[], secret.as_bytes())
    }

    /// Reverses [`WrappingKey::wrap`].
    ///
    /// # Errors
    /// When the shares behind this key were wrong or the bytes were altered.
    pub fn unwrap(&self, wrapped: &[u8]) -> Result<LedgerSecret, NotAuthentic> {
        open_secret(&self.0, wrapped)
    }
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappingKey").finish_non_exhaustive()
    }
}

/// The Lagrange coefficient at zero of the share at `at`: the product of x_j / (x_j − x_at). Only public
/// numbers enter.
fn weight_at_zero(shares: &[Share], at: usize) -> Result<u64, SharingError> {
    let own = u64::from(shares[at].x);
    let (mut numerator, mut denominator) = (1, 1);
    for (_, other) in shares.iter().enumerate().filter(|(index, _)| *index != at) {
        let x = u64::from(other.x);
        numerator = reduce(numerator * x);
        denominator = reduce(denominator * reduce(x + PRIME - own));
    }
    if denominator == 0 {
        return Err(SharingError::Duplicate);
    }
    Ok(reduce(numerator * power(denominator, PRIME - 2)))
}

/// Horner's rule, in a time that does not depend on the coefficients.
fn evaluate(polynomial: &[u64], x: u64) -> u64 {
    polynomial.iter().rev().fold(0, |sum, coefficient| reduce(sum * x + coefficient))
}

/// `base` to the power of `exponent`; by Fermat the inverse when that is the prime less two.
fn power(mut base: u64, mut exponent: u64) -> u64 {
    let mut product = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            product = reduce(product * base);
        }
        base = reduce(base * base);
        exponent >>= 1;
    }
    product
}

/// `number` modulo 2^31 − 1 without branches: 2^31 counts as one, so the high bits are added to the low.
fn reduce(number: u64) -> u64 {
    let folded = (number & PRIME) + (number >> 31);
    let folded = (folded & PRIME) + (folded >> 31);
    folded - PRIME * ((folded + 1) >> 31)
}

/// A uniform number below the prime: 31 random bits, drawn again when all are set.
fn random_element(entropy: &dyn Entropy) -> u64 {
    const MAX_DRAWS: usize = 32;
    let draw = |_| {
        let mut bytes = Zeroizing::new([0; 4]);
        entropy.fill(&mut *bytes);
        let number = u64::from(u32::from_le_bytes(*bytes)) & PRIME;
        (number != PRIME).then_some(number)
    };
    (0..MAX_DRAWS).find_map(draw).expect("31 random bits are not always set")
}

fn to_limb(reduced: u64) -> u32 {
    u32::try_from(reduced).expect("a reduced number is below 2^31")
}

#[cfg(test)]
mod tests;
