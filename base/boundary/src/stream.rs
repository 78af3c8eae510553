//! Connections that the host carries and cannot read.

use std::{fmt, net::SocketAddr, sync::Arc};

use tokio::io::{AsyncRead, AsyncWrite};

/// A connection's bytes in both directions; ciphertext, as TLS ends inside the enclave.
pub trait ByteStream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> ByteStream for S {}

/// Takes the connections that the host accepts.
pub trait Sessions: Send + Sync + 'static {
    /// What the connections of one I/O thread share.
    type Thread: Send + Sync + 'static;

    /// Called once for each I/O thread.
    fn thread(&self) -> Self::Thread;

    /// Serves one connection until it ends. Dropped when the node stops.
    ///
    /// Runs on one I/O thread, which other connections share, inside that thread's tokio runtime
    /// with timers enabled.
    fn serve(
        &self,
        thread: &Self::Thread,
        interface: &InterfaceName,
        peer: SocketAddr,
        stream: impl ByteStream,
    ) -> impl Future<Output = ()> + Send + 'static;
}

/// Name of an RPC interface in the configuration.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceName(Arc<str>);

impl InterfaceName {
    /// Any text is a name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
