//! New mutual TLS handshakes, one after another.

use std::rc::Rc;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::arrivals::Arrivals;
use crate::connection;
use crate::error::Error;
use crate::recorder::Shared;
use crate::target::Target;

/// Counted for a completed handshake, as a good status would be.
const DONE: u16 = 200;

/// Makes handshakes as they are due, until there are no more.
pub(crate) async fn drive(target: Rc<Target>, arrivals: Arrivals, recorder: Shared) -> Result<(), Error> {
    while let Some(intended) = arrivals.wait().await {
        recorder.borrow_mut().sent(intended, Instant::now());
        whole(&target).await?;
        recorder.borrow_mut().answered(intended, Instant::now(), DONE);
    }
    Ok(())
}

/// In TLS 1.3 the client is done before the server has checked its certificate; only the server's end of
/// stream, or its alert, tells that it has.
async fn whole(target: &Target) -> Result<(), Error> {
    let mut stream = connection::open(target, &target.http1).await?;
    stream.shutdown().await.map_err(Error::io("closing"))?;
    match stream.read(&mut [0; 64]).await {
        Ok(0) => Ok(()),
        Ok(_) => Err(Error::Answer("bytes that nobody asked for")),
        // The server may drop the connection without a closing message: it had read ours, so it was done.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(()),
        Err(error) => Err(Error::io("handshake")(error)),
    }
}
