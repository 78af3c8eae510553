//! Lists of certificates that their issuer has revoked (RFC 5280 section 5).

use std::fmt;

use x509_parser::{prelude::FromDer, revocation_list::CertificateRevocationList};

use super::{Certificate, KeyUsage, Name, UnixTime, Validity, scheme};
use crate::{NotAuthentic, der, signature::SignatureScheme};

/// Most bytes of a list.
const MAX_LEN: usize = 1 << 20;

/// A revocation list. Reading one checks its form, not who signed it.
#[derive(Clone)]
pub struct RevocationList {
    to_be_signed: Vec<u8>,
    scheme: SignatureScheme,
    signature: Vec<u8>,
    issuer: Name,
    validity: Validity,
    serials: Vec<Vec<u8>>,
}

/// Bytes that are not a list we can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRevocationList {
    /// Not DER of a list, bytes behind it, or more than 1 MiB.
    #[error("malformed revocation list")]
    Malformed,
    /// No date of the next list, an unknown algorithm, or critical extensions: those of lists that tell a part only.
    #[error("unsupported kind of revocation list")]
    Unsupported,
}

impl RevocationList {
    /// Reads DER.
    ///
    /// # Errors
    /// See [`InvalidRevocationList`].
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidRevocationList> {
        use InvalidRevocationList::{Malformed, Unsupported};

        if der.len() > MAX_LEN {
            return Err(Malformed);
        }
        let (rest, parsed) = CertificateRevocationList::from_der(der).map_err(|_| Malformed)?;
        let fields = &parsed.tbs_cert_list;
        let scheme = scheme::read(&parsed.signature_algorithm).ok_or(Unsupported)?;
        let one_encoding = scheme::is_joined(der, fields.as_ref(), scheme, &parsed.signature_value.data);
        if !rest.is_empty() || fields.signature != parsed.signature_algorithm || !one_encoding {
            return Err(Malformed);
        }
        let entries = &fields.revoked_certificates;
        // Without a date of the next list this is none either.
        if fields.next_update.is_some() && entry_count(fields.as_ref()) != Some(entries.len()) {
            return Err(Malformed);
        }
        let mut extensions = entries.iter().flat_map(|entry| entry.extensions()).chain(parsed.extensions());
        if extensions.any(|extension| extension.critical) {
            return Err(Unsupported);
        }
        let next_update = parsed.next_update().ok_or(Unsupported)?;
        let validity =
            Validity::new(UnixTime(parsed.last_update().timestamp()), UnixTime(next_update.timestamp()));
        Ok(Self {
            to_be_signed: fields.as_ref().to_vec(),
            scheme,
            signature: parsed.signature_value.data.to_vec(),
            issuer: Name::from_der(parsed.issuer().as_raw()),
            validity: validity.map_err(|_| Malformed)?,
            serials: entries.iter().map(|entry| entry.raw_serial().to_vec()).collect(),
        })
    }

    /// Who made it.
    #[must_use]
    pub fn issuer_name(&self) -> &Name {
        &self.issuer
    }

    /// From when it is until the next one is due.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.validity
    }

    /// Whether the certificate of its issuer with this serial number, in big-endian bytes, is revoked.
    #[must_use]
    pub fn revokes(&self, serial: &[u8]) -> bool {
        self.serials.iter().any(|revoked| revoked == serial)
    }

    /// Checks that `issuer` made it and may do so. Says nothing about time.
    ///
    /// # Errors
    /// When another one is named as its issuer, that one may not sign lists, or the signature is not its.
    pub fn verify_issued_by(&self, issuer: &Certificate) -> Result<(), NotAuthentic> {
        if self.issuer != *issuer.subject_name() || !issuer.allows(KeyUsage::RevocationLists) {
            return Err(NotAuthentic);
        }
        issuer.public_key().verify(self.scheme, &self.to_be_signed, &self.signature)
    }
}

/// The number of entries in a TBSCertList of version 2. The library takes entries that it cannot read for none.
fn entry_count(to_be_signed: &[u8]) -> Option<usize> {
    let (fields, []) = der::read(der::SEQUENCE, to_be_signed)? else { return None };
    let (_, fields) = der::read(der::INTEGER, fields)?;
    let (_, fields) = der::read(der::SEQUENCE, fields)?;
    let (_, mut fields) = der::read(der::SEQUENCE, fields)?;
    for _ in ["thisUpdate", "nextUpdate"] {
        let (tag, _, rest) = der::read_any(fields)?;
        fields = rest;
        matches!(tag, der::UTC_TIME | der::GENERALIZED_TIME).then_some(())?;
    }
    let mut count = 0;
    if let Some((mut entries, rest)) = der::read(der::SEQUENCE, fields) {
        fields = rest;
        while !entries.is_empty() {
            (_, entries) = der::read(der::SEQUENCE, entries)?;
            count += 1;
        }
    }
    if let Some((_, rest)) = der::read(der::context(0), fields) {
        fields = rest;
    }
    fields.is_empty().then_some(count)
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RevocationList({} entries)", self.serials.len())
    }
}

#[cfg(test)]
mod tests;
