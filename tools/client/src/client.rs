//! Requests to one node over HTTP/1.1 and TLS, one after the other on a connection that is kept.

mod connect;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use coco_crypto::Certificate;
use coco_wire::TxId;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::SendRequest;
use rustls::{
    ClientConfig,
    pki_types::{InvalidDnsNameError, ServerName},
};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time;

use crate::{
    attest::{NotVerified, Policy},
    identity::Identity,
    tls,
};

/// Largest answer, in bytes.
const MAX_ANSWER: usize = 64 << 20;
/// How long a request may take, the connection included.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Time between two looks at a transaction that is not committed yet.
const POLL: Duration = Duration::from_millis(10);
const TRANSACTION_ID: &str = "x-ms-ccf-transaction-id";

/// A client of one node.
///
/// Connects when it has to; use it within a tokio runtime.
pub struct Client {
    /// `host:port`.
    address: String,
    server: ServerName<'static>,
    tls: Arc<ClientConfig>,
    /// Whose nodes it talks to; none: it finds out.
    service: Option<Certificate>,
    /// What the node must prove on each connection before it is asked for anything.
    demand: Option<Arc<Policy>>,
    connection: Option<Sender>,
}

/// Sends requests on a connection.
type Sender = SendRequest<Full<Bytes>>;

/// A request that got no answer, or not the one expected.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not `host:port`.
    #[error("not an address of the form host:port: {0}")]
    Address(String),
    /// The service's certificate or the client's key is of no use to TLS.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// No connection, or no secure one.
    #[error("cannot connect to {address}: {error}")]
    Connect {
        /// To where.
        address: String,
        /// Why.
        error: std::io::Error,
    },
    /// The request itself is not HTTP.
    #[error("the request cannot be sent: {0}")]
    Request(#[from] http::Error),
    /// The node did not prove what it runs, so that it was asked for nothing.
    #[error("{address} is not verified: {reason}")]
    NotVerified {
        /// Which.
        address: String,
        /// Why not.
        reason: Box<NotVerified>,
    },
    /// The connection broke.
    #[error("no answer from {address}: {error}")]
    Broken {
        /// From where.
        address: String,
        /// Why.
        error: hyper::Error,
    },
    /// It took too long.
    #[error("no answer from {0} in time")]
    Timeout(String),
    /// The answer is too large, or ends early.
    #[error("the answer cannot be read: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    /// Another status than expected.
    #[error("{request} was answered by {}", .answer.summary())]
    Status {
        /// Method and path.
        request: String,
        /// What came instead.
        answer: Box<Answer>,
    },
    /// Not the JSON expected.
    #[error("the answer is not as expected: {0}")]
    Json(#[from] serde_json::Error),
    /// The transaction was not committed in time, or never will be.
    #[error("transaction {0} is {1}")]
    NotCommitted(TxId, TxStatus),
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// Fate of a transaction as a node tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum TxStatus {
    /// Not seen.
    Unknown,
    /// Not committed yet.
    Pending,
    /// Final.
    Committed,
    /// Never to be committed.
    Invalid,
}

impl std::fmt::Display for TxStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self, f)
    }
}

impl Client {
    /// A client of the node at `address` (`host:port`), whose certificate `service` must have issued.
    /// `identity` is shown to the node.
    ///
    /// # Errors
    /// If the address has another form, or a certificate or key is of no use.
    pub fn new(
        address: &str,
        service: &Certificate,
        identity: Option<&Identity>,
    ) -> Result<Self, ClientError> {
        Self::of(address, Some(service), identity)
    }

    /// The same, of a node of whatever service if none is given: only to find out what it is.
    pub(crate) fn of(
        address: &str,
        service: Option<&Certificate>,
        identity: Option<&Identity>,
    ) -> Result<Self, ClientError> {
        let wrong = || ClientError::Address(address.to_owned());
        let (host, _) = address.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let server = ServerName::try_from(host).map_err(|_: InvalidDnsNameError| wrong())?;
        let tls = tls::config(service, identity)?;
        let address = address.to_owned();
        Ok(Self { address, server, tls, service: service.cloned(), demand: None, connection: None })
    }

    /// Has the node prove what it runs, by fresh evidence, on each connection before anything else is said on it. A node
    /// that does not is asked for nothing: [`ClientError::NotVerified`].
    #[must_use]
    pub fn demanding(self, policy: Arc<Policy>) -> Self {
        Self { demand: Some(policy), connection: None, ..self }
    }

