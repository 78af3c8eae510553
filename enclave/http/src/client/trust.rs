//! Which servers a node believes: those whose certificate its service issued.

use std::sync::Arc;

use coco_crypto::{Certificate, EcKey};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
};

use crate::{InvalidCertificate, tls::provider};

pub(super) fn config(
    service: &Certificate,
    own: &Certificate,
    key: &EcKey,
) -> Result<ClientConfig, InvalidCertificate> {
    let chain = vec![CertificateDer::from(own.der().to_vec())];
    let key = PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec());
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the suites chosen cover TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier(service))
        .with_client_auth_cert(chain, key.into())?;
    // Each session is to prove both keys.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Believes nodes of `service`.
pub(super) fn verifier(service: &Certificate) -> Arc<dyn ServerCertVerifier> {
    let algorithms = provider().signature_verification_algorithms;
    Arc::new(OfService { service: service.clone(), algorithms })
}

/// Accepts a certificate that the service's key signed, from whoever holds its key.
#[derive(Debug)]
struct OfService {
    service: Certificate,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for OfService {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = Certificate::from_der(certificate)
            .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
        shown
            .verify_issued_by(&self.service)
            .map_err(|_| Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
