//! Limits of what carries frames between nodes.
//!
//! [`Effect::Send`](crate::Effect::Send) and [`Event::Frame`](crate::Event::Frame) are all that crosses. Nothing promises
//! delivery; the enclave authenticates each frame, orders them and asks again.

/// Bytes of frames that may wait for one address, 64 MiB: while it is full, new frames to it are dropped.
pub const MAX_ADDRESS_BACKLOG: usize = 64 << 20;
/// Bytes of frames that may wait for all addresses together: 256 MiB.
pub const MAX_SEND_BACKLOG: usize = 256 << 20;
/// Addresses that frames may be sent to at a time. One to which nothing is sent for a minute counts no more.
pub const MAX_ADDRESSES: usize = 1024;
