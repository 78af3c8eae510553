//! Which servers a node believes: nodes whose certificate its service issued, others by a bundle of certificates, or
//! anyone.

use std::sync::Arc;

use coco_crypto::{Certificate, EcKey, x509};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        Resumption, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature},
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

/// For a client of servers that lead to one of `bundle`.
pub(super) fn public_config(bundle: &[Certificate]) -> Result<ClientConfig, InvalidCertificate> {
    if bundle.is_empty() {
        return Err(Error::General("no certificate to believe".into()).into());
    }
    let provider = Arc::new(provider());
    let mut roots = RootCertStore::empty();
    for authority in bundle.iter().filter(|certificate| certificate.is_authority()) {
        roots.add(CertificateDer::from(authority.der().to_vec()))?;
    }
    let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let trust = Trust::Bundle {
        named: bundle.to_vec(),
        // There is none without a root.
        chains: chains.build().ok(),
    };
    Ok(public(trust, provider))
}

/// For a client of servers with whatever certificate.
pub(super) fn config_for_anyone() -> ClientConfig {
    public(Trust::Anyone, Arc::new(provider()))
}

fn public(trust: Trust, provider: Arc<CryptoProvider>) -> ClientConfig {
    let verifier = Verifier { trust, algorithms: provider.signature_verification_algorithms };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("the suites chosen cover both versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config
}

/// Believes nodes of `service`.
pub(super) fn verifier(service: &Certificate) -> Arc<dyn ServerCertVerifier> {
    let algorithms = provider().signature_verification_algorithms;
    Arc::new(Verifier { trust: Trust::Service(service.clone()), algorithms })
}

/// Accepts a certificate that is trusted, from whoever holds its key.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

/// Which certificates are accepted.
#[derive(Debug)]
enum Trust {
    /// Those that the key of this service signed.
    Service(Certificate),
    /// Those that lead to an authority of a bundle, in the manner of the Web (RFC 5280, RFC 6125), and those that are in
    /// it themselves: who names a server's very certificate need not be told its host.
    Bundle { named: Vec<Certificate>, chains: Option<Arc<WebPkiServerVerifier>> },
    /// All, as what is answered is not believed for who answers.
    Anyone,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        status: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trust {
            Trust::Service(service) => issued_by(service, certificate),
            Trust::Anyone => Ok(ServerCertVerified::assertion()),
            Trust::Bundle { named, chains } => {
                if let Some(named) = named.iter().find(|named| named.der() == certificate.as_ref()) {
                    return within_validity(named, now);
                }
                let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
                let chains = chains.as_ref().ok_or(unknown)?;
                chains.verify_server_cert(certificate, others, host, status, now)
            }
        }
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

fn issued_by(service: &Certificate, certificate: &CertificateDer<'_>) -> Result<ServerCertVerified, Error> {
    let shown = Certificate::from_der(certificate)
        .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
    shown
        .verify_issued_by(service)
        .map_err(|_| Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
    Ok(ServerCertVerified::assertion())
}

fn within_validity(named: &Certificate, now: UnixTime) -> Result<ServerCertVerified, Error> {
    let now = x509::UnixTime(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
    let (from, to) = (named.validity().not_before(), named.validity().not_after());
    match now {
        now if now < from => Err(Error::InvalidCertificate(CertificateError::NotValidYet)),
        now if now > to => Err(Error::InvalidCertificate(CertificateError::Expired)),
        _ => Ok(ServerCertVerified::assertion()),
    }
}
