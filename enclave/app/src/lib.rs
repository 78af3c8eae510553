//! What a protocol plugs into: adapters, callers, endpoints, OpenAPI.
//!
//! Start with [`RestAdapter`] and [`Endpoint`] for an application of HTTP endpoints, or implement [`Adapter`] for another
//! protocol.

mod accept;
pub mod adapter;
pub mod attesting;
pub mod caller;
pub mod console;
pub mod context;
pub mod conversation;
pub mod download;
pub mod endpoint;
pub mod error;
pub mod jwt;
mod objects;
pub mod openapi;
pub mod policy;
pub mod request;
pub mod rest;
mod signed;
mod standard;

pub use adapter::{
    Adapter, Appended, Call, CallBody, Committed, Event, Freshness, IndexStatus, Manifest, Mode, Origin,
    Plan, ReplyAt, Weight, Window, WindowRule,
};
pub use attesting::Attesting;
pub use caller::{Caller, ClientCertificate, Peer, SignedMessage};
pub use coco_boundary::InterfaceName;
pub use coco_wire::ChannelBinding;
pub use context::{Chain, Context, Historical, Index, Lookup, NodeRequests, Receipt, Services, TxStatus};
pub use conversation::{Conversation, Finish, MAX_TOPICS, Reaction};
pub use download::{Download, Given, Next};
pub use endpoint::{Endpoint, EndpointMode, Forwarding, Redirection};
pub use error::{ErrorCode, Reject};
pub use jwt::JwtIdentity;
pub use openapi::{ApiInfo, Description, Schema};
pub use policy::{MessageKind, Policy};
pub use request::{Headers, Method, Request, Response, Status, media};
pub use rest::{CommitObserver, RestAdapter, Terms};
