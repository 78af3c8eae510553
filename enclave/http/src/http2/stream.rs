//! The byte stream below HTTP/2: its first bytes checked, its activity seen.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What every HTTP/2 client sends first (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a client began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preface {
    Http2,
    Other,
}

/// Reads the preface; returns at the first byte that differs from it.
pub(super) async fn read_preface<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Preface> {
    let mut seen = [0; PREFACE.len()];
    let mut length = 0;
    while length < seen.len() {
        match stream.read(&mut seen[length..]).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            some => length += some,
        }
        if seen[..length] != PREFACE[..length] {
            return Ok(Preface::Other);
        }
    }
    Ok(Preface::Http2)
}

/// A stream that yields the preface once more, as the library reads it too, and says whether bytes have moved.
pub(super) struct Watched<S> {
    stream: S,
    replayed: usize,
    moved: Arc<AtomicBool>,
}

/// Whether bytes have moved.
pub(super) struct Activity(Arc<AtomicBool>);

impl Activity {
    /// Whether any have since it was asked last.
    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Relaxed)
    }
}

impl<S> Watched<S> {
    /// `stream`, from which the preface was read.
    pub(super) fn after_preface(stream: S) -> (Self, Activity) {
        let moved = Arc::new(AtomicBool::new(true));
        (Self { stream, replayed: 0, moved: Arc::clone(&moved) }, Activity(moved))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let again = &PREFACE[self.replayed..];
        if !again.is_empty() {
            let length = again.len().min(buffer.remaining());
            buffer.put_slice(&again[..length]);
            self.replayed += length;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.moved.store(true, Relaxed);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.moved.store(true, Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, slices))?;
        self.moved.store(true, Relaxed);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
