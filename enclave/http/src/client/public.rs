//! Requests to servers of others: those whose certificates the members of the service said how to check, and those whose
//! answers are believed for other reasons.

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

/// Asks servers that are no nodes, and shows them no certificate.
#[derive(Clone)]
pub struct PublicClient {
    over: Over,
}

/// What requests are carried over.
#[derive(Clone)]
enum Over {
    Tls(Arc<ClientConfig>),
    Nothing,
}

impl PublicClient {
    /// A client of servers whose certificate is one of `bundle`, or leads to one of it and names the host.
    ///
    /// # Errors
    /// If none of them can be believed.
    pub fn new(bundle: &[Certificate]) -> Result<Self, InvalidCertificate> {
        Ok(Self::with(trust::public_config(bundle)?))
    }

    /// A client of servers with whatever certificate, for answers that are judged by what they say: whoever answers, and
    /// whoever listens, is not known.
    #[must_use]
    pub fn of_anyone() -> Self {
        Self::with(trust::config_for_anyone())
    }

    /// The same without TLS.
    #[must_use]
    pub fn without_tls() -> Self {
        Self { over: Over::Nothing }
    }

    fn with(mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![ALPN_HTTP1.to_vec()];
        Self { over: Over::Tls(Arc::new(config)) }
    }

    /// Asks on `stream`, which is closed afterwards.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn ask(&self, stream: impl ByteStream, question: &Question<'_>) -> Result<Reply, ClientError> {
        let asked = async {
            match &self.over {
                Over::Tls(config) => {
                    let name = server_name(question.address).ok_or(ClientError::Request)?;
                    let connector = TlsConnector::from(Arc::clone(config));
                    let session = connector.connect(name, stream).await.map_err(of_handshake)?;
                    http1::exchange(session, &to_host(question, ":443"), Framing::Any).await
                }
                Over::Nothing => http1::exchange(stream, &to_host(question, ":80"), Framing::Any).await,
            }
        };
        timeout(question.within, asked).await.unwrap_or(Err(ClientError::Timeout))
    }
}

/// The question as it is written: a port that goes without saying is not said, as some servers know their name only so
/// (RFC 9110, section 7.2).
fn to_host<'a>(question: &Question<'a>, usual: &str) -> Question<'a> {
    let address = question.address.strip_suffix(usual).unwrap_or(question.address);
    Question { address, ..*question }
}

#[cfg(test)]
mod tests;
