//! Requests over HTTP/2: a fixed number of streams in flight on a connection.

use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;
use h2::client::SendRequest;

use crate::arrivals::Arrivals;
use crate::connection;
use crate::error::Error;
use crate::recorder::Shared;
use crate::target::Target;
use crate::workload::{Request, Requests};

/// An HTTP/2 connection whose frames move on a task of their own.
pub(crate) struct Connection(SendRequest<Bytes>);

impl Connection {
    pub(crate) async fn open(target: &Target) -> Result<Self, Error> {
        let stream = connection::open(target, &target.http2).await?;
        let (sender, frames) = h2::client::handshake(stream).await?;
        tokio::task::spawn_local(async move {
            // An error here also ends every stream, and is counted there.
            let _ended = frames.await;
        });
        Ok(Self(sender))
    }
}

/// Sends requests as they are due, up to `streams` in flight, until there are no more.
pub(crate) async fn drive(
    connection: Connection,
    requests: Requests,
    arrivals: Arrivals,
    recorder: Shared,
    streams: usize,
) -> Result<(), Error> {
    let requests = Rc::new(std::cell::RefCell::new(requests));
    let mut lanes = tokio::task::JoinSet::new();
    for _ in 0..streams {
        let (sender, requests) = (connection.0.clone(), Rc::clone(&requests));
        let (arrivals, recorder) = (arrivals.clone(), Rc::clone(&recorder));
        lanes.spawn_local(async move {
            let mut sender = sender;
            while let Some(intended) = arrivals.wait().await {
                let request = requests.borrow_mut().draw();
                let (head, body) = requests.borrow().head(request)?;
                sender = sender.ready().await?;
                let (answer, mut upload) = sender.send_request(head, matches!(request, Request::Read(_)))?;
                if let Some(body) = body {
                    upload.send_data(body, true)?;
                }
                recorder.borrow_mut().sent(intended, Instant::now());
                let answer = answer.await?;
                let status = answer.status().as_u16();
                discard(answer.into_body()).await?;
                recorder.borrow_mut().answered(intended, Instant::now(), status);
            }
            Ok(())
        });
    }
    while let Some(lane) = lanes.join_next().await {
        lane.unwrap_or(Err(Error::Thread))?;
    }
    Ok(())
}

/// Reads a body to its end and gives its room back to the sender.
async fn discard(mut body: h2::RecvStream) -> Result<(), Error> {
    while let Some(chunk) = body.data().await {
        let length = chunk?.len();
        body.flow_control().release_capacity(length)?;
    }
    Ok(())
}
