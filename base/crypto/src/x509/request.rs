//! Certificate signing requests (PKCS #10, RFC 2986).

use x509_parser::{
    certification_request::X509CertificationRequest, cri_attributes::ParsedCriAttribute,
    extensions::ParsedExtension, prelude::FromDer,
};

use super::{Name, SubjectAltName, certificate::to_subject_alt_name, issue, scheme};
use crate::{InvalidKey, PublicKey, Signer, der, pem};

/// Most bytes of a request.
const MAX_LEN: usize = 64 * 1024;
const LABEL: &str = "CERTIFICATE REQUEST";
/// The attribute that carries requested extensions (RFC 2985).
const EXTENSION_REQUEST: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e";

/// A request for a certificate whose own signature was checked: the sender holds the key.
#[derive(Clone, Debug)]
pub struct Request {
    der: Vec<u8>,
    subject: Name,
    public_key: PublicKey,
    subject_alt_names: Vec<SubjectAltName>,
}

/// Bytes or text that are not a request we can grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// The text is not the expected PEM.
    #[error(transparent)]
    Pem(#[from] pem::InvalidPem),
    /// Not DER of a request, bytes behind it, or more than 64 KiB.
    #[error("malformed certificate signing request")]
    Malformed,
    /// Its public key is of a kind that is not supported.
    #[error("public key of the certificate signing request: {0}")]
    Key(#[from] InvalidKey),
    /// It asks for a name that is neither a host name nor an IP address.
    #[error("unsupported subject alternative name in the certificate signing request")]
    SubjectAltName,
    /// It is not signed by the key in it.
    #[error("certificate signing request not signed by its own key")]
    Signature,
}

impl Request {
    /// Makes a request for the key of `signer`.
    #[must_use]
    pub fn create(signer: &dyn Signer, subject: &Name, subject_alt_names: &[SubjectAltName]) -> Self {
        let public_key = signer.public_key();
        let attributes = if subject_alt_names.is_empty() {
            Vec::new()
        } else {
            let extensions = der::sequence(&[&issue::subject_alt_name_extension(subject_alt_names)]);
            let object_id = der::element(der::OBJECT_ID, &[EXTENSION_REQUEST]);
            der::sequence(&[&object_id, &der::element(der::SET, &[&extensions])])
        };
        let info = der::sequence(&[
            &der::unsigned(&[0]),
            subject.as_der(),
            public_key.spki_der(),
            &der::element(der::context(0), &[&attributes]),
        ]);
        Self {
            der: issue::signed(signer, &info),
            subject: subject.clone(),
            public_key: PublicKey::Ec(public_key.clone()),
            subject_alt_names: subject_alt_names.to_vec(),
        }
    }

    /// Reads DER and checks the request's own signature.
    ///
    /// # Errors
    /// See [`InvalidRequest`].
    pub fn from_der(der: &[u8]) -> Result<Self, InvalidRequest> {
        use InvalidRequest::Malformed;

        if der.len() > MAX_LEN {
            return Err(Malformed);
        }
        let (rest, parsed) = X509CertificationRequest::from_der(der).map_err(|_| Malformed)?;
        let info = &parsed.certification_request_info;
        let scheme = scheme::read(&parsed.signature_algorithm).ok_or(InvalidRequest::Signature)?;
        let signature = &parsed.signature_value.data;
        if !rest.is_empty() || !scheme::is_joined(der, info.raw, scheme, signature) {
            return Err(Malformed);
        }
        let public_key = PublicKey::from_spki_der(info.subject_pki.raw)?;
        public_key.verify(scheme, info.raw, signature).map_err(|_| InvalidRequest::Signature)?;
        Ok(Self {
            der: der.to_vec(),
            subject: Name::from_der(info.subject.as_raw()),
            public_key,
            subject_alt_names: requested_names(&parsed)?,
        })
    }

    /// Reads a text that is one PEM block `CERTIFICATE REQUEST` and checks the request's own signature.
    ///
    /// # Errors
    /// See [`InvalidRequest`].
    pub fn from_pem(text: &str) -> Result<Self, InvalidRequest> {
        Self::from_der(&pem::decode(text, LABEL)?)
    }

    /// The request in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// PEM block `CERTIFICATE REQUEST`.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode(LABEL, &self.der)
    }

    /// The key to be certified.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Whom the certificate shall be for.
    #[must_use]
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// Host names and addresses that the certificate shall name.
    #[must_use]
    pub fn subject_alt_names(&self) -> &[SubjectAltName] {
        &self.subject_alt_names
    }
}

fn requested_names(parsed: &X509CertificationRequest<'_>) -> Result<Vec<SubjectAltName>, InvalidRequest> {
    let mut names = Vec::new();
    for attribute in parsed.certification_request_info.iter_attributes() {
        let ParsedCriAttribute::ExtensionRequest(request) = attribute.parsed_attribute() else {
            continue;
        };
        for extension in &request.extensions {
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(requested) => {
                    for name in &requested.general_names {
                        names.push(to_subject_alt_name(name).ok_or(InvalidRequest::SubjectAltName)?);
                    }
                }
                ParsedExtension::ParseError { .. } => return Err(InvalidRequest::Malformed),
                _ => {}
            }
        }
    }
    Ok(names)
}
