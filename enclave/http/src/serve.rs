//! A connection from its first byte to its last.

use coco_app::Peer;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use crate::{
    dispatch::{Overloaded, Session},
    gather::Gather,
    http1, http2,
    interface::{AppProtocol, Interface, Transport},
    tls,
};

/// Serves one connection of `interface` until it ends.
///
/// Runs in a tokio runtime with timers enabled; the future is `Send` if the stream is.
pub async fn serve<S>(stream: S, interface: &Interface, gather: &Gather)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Some(slot) = interface.admit() else { return };
    let overloaded = slot.over_soft_cap.then(|| Gather::new(Overloaded));
    let gather = overloaded.as_ref().unwrap_or(gather);
    let settings = &interface.settings;
    if settings.transport == Transport::Plain {
        let peer = Peer { interface: settings.name.clone(), certificate: None, session: None };
        speak(settings.protocol, stream, interface, gather, peer).await;
        return;
    }
    let handshake = interface.acceptor().accept(stream);
    let Ok(Ok(stream)) = timeout(settings.timeouts.handshake, handshake).await else { return };
    let (_, state) = stream.get_ref();
    let Ok(certificate) = tls::client_certificate(state) else { return };
    let protocol = match state.alpn_protocol() {
        Some(tls::ALPN_HTTP1 | tls::ALPN_HTTP1_0) if settings.protocol == AppProtocol::Http2 => return,
        Some(tls::ALPN_HTTP1 | tls::ALPN_HTTP1_0) => AppProtocol::Http1,
        Some(tls::ALPN_HTTP2) => AppProtocol::Http2,
        _ => settings.protocol,
    };
    let session = tls::channel_binding(state);
    let peer = Peer { interface: settings.name.clone(), certificate, session };
    speak(protocol, stream, interface, gather, peer).await;
}

async fn speak<S>(protocol: AppProtocol, stream: S, interface: &Interface, gather: &Gather, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let session = Session::new(peer);
    match protocol {
        AppProtocol::Http1 => http1::run(stream, interface, gather, session).await,
        AppProtocol::Http2 => http2::run(stream, interface, gather, session).await,
    }
}

#[cfg(test)]
mod tests;
