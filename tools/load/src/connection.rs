//! Opening a mutually authenticated TLS connection.

use std::sync::Arc;

use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::error::Error;
use crate::target::Target;

/// Connects with a whole handshake; answers wait for no more bytes (`TCP_NODELAY`).
pub(crate) async fn open(target: &Target, config: &Arc<ClientConfig>) -> Result<TlsStream<TcpStream>, Error> {
    let stream = TcpStream::connect(target.address).await.map_err(Error::io(target.address))?;
    stream.set_nodelay(true).map_err(Error::io(target.address))?;
    let connector = TlsConnector::from(Arc::clone(config));
    connector.connect(target.name.clone(), stream).await.map_err(Error::io(target.address))
}
