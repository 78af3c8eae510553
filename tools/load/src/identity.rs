//! Throw-away identities as a service makes them, and a verifier that believes any certificate.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rcgen::{PKCS_ECDSA_P384_SHA384, SanType};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};

use crate::error::Error;

/// The PEM files of a service, one node of it and one user.
#[derive(Clone, Debug)]
pub struct IdentityFiles {
    /// The service's certificate: what a client trusts.
    pub service: PathBuf,
    /// The node's certificate and private key.
    pub node: (PathBuf, PathBuf),
    /// The user's certificate and private key.
    pub user: (PathBuf, PathBuf),
}

impl IdentityFiles {
    /// The files in `folder`, made if they are not there.
    ///
    /// Keys are P-384 and certificates shaped as a CCF service shapes them: the service signs the node's, for
    /// `127.0.0.1`, `::1` and `localhost`; the user's is signed by its own key.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let file = |name: &str| folder.join(name);
        let files = Self {
            service: file("service_cert.pem"),
            node: (file("node_cert.pem"), file("node_privk.pem")),
            user: (file("user0_cert.pem"), file("user0_privk.pem")),
        };
        if !files.service.exists() {
            files.make()?;
        }
        Ok(files)
    }

    fn make(&self) -> Result<(), Error> {
        let mut service = named("CCF Service");
        service.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
        service.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let issuer = CertifiedIssuer::self_signed(service, key()?)?;
        let mut node = named("CCF Node");
        node.subject_alt_names = vec![
            SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
            SanType::IpAddress(Ipv6Addr::LOCALHOST.into()),
            SanType::DnsName("localhost".try_into()?),
        ];
        let node_key = key()?;
        let node = node.signed_by(&node_key, &issuer)?;
        let user_key = key()?;
        let user = named("user0").self_signed(&user_key)?;
        write(&self.service, &issuer.pem())?;
        write(&self.node.0, &node.pem())?;
        write(&self.node.1, &node_key.serialize_pem())?;
        write(&self.user.0, &user.pem())?;
        write(&self.user.1, &user_key.serialize_pem())
    }
}

/// The certificates of a PEM file, at least one.
pub(crate) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| unreadable(file, &error))?;
    if found.is_empty() {
        return Err(unreadable(file, &pem::Error::NoItemsFound));
    }
    Ok(found)
}

/// The private key of a PEM file: PKCS#8, SEC1 or PKCS#1.
pub(crate) fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_file(file).map_err(|error| unreadable(file, &error))
}

fn unreadable(file: &Path, error: &pem::Error) -> Error {
    Error::io(file.display())(std::io::Error::other(error.to_string()))
}

fn write(file: &Path, text: &str) -> Result<(), Error> {
    std::fs::write(file, text).map_err(Error::io(file.display()))
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn key() -> Result<KeyPair, Error> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?)
}

/// Checks that the peer holds the key of the certificate it shows, and nothing else.
///
/// This is how a CCF service meets its clients in TLS: who they are is looked up later.
#[derive(Debug)]
pub struct AnyCertificate {
    mandatory: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyCertificate {
    /// A verifier; `mandatory` says whether a server refuses clients without a certificate.
    #[must_use]
    pub fn new(mandatory: bool) -> Arc<Self> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        Arc::new(Self { mandatory, algorithms })
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
