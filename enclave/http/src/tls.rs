//! The TLS side of an interface: what is offered, what is shown, and which clients are let in.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwapOption;
use coco_app::{ChannelBinding, ClientCertificate};
use coco_crypto::EcKey;
use rustls::{
    CipherSuite, ConnectionCommon, DigitallySignedStruct, DistinguishedName, NamedGroup, ProtocolVersion,
    ServerConfig, ServerConnection, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{
        CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, PrivatePkcs8KeyDer, UnixTime},
    server::{
        ClientHello, NoServerSessionStorage, ResolvesServerCert,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    sign::CertifiedKey,
};

use crate::interface::AppProtocol;

pub(crate) const ALPN_HTTP1: &[u8] = b"http/1.1";
pub(crate) const ALPN_HTTP2: &[u8] = b"h2";
/// Registered for HTTP/1.0, and offered by curl when told to speak that.
pub(crate) const ALPN_HTTP1_0: &[u8] = b"http/1.0";

/// The certificate that interfaces show, replaceable while they serve; empty at first.
///
/// All interfaces endorsed by the same authority share one.
#[derive(Default)]
pub struct CertificateSlot(ArcSwapOption<CertifiedKey>);

impl CertificateSlot {
    /// Shows `chain` (DER, the node's own certificate first) from the next handshake on.
    ///
    /// # Errors
    /// If the first certificate cannot be read or is not for `key`.
    pub fn install(&self, chain: Vec<Vec<u8>>, key: &EcKey) -> Result<(), InvalidCertificate> {
        let chain = chain.into_iter().map(CertificateDer::from).collect();
        let key = PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec());
        let certified = CertifiedKey::from_der(chain, key.into(), &provider())?;
        self.0.store(Some(Arc::new(certified)));
        Ok(())
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load().is_some()
    }
}

/// The slots of a node, by who vouches for their certificates. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct CertificateSlots {
    /// The node itself.
    pub node: Arc<CertificateSlot>,
    /// The service.
    pub service: Arc<CertificateSlot>,
}

impl fmt::Debug for CertificateSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateSlot").field("set", &self.is_set()).finish()
    }
}

impl ResolvesServerCert for CertificateSlot {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load_full()
    }
}

/// A chain that cannot be shown with its key.
#[derive(Debug, thiserror::Error)]
#[error("not a certificate chain for this key: {0}")]
pub struct InvalidCertificate(#[from] rustls::Error);

/// TLS 1.2 and 1.3 with AES-GCM and ephemeral keys only, the hybrid post-quantum exchange among them.
///
/// Sessions are never resumed: a resumed session would show neither side's certificate again, so a renewed node
/// certificate would stay unseen, and the client's identity would rest on a stored secret instead of its key.
pub(crate) fn server_config(protocol: AppProtocol, certificate: Arc<CertificateSlot>) -> ServerConfig {
    let provider = provider();
    let clients = AnyClient { algorithms: provider.signature_verification_algorithms };
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("the suites chosen cover both versions")
        .with_client_cert_verifier(Arc::new(clients))
        .with_cert_resolver(certificate);
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    // The first of ours that the client offers is taken.
    config.alpn_protocols = match protocol {
        AppProtocol::Http1 => vec![ALPN_HTTP1.to_vec(), ALPN_HTTP2.to_vec(), ALPN_HTTP1_0.to_vec()],
        // As in CCF, the handshake with who speaks HTTP/1 only succeeds, and the connection is then closed.
        AppProtocol::Http2 => vec![ALPN_HTTP2.to_vec(), ALPN_HTTP1.to_vec(), ALPN_HTTP1_0.to_vec()],
    };
    config
}

pub(crate) fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| {
        !matches!(
            suite.suite(),
            CipherSuite::TLS13_CHACHA20_POLY1305_SHA256
                | CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
                | CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
        )
    });
    let preference =
        [NamedGroup::X25519MLKEM768, NamedGroup::X25519, NamedGroup::secp384r1, NamedGroup::secp256r1];
    let rank = |group: NamedGroup| preference.iter().position(|preferred| *preferred == group);
    provider.kx_groups.retain(|group| rank(group.name()).is_some());
    provider.kx_groups.sort_by_key(|group| rank(group.name()));
    provider
}

/// The certificate with which the client signed the handshake, if it showed one.
///
/// # Errors
/// If the library could read it and we cannot.
pub(crate) fn client_certificate(
    connection: &ServerConnection,
) -> Result<Option<ClientCertificate>, coco_app::caller::InvalidCertificate> {
    let Some(first) = connection.peer_certificates().and_then(<[_]>::first) else { return Ok(None) };
    ClientCertificate::from_der(first).map(Some)
}

/// Names the session to both its ends. Before TLS 1.3 not all of it goes into the name, so there is none.
pub(crate) fn channel_binding<T>(connection: &ConnectionCommon<T>) -> Option<ChannelBinding> {
    connection.protocol_version().filter(|version| *version == ProtocolVersion::TLSv1_3)?;
    let name = [0; ChannelBinding::LEN];
    connection.export_keying_material(name, ChannelBinding::LABEL, None).ok().map(ChannelBinding)
}

/// Lets in clients without a certificate, and those that prove to hold the key of the one they show.
///
/// Issuer, dates and usage are not looked at: members and users are known by the digest of their certificate, and
/// often use a self-signed one that claims to be an authority.
#[derive(Debug)]
struct AnyClient {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
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
