//! A parsed certificate.

use std::{fmt, net::IpAddr, sync::Arc};

use coco_wire::Digest;
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer,
};

use super::{DnsName, Name, ObjectId, SubjectAltName, UnixTime, Validity, scheme};
use crate::{InvalidKey, NotAuthentic, PublicKey, der, hash::sha256, pem, signature::SignatureScheme};

/// Most bytes of a certificate.
const MAX_LEN: usize = 64 * 1024;
const LABEL: &str = "CERTIFICATE";

/// An X.509 certificate; clones share it. Reading one checks its form, not who signed it.
#[derive(Clone)]
pub struct Certificate(Arc<Parts>);

struct Parts {
    der: Vec<u8>,
    fingerprint: Digest,
    to_be_signed: Vec<u8>,
    scheme: Option<SignatureScheme>,
    signature: Vec<u8>,
    serial: Vec<u8>,
    issuer: Name,
    subject: Name,
    subject_text: String,
    common_name: Option<String>,
    validity: Validity,
    public_key: PublicKey,
    authority: Option<Option<u32>>,
    subject_key_id: Option<Vec<u8>>,
    subject_alt_names: Vec<SubjectAltName>,
}

/// Bytes or text that are not a certificate we can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCertificate {
    /// The text is not the expected PEM.
    #[error(transparent)]
    Pem(#[from] pem::InvalidPem),
    /// Not DER of a certificate, bytes behind it, or more than 64 KiB.
    #[error("malformed certificate")]
    Malformed,
    /// Its public key is of a kind that is not supported.
    #[error("public key of the certificate: {0}")]
    Key(#[from] InvalidKey),
}

/// What the key of a certificate may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUsage {
    /// Signatures of anything but certificates and revocation lists.
    Signatures,
    /// Signatures of certificates.
    Certificates,
    /// Signatures of revocation lists.
    RevocationLists,
}

