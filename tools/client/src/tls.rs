//! TLS that trusts one service.

use std::sync::Arc;

use coco_crypto::Certificate;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::identity::Identity;

/// Accepts nodes whose certificate is issued by `service`, and shows that of `identity` when asked.
pub(crate) fn config(
    service: &Certificate,
    identity: Option<&Identity>,
) -> Result<Arc<ClientConfig>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(service.der().to_vec()))?;
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            let certificate = CertificateDer::from(identity.certificate().der().to_vec());
            let key = PrivatePkcs8KeyDer::from(identity.key().pkcs8_der().to_vec());
            builder.with_client_auth_cert(vec![certificate], PrivateKeyDer::from(key))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
