//! TLS and HTTP over any byte stream, driving `node`.
//!
//! [`serve`] carries one connection from its first byte to its last: it counts it against the caps of its
//! [`Interface`], makes the TLS handshake, reads requests by HTTP/1.1 or HTTP/2 and has a [`Gather`] hand them,
//! with those of other connections, to a [`Dispatch`], whose answers it sends in order. A connection of HTTP/1.1 may become a
//! WebSocket, whose messages a [`Talk`] takes. Nothing here knows what a request or a message means.

mod answer;
mod client;
mod deadline;
mod dispatch;
mod driver;
mod gather;
mod http1;
mod http2;
mod interface;
mod metrics;
mod refusal;
mod rpc;
mod serve;
mod tls;
mod websocket;

pub use client::{Client, ClientError, Connected, PublicClient, Question, Reply};
pub use dispatch::{Answer, Batch, Dispatch, Session, Talk};
pub use driver::{Driver, Resources, SnapshotFileError};
pub use gather::Gather;
pub use interface::{AppProtocol, Interface, InterfaceSettings, Limits, SessionCaps, Timeouts, Transport};
pub use metrics::{InterfaceMetrics, RequestErrors, SessionCount};
pub use rpc::Rpc;
pub use serve::serve;
pub use tls::{CertificateSlot, CertificateSlots, InvalidCertificate};