impl Certificate {
    /// Reads DER.
    ///
    /// # Errors
    /// See [`InvalidCertificate`].
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidCertificate> {
        use InvalidCertificate::Malformed;

        if der.len() > MAX_LEN {
            return Err(Malformed);
        }
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|_| Malformed)?;
        let fields = &parsed.tbs_certificate;
        let same_algorithm = fields.signature == parsed.signature_algorithm;
        let scheme = scheme::read(&parsed.signature_algorithm);
        let one_encoding =
            |scheme| scheme::is_joined(der, fields.as_ref(), scheme, &parsed.signature_value.data);
        if !rest.is_empty() || !same_algorithm || !scheme.is_none_or(one_encoding) {
            return Err(Malformed);
        }
        let validity = Validity::new(
            UnixTime(fields.validity.not_before.timestamp()),
            UnixTime(fields.validity.not_after.timestamp()),
        );
        let authority =
            fields.basic_constraints().map_err(|_| Malformed)?.filter(|constraints| constraints.value.ca);
        let common_name = fields.subject.iter_common_name().next().and_then(|name| name.as_str().ok());
        Ok(Self(Arc::new(Parts {
            der: der.to_vec(),
            fingerprint: sha256(der),
            to_be_signed: fields.as_ref().to_vec(),
            scheme,
            signature: parsed.signature_value.data.to_vec(),
            serial: fields.raw_serial().to_vec(),
            issuer: Name::from_der(fields.issuer.as_raw()),
            subject: Name::from_der(fields.subject.as_raw()),
            subject_text: fields.subject.to_string(),
            common_name: common_name.map(str::to_owned),
            validity: validity.map_err(|_| Malformed)?,
            public_key: PublicKey::from_spki_der(fields.subject_pki.raw)?,
            authority: authority.map(|constraints| constraints.value.path_len_constraint),
            subject_key_id: subject_key_id(&parsed),
            subject_alt_names: subject_alt_names(&parsed)?,
        })))
    }

    /// Reads a text that is one PEM block `CERTIFICATE`.
    ///
    /// # Errors
    /// See [`InvalidCertificate`].
    pub fn from_pem(text: &str) -> Result<Self, InvalidCertificate> {
        Self::from_der(&pem::decode(text, LABEL)?)
    }

    /// Reads all blocks of a PEM bundle, which must be certificates; at least one.
    ///
    /// # Errors
    /// See [`InvalidCertificate`].
    pub fn bundle_from_pem(text: &str) -> Result<Vec<Self>, InvalidCertificate> {
        let blocks = pem::blocks(text)?;
        if blocks.is_empty() || blocks.iter().any(|block| block.label != LABEL) {
            return Err(pem::InvalidPem::NotOne.into());
        }
        blocks.iter().map(|block| Self::from_der(&block.der)).collect()
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The certificate as the one PEM text that OpenSSL writes for it.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(LABEL, self.der())
    }

    /// SHA-256 of the DER: the name of a member or user.
    #[must_use]
    pub fn fingerprint(&self) -> Digest {
        self.0.fingerprint
    }

    /// The key it certifies.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }

    /// Serial number in big-endian bytes.
    #[must_use]
    pub fn serial(&self) -> &[u8] {
        &self.0.serial
    }

    /// Whom it is for, as text such as `CN=CCF Node`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject_text
    }

    /// Whom it is for.
    #[must_use]
    pub fn subject_name(&self) -> &Name {
        &self.0.subject
    }

    /// Who says so.
    #[must_use]
    pub fn issuer_name(&self) -> &Name {
        &self.0.issuer
    }

    /// The first common name of its subject, if it is text.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.0.common_name.as_deref()
    }

    /// When it is valid.
    #[must_use]
    pub fn validity(&self) -> Validity {
        self.0.validity
    }

    /// Whether it may certify others (CA:TRUE).
    #[must_use]
    pub fn is_authority(&self) -> bool {
        self.0.authority.is_some()
    }

    /// How many authorities may stand between it and an end, if that is limited.
    #[must_use]
    pub fn path_length(&self) -> Option<u32> {
        self.0.authority.flatten()
    }

    /// Its subject key identifier, if it has one.
    #[must_use]
    pub fn subject_key_id(&self) -> Option<&[u8]> {
        self.0.subject_key_id.as_deref()
    }

    /// Host names and addresses; other kinds of names are left out.
    #[must_use]
    pub fn subject_alt_names(&self) -> &[SubjectAltName] {
        &self.0.subject_alt_names
    }

    /// The content of an extension, without the OCTET STRING around it; none if there is no such extension, or
    /// several.
    #[must_use]
    pub fn extension(&self, id: &ObjectId) -> Option<&[u8]> {
        let parsed = self.parsed();
        let mut values =
            parsed.extensions().iter().filter(|extension| extension.oid.as_bytes() == id.as_der());
        let value = values.next()?.value;
        values.next().is_none().then_some(value)
    }

    /// Whether its key may be used so, as far as it says (RFC 5280 section 4.2.1.3).
    #[must_use]
    pub fn allows(&self, usage: KeyUsage) -> bool {
        match self.parsed().key_usage() {
            Ok(Some(extension)) => match usage {
                KeyUsage::Signatures => extension.value.digital_signature(),
                KeyUsage::Certificates => extension.value.key_cert_sign(),
                KeyUsage::RevocationLists => extension.value.crl_sign(),
            },
            Ok(None) => true,
            Err(_) => false,
        }
    }

    /// Whether it names this purpose of its key (RFC 5280 section 4.2.1.12).
    #[must_use]
    pub fn has_purpose(&self, purpose: &ObjectId) -> bool {
        let content = self.extension(&ObjectId::EXTENDED_KEY_USAGE);
        let Some((mut purposes, [])) = content.and_then(|content| der::read(der::SEQUENCE, content)) else {
            return false;
        };
        while let Some((one, rest)) = der::read(der::OBJECT_ID, purposes) {
            if one == purpose.as_der() {
                return true;
            }
            purposes = rest;
        }
        false
    }

    /// Whether it has critical extensions of other kinds than those that this type answers questions about.
    #[must_use]
    pub fn has_unknown_critical_extensions(&self) -> bool {
        self.parsed().extensions().iter().any(|extension| {
            extension.critical
                && !matches!(
                    extension.parsed_extension(),
                    ParsedExtension::BasicConstraints(_)
                        | ParsedExtension::KeyUsage(_)
                        | ParsedExtension::ExtendedKeyUsage(_)
                        | ParsedExtension::SubjectAlternativeName(_)
                        | ParsedExtension::SubjectKeyIdentifier(_)
                )
        })
    }

    fn parsed(&self) -> X509Certificate<'_> {
        X509Certificate::from_der(&self.0.der).expect("these bytes were read before").1
    }

    /// Checks that `issuer` is named as its issuer and signed it. Says nothing about time or constraints.
    ///
    /// # Errors
    /// When the names differ, the algorithm is unknown, or the signature is not the issuer's.
    pub fn verify_issued_by(&self, issuer: &Self) -> Result<(), NotAuthentic> {
        let scheme = self.0.scheme.ok_or(NotAuthentic)?;
        if self.0.issuer != issuer.0.subject {
            return Err(NotAuthentic);
        }
        issuer.public_key().verify(scheme, &self.0.to_be_signed, &self.0.signature)
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, {})", self.subject(), self.fingerprint())
    }
}

/// The name of `general`, if it is of a kind we use.
pub(super) fn to_subject_alt_name(general: &GeneralName<'_>) -> Option<SubjectAltName> {
    match general {
        GeneralName::DNSName(name) => DnsName::new(name).ok().map(SubjectAltName::Dns),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let v6 = <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
            v4.or(v6).ok().map(SubjectAltName::Ip)
        }
        _ => None,
    }
}

fn subject_alt_names(parsed: &X509Certificate<'_>) -> Result<Vec<SubjectAltName>, InvalidCertificate> {
    let extension = parsed.subject_alternative_name().map_err(|_| InvalidCertificate::Malformed)?;
    let names = extension.map(|extension| &extension.value.general_names);
    Ok(names.into_iter().flatten().filter_map(to_subject_alt_name).collect())
}

fn subject_key_id(parsed: &X509Certificate<'_>) -> Option<Vec<u8>> {
    parsed.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
        _ => None,
    })
}
