//! One RPC interface: what its connections may do, and what they share.

use std::{sync::Arc, time::Duration};

use coco_app::InterfaceName;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::{
    metrics::{InterfaceMetrics, SessionCount, SessionSlot},
    tls::{self, CertificateSlot},
};

/// One RPC interface; shared by its connections.
pub struct Interface {
    /// As configured.
    pub settings: InterfaceSettings,
    /// What happened on it so far.
    pub metrics: Arc<InterfaceMetrics>,
    certificate: Arc<CertificateSlot>,
    acceptor: TlsAcceptor,
    node: Arc<SessionCount>,
    stop: watch::Receiver<bool>,
}

impl Interface {
    /// An interface that, if it speaks TLS, shows the certificate in `certificate`, counts its sessions in `node` too, and whose
    /// connections finish the requests they have and close once `stop` holds `true`.
    #[must_use]
    pub fn new(
        settings: InterfaceSettings,
        certificate: Arc<CertificateSlot>,
        node: Arc<SessionCount>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let config = tls::server_config(settings.protocol, Arc::clone(&certificate));
        let metrics = Arc::default();
        Self { settings, metrics, certificate, acceptor: TlsAcceptor::from(Arc::new(config)), node, stop }
    }

    /// A place for one more session; none at the hard cap, or while there is no certificate to show.
    pub(crate) fn admit(&self) -> Option<SessionSlot<'_>> {
        if self.settings.transport == Transport::Tls && !self.certificate.is_set() {
            return None;
        }
        SessionSlot::take(&self.metrics.sessions, &self.node, self.settings.caps)
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Ends when the node asks its connections to close.
    pub(crate) fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stop = self.stop.clone();
        async move {
            if stop.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// How an interface is configured.
#[derive(Clone, Debug)]
pub struct InterfaceSettings {
    /// Its name.
    pub name: InterfaceName,
    /// Under what it speaks.
    pub transport: Transport,
    /// What it speaks.
    pub protocol: AppProtocol,
    /// How large requests may be.
    pub limits: Limits,
    /// How many sessions it takes.
    pub caps: SessionCaps,
    /// How long it waits.
    pub timeouts: Timeouts,
}

/// Whether the connections of an interface are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS: the node proves who it is, and clients may.
    Tls,
    /// Nothing: endorsed by nobody, `Unsecured` in CCF's configuration. Anyone on the way reads and changes everything.
    Plain,
}

/// Protocol of an interface, as `app_protocol` in CCF's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppProtocol {
    /// HTTP/1.1, and HTTP/2 for clients that offer only that.
    Http1,
    /// HTTP/2 alone.
    Http2,
}

/// How large requests may be; the defaults are those of CCF (`include/ccf/http_configuration.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a body.
    pub max_body_size: usize,
    /// Bytes of the name, and of the value, of one header field. All fields of a request and its first line
    /// together may take 16 times this.
    pub max_header_size: usize,
    /// Header fields of a request; by HTTP/2 the pseudo-fields count.
    pub max_headers_count: usize,
    /// Streams of an HTTP/2 connection at a time.
    pub max_concurrent_streams: u32,
    /// Bytes that an HTTP/2 stream may send ahead.
    pub initial_window_size: u32,
    /// Bytes of an HTTP/2 frame, from 16 KiB to 16 MiB.
    pub max_frame_size: u32,
}

impl Limits {
    /// Bytes of a request's first line and header fields together.
    pub(crate) fn max_head_size(&self) -> usize {
        self.max_header_size.saturating_mul(16).clamp(64 << 10, u32::MAX as usize)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_body_size: 1 << 20,
            max_header_size: 16 << 10,
            max_headers_count: 256,
            max_concurrent_streams: 100,
            initial_window_size: 64 << 10,
            max_frame_size: 16 << 10,
        }
    }
}

/// How many sessions an interface takes at a time; the defaults are those of CCF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCaps {
    /// Beyond this many, requests are answered by 503 `SessionCapExhausted` and the connection is closed.
    pub soft: usize,
    /// Beyond this many, connections are dropped before the TLS handshake.
    pub hard: usize,
}

impl Default for SessionCaps {
    fn default() -> Self {
        Self { soft: 1000, hard: 1010 }
    }
}

/// How long a connection may take; the connection is then closed without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To finish the TLS handshake.
    pub handshake: Duration,
    /// Without a byte in either direction while no answer is owed; `idle_connection_timeout` in CCF's
    /// configuration. None: for ever.
    pub idle: Option<Duration>,
    /// From the first byte of a request to its last.
    pub request: Duration,
    /// To take the next byte of an answer.
    pub write: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            idle: Some(Duration::from_secs(60)),
            request: Duration::from_secs(60),
            write: Duration::from_secs(60),
        }
    }
}
