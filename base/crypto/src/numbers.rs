//! The numbers that keys are made of, as JSON Web Keys carry them: big-endian bytes.

use zeroize::Zeroizing;

use crate::{
    Curve, EcKey, InvalidKey, RsaKey, RsaPublicKey, der,
    ed25519::{Ed25519Key, Ed25519PublicKey},
    pem,
};

impl EcKey {
    /// The secret number, as long as a coordinate of the curve.
    #[must_use]
    pub fn secret(&self) -> Zeroizing<Vec<u8>> {
        let pkcs8 = self.pkcs8_der();
        let secret = private_of(&pkcs8).and_then(|sec1| {
            let (_, rest) = der::read(der::INTEGER, der::read(der::SEQUENCE, sec1)?.0)?;
            Some(der::read(der::OCTET_STRING, rest)?.0)
        });
        padded(secret.expect("a key writes itself as PKCS#8"), self.curve().coordinate_len())
            .expect("a secret number is not longer than a coordinate")
    }

    /// The key of a secret number; zeros in front may be left out.
    ///
    /// # Errors
    /// [`InvalidKey::Malformed`] when the number is zero, or not below the order of the curve.
    pub fn from_secret(curve: Curve, secret: &[u8]) -> Result<Self, InvalidKey> {
        let secret = padded(secret, curve.coordinate_len()).ok_or(InvalidKey::Malformed)?;
        Self::from_number(curve, &secret).ok_or(InvalidKey::Malformed)
    }
}

/// Numbers of a private RSA key (RFC 8017, appendix A.1.2), without zeros in front.
pub struct RsaNumbers {
    /// `n`, `e`, `d`, `p`, `q`, `dp`, `dq`, `qi`.
    pub numbers: [Zeroizing<Vec<u8>>; 8],
}

impl RsaPublicKey {
    /// Modulus and exponent, without zeros in front.
    #[must_use]
    pub fn numbers(&self) -> (Vec<u8>, Vec<u8>) {
        let numbers = || {
            let (_, rest) = der::read(der::SEQUENCE, der::read(der::SEQUENCE, self.spki_der())?.0)?;
            let bits = der::read(der::BIT_STRING, rest)?.0.strip_prefix(&[0])?;
            let (modulus, rest) = der::read(der::INTEGER, der::read(der::SEQUENCE, bits)?.0)?;
            Some((stripped(modulus).to_vec(), stripped(der::read(der::INTEGER, rest)?.0).to_vec()))
        };
        numbers().expect("a key writes itself as SubjectPublicKeyInfo")
    }
}

impl RsaKey {
    /// All of its numbers.
    #[must_use]
    pub fn numbers(&self) -> RsaNumbers {
        let numbers = || {
            let pkcs8 = pem::decode(&self.to_pem(), "PRIVATE KEY").ok()?;
            let mut rest = der::read(der::INTEGER, der::read(der::SEQUENCE, private_of(&pkcs8)?)?.0)?.1;
            let mut numbers: [Zeroizing<Vec<u8>>; 8] = Default::default();
            for number in &mut numbers {
                let (bytes, behind) = der::read(der::INTEGER, rest)?;
                (*number, rest) = (Zeroizing::new(stripped(bytes).to_vec()), behind);
            }
            Some(RsaNumbers { numbers })
        };
        numbers().expect("a key writes itself as PKCS#8")
    }

    /// The key of these numbers.
    ///
    /// # Errors
    /// When they are no key, or one of another size.
    pub fn from_numbers(numbers: &RsaNumbers) -> Result<Self, InvalidKey> {
        let version = der::unsigned(&[]);
        let integers: Vec<_> =
            numbers.numbers.iter().map(|number| Zeroizing::new(der::unsigned(number))).collect();
        let parts: Vec<&[u8]> =
            std::iter::once(&*version).chain(integers.iter().map(|integer| &***integer)).collect();
        let pkcs1 = Zeroizing::new(der::sequence(&parts));
        Self::from_pem(&Zeroizing::new(pem::encode("RSA PRIVATE KEY", &pkcs1)))
    }
}

impl Ed25519PublicKey {
    /// The encoded point, 32 bytes.
    #[must_use]
    pub fn point(&self) -> &[u8] {
        let spki = self.spki_der();
        &spki[spki.len() - 32..]
    }
}

impl Ed25519Key {
    /// The seed, 32 bytes.
    #[must_use]
    pub fn seed(&self) -> Zeroizing<Vec<u8>> {
        let pkcs8 = pem::decode(&self.to_pem(), "PRIVATE KEY").expect("a key writes itself as PEM");
        let seed = private_of(&pkcs8).and_then(|private| Some(der::read(der::OCTET_STRING, private)?.0));
        Zeroizing::new(seed.expect("a key writes itself as PKCS#8").to_vec())
    }
}

/// The key inside of PKCS#8 (RFC 5208).
fn private_of(pkcs8: &[u8]) -> Option<&[u8]> {
    let (_, rest) = der::read(der::INTEGER, der::read(der::SEQUENCE, pkcs8)?.0)?;
    let (_, rest) = der::read(der::SEQUENCE, rest)?;
    Some(der::read(der::OCTET_STRING, rest)?.0)
}

fn stripped(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    &number[zeros..]
}

fn padded(number: &[u8], len: usize) -> Option<Zeroizing<Vec<u8>>> {
    let zeros = len.checked_sub(stripped(number).len())?;
    Some(Zeroizing::new([&vec![0; zeros], stripped(number)].concat()))
}

#[cfg(test)]
mod tests;
