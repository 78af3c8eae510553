//! The ceiling: a server that only finds the end of each request and answers 20 fixed bytes.
//!
//! It has the TLS stack, runtime and threads of a node and nothing else, so a service's speed divided by the
//! ceiling's says how much of the machine the service itself leaves to its users.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use crate::error::Error;
use crate::identity::{AnyCertificate, IdentityFiles, certificates, private_key};

/// The answer to every request: 20 bytes of JSON.
pub const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{\"answer\":\"fixed20\"}";

/// The largest head, as a node's default.
const LARGEST_HEAD: usize = 16 * 1024;
/// The largest body, as a node's default.
const LARGEST_BODY: usize = 1024 * 1024;
/// Accepted connections that may wait for an I/O thread.
const WAITING: usize = 1024;

/// What the ceiling asks of a client in TLS.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ClientAuth {
    /// A certificate.
    Required,
    /// A certificate, if the client has one, as a node does.
    Optional,
    /// Nothing.
    None,
}

/// Starts serving in the background and returns the address; the threads end with the process.
///
/// Connections are dealt round robin to `threads` event loops of one thread each, as a node deals its own.
pub fn start(
    listen: SocketAddr,
    threads: usize,
    auth: ClientAuth,
    files: &IdentityFiles,
) -> Result<SocketAddr, Error> {
    let acceptor = TlsAcceptor::from(Arc::new(config(auth, files)?));
    let listener = std::net::TcpListener::bind(listen).map_err(Error::io(listen))?;
    let address = listener.local_addr().map_err(Error::io(listen))?;
    let mut loops = Vec::new();
    for _ in 0..threads.max(1) {
        let (sender, receiver) = mpsc::channel(WAITING);
        let acceptor = acceptor.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::io("runtime"))?;
        std::thread::spawn(move || runtime.block_on(receive(receiver, acceptor)));
        loops.push(sender);
    }
    std::thread::spawn(move || {
        for (turn, stream) in listener.incoming().enumerate() {
            let Ok(stream) = stream else { continue };
            if stream.set_nonblocking(true).is_err() || stream.set_nodelay(true).is_err() {
                continue;
            }
            if loops[turn % loops.len()].blocking_send(stream).is_err() {
                return;
            }
        }
    });
    Ok(address)
}

fn config(auth: ClientAuth, files: &IdentityFiles) -> Result<ServerConfig, Error> {
    let builder = ServerConfig::builder();
    let builder = match auth {
        ClientAuth::Required => builder.with_client_cert_verifier(AnyCertificate::new(true)),
        ClientAuth::Optional => builder.with_client_cert_verifier(AnyCertificate::new(false)),
        ClientAuth::None => builder.with_client_cert_verifier(WebPkiClientVerifier::no_client_auth()),
    };
    let (chain, key) = (certificates(&files.node.0)?, private_key(&files.node.1)?);
    let mut config = builder.with_single_cert(chain, key).map_err(Error::tls("ceiling"))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

async fn receive(mut streams: mpsc::Receiver<std::net::TcpStream>, acceptor: TlsAcceptor) {
    while let Some(stream) = streams.recv().await {
        let acceptor = acceptor.clone();
        if let Ok(stream) = TcpStream::from_std(stream) {
            tokio::spawn(async move {
                // A client that breaks off or sends nonsense ends its own connection, nothing else.
                let _ended = serve(stream, acceptor).await;
            });
        }
    }
}

/// Answers every whole request that has been read with one write, then reads again.
async fn serve(stream: TcpStream, acceptor: TlsAcceptor) -> std::io::Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut input = Vec::with_capacity(16 * 1024);
    let mut output = Vec::new();
    while stream.read_buf(&mut input).await? > 0 {
        let mut used = 0;
        output.clear();
        while let Some(length) = request_length(&input[used..])? {
            used += length;
            output.extend_from_slice(ANSWER);
        }
        input.drain(..used);
        if !output.is_empty() {
            stream.write_all(&output).await?;
            stream.flush().await?;
        }
    }
    stream.shutdown().await
}

/// The bytes of the first request in `input`, if all of them are there.
fn request_length(input: &[u8]) -> std::io::Result<Option<usize>> {
    let too_large = || std::io::Error::other("the request is too large");
    let mut lines = 0;
    let mut body = 0;
    while let Some(end) = input[lines..].iter().position(|byte| *byte == b'\n') {
        let line = input[lines..lines + end].trim_ascii();
        lines += end + 1;
        if line.is_empty() {
            let length = lines + body;
            return Ok((length <= input.len()).then_some(length));
        }
        if let Some(value) = content_length(line) {
            body = value.filter(|body| *body <= LARGEST_BODY).ok_or_else(too_large)?;
        }
    }
    if input.len() > LARGEST_HEAD { Err(too_large()) } else { Ok(None) }
}

/// The value of a line if it is a Content-Length; the inner none is not a number.
fn content_length(line: &[u8]) -> Option<Option<usize>> {
    const NAME: &[u8] = b"content-length:";
    let (name, value) = line.split_at_checked(NAME.len())?;
    if !name.eq_ignore_ascii_case(NAME) {
        return None;
    }
    Some(std::str::from_utf8(value.trim_ascii()).ok().and_then(|value| value.parse().ok()))
}

#[cfg(test)]
mod tests;
