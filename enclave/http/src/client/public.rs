//! Requests to servers of others, whose certificates the members of the service said how to check.

use std::sync::Arc;

use coco_boundary::ByteStream;
use coco_crypto::Certificate;
use rustls::ClientConfig;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{
    ClientError, Question, Reply,
    http1::{self, Framing},
    of_handshake, server_name, trust,
};
use crate::{InvalidCertificate, tls::ALPN_HTTP1};

/// Asks servers whose certificate is one of a bundle, or leads to one of it and names the host. Shows none itself.
#[derive(Clone)]
pub struct PublicClient {
    tls: Arc<ClientConfig>,
}

impl PublicClient {
    /// A client that believes the certificates of `bundle`.
    ///
    /// # Errors
    /// If none of them can be believed.
    pub fn new(bundle: &[Certificate]) -> Result<Self, InvalidCertificate> {
        let mut config = trust::public_config(bundle)?;
        config.alpn_protocols = vec![ALPN_HTTP1.to_vec()];
        Ok(Self { tls: Arc::new(config) })
    }

    /// Asks on `stream`, which is closed afterwards.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn ask(&self, stream: impl ByteStream, question: &Question<'_>) -> Result<Reply, ClientError> {
        let name = server_name(question.address).ok_or(ClientError::Request)?;
        let asked = async {
            let connector = TlsConnector::from(Arc::clone(&self.tls));
            let session = connector.connect(name, stream).await.map_err(of_handshake)?;
            http1::exchange(session, question, Framing::Any).await
        };
        timeout(question.within, asked).await.unwrap_or(Err(ClientError::Timeout))
    }
}

#[cfg(test)]
mod tests;