    /// Where the node is, `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// GET.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn get(&mut self, path: &str) -> Result<Answer, ClientError> {
        self.send(Method::GET, path, &[], Bytes::new()).await
    }

    /// POST of JSON.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn post(&mut self, path: &str, body: &serde_json::Value) -> Result<Answer, ClientError> {
        let headers = [("content-type", "application/json")];
        self.send(Method::POST, path, &headers, body.to_string().into()).await
    }

    /// POST of a COSE message.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn post_cose(&mut self, path: &str, message: Vec<u8>) -> Result<Answer, ClientError> {
        self.send(Method::POST, path, &[("content-type", "application/cose")], message.into()).await
    }

    /// Any request.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, ClientError> {
        let timeout = ClientError::Timeout(self.address.clone());
        time::timeout(TIMEOUT, self.exchange(method, path, headers, body)).await.unwrap_or(Err(timeout))
    }

    /// What the node says of a transaction.
    ///
    /// # Errors
    /// If there is no such answer.
    pub async fn status(&mut self, id: TxId) -> Result<TxStatus, ClientError> {
        #[derive(Deserialize)]
        struct Status {
            status: TxStatus,
        }
        let path = format!("/node/tx?transaction_id={id}");
        let Status { status } = self.get(&path).await?.expect(StatusCode::OK, &path)?.json()?;
        Ok(status)
    }

    /// Waits until `id` is committed, also across a change of the primary.
    ///
    /// # Errors
    /// [`ClientError::NotCommitted`] if that takes longer than `within`, or cannot happen any more.
    pub async fn wait_for_commit(&mut self, id: TxId, within: Duration) -> Result<(), ClientError> {
        let deadline = time::Instant::now() + within;
        loop {
            let is_late = time::Instant::now() >= deadline;
            match self.status(id).await {
                Ok(TxStatus::Committed) => return Ok(()),
                Ok(TxStatus::Pending | TxStatus::Unknown) if !is_late => {}
                Ok(status) => return Err(ClientError::NotCommitted(id, status)),
                // A session that asked one primary does not ask another one; a new session does.
                Err(error) if error.is_of_session() && !is_late => self.connection = None,
                Err(error) => return Err(error),
            }
            time::sleep(POLL).await;
        }
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, ClientError> {
        let request = self.request(method, path, headers, body)?;

        let mut kept = self.connection.take();
        if let Some(sender) = &mut kept
            && sender.ready().await.is_err()
        {
            kept = None;
        }
        let sender = match kept {
            Some(sender) => sender,
            None => self.connect().await?,
        };
        match self.ask_on(sender, request.clone()).await {
            // The node closed the kept connection before it took the request: nothing happened yet.
            Err(ClientError::Broken { error, .. }) if error.is_canceled() => {
                let sender = self.connect().await?;
                self.ask_on(sender, request).await
            }
            answer => answer,
        }
    }

    /// Asks on a connection, and keeps it.
    async fn ask_on(
        &mut self,
        mut sender: Sender,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, ClientError> {
        let answer = self.round_trip(&mut sender, request).await?;
        self.connection = Some(sender);
        Ok(answer)
    }

    async fn round_trip(
        &self,
        sender: &mut Sender,
        request: Request<Full<Bytes>>,
    ) -> Result<Answer, ClientError> {
        let response = sender.send_request(request).await.map_err(|error| self.broken(error))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(ClientError::Body)?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut builder = Request::builder().method(method).uri(path).header(header::HOST, &self.address);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        Ok(builder.body(Full::new(body))?)
    }

    fn broken(&self, error: hyper::Error) -> ClientError {
        ClientError::Broken { address: self.address.clone(), error }
    }
}

impl ClientError {
    /// Whether the other end showed a certificate that is not trusted.
    #[must_use]
    pub fn is_untrusted(&self) -> bool {
        let Self::Connect { error, .. } = self else { return false };
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        matches!(tls, Some(rustls::Error::InvalidCertificate(_)))
    }

    /// Whether the same question may be answered in another session.
    fn is_of_session(&self) -> bool {
        match self {
            Self::Broken { .. } => true,
            Self::Status { answer, .. } => answer.status.is_server_error(),
            _ => false,
        }
    }
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// If it is none, or not of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ClientError> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The transaction that the answer comes from.
    #[must_use]
    pub fn transaction_id(&self) -> Option<TxId> {
        self.headers.get(TRANSACTION_ID)?.to_str().ok()?.parse().ok()
    }

    /// The same answer if it has this status; `request` is for the message of the error.
    ///
    /// # Errors
    /// [`ClientError::Status`].
    pub fn expect(self, status: StatusCode, request: &str) -> Result<Self, ClientError> {
        if self.status == status {
            return Ok(self);
        }
        Err(ClientError::Status { request: request.to_owned(), answer: Box::new(self) })
    }

    /// Status, and error code and message of a service's error body.
    pub(crate) fn summary(&self) -> String {
        #[derive(Deserialize)]
        struct Body {
            error: Error,
        }
        #[derive(Deserialize)]
        struct Error {
            code: String,
            message: String,
        }
        match self.json() {
            Ok(Body { error: Error { code, message } }) => format!("{}: {code}: {message}", self.status),
            Err(_) => self.status.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
