//! Requests of the node itself, to other nodes of its service, to token issuers and to servers of endorsements: one on
//! each connection.

mod http1;
mod http2;
mod public;
mod trust;

use std::{io, sync::Arc, time::Duration};

use coco_app::{ChannelBinding, Headers, Method, Status};
use coco_boundary::ByteStream;
use coco_crypto::{Certificate, EcKey};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, client::TlsStream};

use self::http1::Framing;
pub use self::public::PublicClient;
use crate::{
    InvalidCertificate,
    tls::{ALPN_HTTP1, ALPN_HTTP2, channel_binding},
};

/// Asks nodes that show a certificate which one service issued, and shows them the certificate of this node.
///
/// Neither host name nor dates of the other's certificate are looked at: addresses are the host's word, and so is the
/// time. What counts is that the service's key signed it.
#[derive(Clone)]
pub struct Client {
    tls: Arc<ClientConfig>,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The method.
    pub method: Method,
    /// `host:port` of who is asked.
    pub address: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// Header fields beside host and length.
    pub headers: &'a [(&'a str, &'a str)],
    /// The whole body.
    pub body: &'a [u8],
    /// Largest body of an answer, in bytes.
    pub max_answer: usize,
    /// Longest time for all of it.
    pub within: Duration,
}

/// What is answered.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: Status,
    /// Header fields.
    pub headers: Headers,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address or the request cannot be written as HTTP.
    #[error("the request is not valid HTTP")]
    Request,
    /// The other end did not show a certificate of the service, or not with its key.
    #[error("{0}")]
    Untrusted(rustls::Error),
    /// The connection broke, or no common protocol was found.
    #[error("the connection failed: {0}")]
    Broken(#[from] io::Error),
    /// What came is not one HTTP response.
    #[error("the answer is not valid HTTP")]
    Malformed,
    /// The answer is larger than allowed.
    #[error("the answer is too large")]
    TooLarge,
    /// It took too long.
    #[error("no answer in time")]
    Timeout,
}

impl Client {
    /// A client of nodes of `service` that shows `own`, whose key is `key`.
    ///
    /// # Errors
    /// If key and certificate do not belong together.
    pub fn new(service: &Certificate, own: &Certificate, key: &EcKey) -> Result<Self, InvalidCertificate> {
        let mut config = trust::config(service, own, key)?;
        config.alpn_protocols = vec![ALPN_HTTP1.to_vec(), ALPN_HTTP2.to_vec()];
        Ok(Self { tls: Arc::new(config) })
    }

    /// Asks on `stream`, which is closed afterwards.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn ask(&self, stream: impl ByteStream, question: &Question<'_>) -> Result<Reply, ClientError> {
        let asked = async { self.connect(stream, question.address).await?.exchange(question).await };
        timeout(question.within, asked).await.unwrap_or(Err(ClientError::Timeout))
    }

    /// Begins a session on `stream` with the node at `address`, to be asked in it once its name is known. It is up to
    /// the caller how long that may take.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn connect<S: ByteStream>(
        &self,
        stream: S,
        address: &str,
    ) -> Result<Connected<S>, ClientError> {
        let name = server_name(address).ok_or(ClientError::Request)?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        Ok(Connected(connector.connect(name, stream).await.map_err(of_handshake)?))
    }
}

/// A session in which nothing was asked yet.
pub struct Connected<S>(TlsStream<S>);

impl<S: ByteStream> Connected<S> {
    /// Names the session.
    ///
    /// # Panics
    /// Never: the client speaks TLS 1.3 only.
    #[must_use]
    pub fn binding(&self) -> ChannelBinding {
        channel_binding(self.0.get_ref().1).expect("TLS 1.3, whose handshake is over, has it")
    }

    /// Asks, and ends the session.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn ask(self, question: &Question<'_>) -> Result<Reply, ClientError> {
        timeout(question.within, self.exchange(question)).await.unwrap_or(Err(ClientError::Timeout))
    }

    async fn exchange(self, question: &Question<'_>) -> Result<Reply, ClientError> {
        match self.0.get_ref().1.alpn_protocol() {
            Some(ALPN_HTTP2) => http2::exchange(self.0, question).await,
            Some(_) | None => http1::exchange(self.0, question, Framing::Length).await,
        }
    }
}

/// Host of `host:port`, told to the other end so that it can choose its certificate.
fn server_name(address: &str) -> Option<ServerName<'static>> {
    let (host, _) = address.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(host.to_owned()).ok()
}

/// Tells a wrong certificate from a broken connection.
fn of_handshake(error: io::Error) -> ClientError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(wrong @ rustls::Error::InvalidCertificate(_)) => ClientError::Untrusted(wrong.clone()),
        _ => ClientError::Broken(error),
    }
}

#[cfg(test)]
mod tests;
