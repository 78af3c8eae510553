//! A minimal HTTP/1.1 client: pipelined requests, answers with a Content-Length.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::arrivals::{Arrivals, Next};
use crate::connection;
use crate::error::Error;
use crate::recorder::Shared;
use crate::target::Target;
use crate::workload::Requests;

/// Bytes of answers that a connection may hold unread.
const BUFFER: usize = 64 * 1024;
/// The largest answer that is understood.
const LARGEST: usize = 16 * 1024 * 1024;

/// A connection and the bytes read from it that no answer has used yet.
pub(crate) struct Connection {
    stream: TlsStream<TcpStream>,
    input: Vec<u8>,
    used: usize,
}

/// An answer; its parts are ranges of the bytes read.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    transaction: Option<Range<usize>>,
    body: Range<usize>,
}

impl Connection {
    pub(crate) async fn open(target: &Target) -> Result<Self, Error> {
        let stream = connection::open(target, &target.http1).await?;
        Ok(Self { stream, input: Vec::with_capacity(BUFFER), used: 0 })
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.stream.write_all(bytes).await.map_err(Error::io("sending"))?;
        self.stream.flush().await.map_err(Error::io("sending"))
    }

    /// Reads what is there, at least one byte. May be dropped at any point without loss.
    pub(crate) async fn fill(&mut self) -> Result<(), Error> {
        if self.used == self.input.len() {
            self.input.clear();
        } else {
            self.input.drain(..self.used);
        }
        self.used = 0;
        if self.input.len() > LARGEST {
            return Err(Error::Answer("larger than this client reads"));
        }
        match self.stream.read_buf(&mut self.input).await {
            Ok(0) => Err(Error::Closed),
            Ok(_) => Ok(()),
            Err(error) => Err(Error::io("receiving")(error)),
        }
    }

    /// The next whole answer among the bytes read.
    pub(crate) fn next(&mut self) -> Result<Option<Answer>, Error> {
        let answer = parse(&self.input, self.used)?;
        if let Some(answer) = &answer {
            self.used = answer.body.end;
        }
        Ok(answer)
    }

    /// One request, one answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Answer, Error> {
        self.send(request).await?;
        loop {
            self.fill().await?;
            if let Some(answer) = self.next()? {
                return Ok(answer);
            }
        }
    }

    /// The body of the answer that was returned last.
    pub(crate) fn body(&self, answer: &Answer) -> &[u8] {
        &self.input[answer.body.clone()]
    }

    /// The transaction id of the answer that was returned last.
    pub(crate) fn transaction(&self, answer: &Answer) -> Option<String> {
        let bytes = &self.input[answer.transaction.clone()?];
        String::from_utf8(bytes.to_vec()).ok()
    }
}

/// Reads the answer that begins at `from`, if all of it is there.
fn parse(input: &[u8], from: usize) -> Result<Option<Answer>, Error> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let head = match response.parse(&input[from..]) {
        Ok(httparse::Status::Complete(head)) => head,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Error::Answer("not HTTP/1.1")),
    };
    let status = response.code.ok_or(Error::Answer("no status"))?;
    let mut length = None;
    let mut transaction = None;
    for header in response.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            let text = std::str::from_utf8(header.value).ok();
            length =
                Some(text.and_then(|text| text.parse::<usize>().ok()).ok_or(Error::Answer("ill length"))?);
        } else if header.name.eq_ignore_ascii_case("x-ms-ccf-transaction-id") {
            let start = header.value.as_ptr().addr() - input.as_ptr().addr();
            transaction = Some(start..start + header.value.len());
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(Error::Answer("chunked"));
        }
    }
    let length = match (length, status) {
        (Some(length), _) if length > LARGEST => return Err(Error::Answer("larger than this client reads")),
        (Some(length), _) => length,
        (None, 204 | 304) => 0,
        (None, _) => return Err(Error::Answer("no length")),
    };
    let body = from + head..from + head + length;
    Ok((body.end <= input.len()).then_some(Answer { status, transaction, body }))
}

/// Sends requests as they are due, up to `depth` in flight, until there are no more.
pub(crate) async fn drive(
    mut connection: Connection,
    mut requests: Requests,
    arrivals: Arrivals,
    recorder: Shared,
    depth: usize,
) -> Result<(), Error> {
    let mut line = Line { waiting: VecDeque::with_capacity(depth), fresh: 0, out: Vec::new(), open: true };
    loop {
        while line.open && line.waiting.len() < depth {
            match arrivals.next() {
                Next::At(intended) => line.push(Some(intended), &mut requests),
                Next::Later => break,
                Next::Done => line.open = false,
            }
        }
        line.send(&mut connection, &recorder).await?;
        if line.waiting.is_empty() {
            if !line.open {
                return Ok(());
            }
            line.push(arrivals.wait().await, &mut requests);
            continue;
        }
        if line.open && line.waiting.len() < depth {
            tokio::select! {
                biased;
                filled = connection.fill() => filled?,
                intended = arrivals.wait() => {
                    line.push(intended, &mut requests);
                    continue;
                }
            }
        } else {
            connection.fill().await?;
        }
        let now = Instant::now();
        while let Some(answer) = connection.next()? {
            let intended = line.waiting.pop_front().ok_or(Error::Answer("nobody asked"))?;
            recorder.borrow_mut().answered(intended, now, answer.status);
        }
    }
}

/// Requests in flight, oldest first, and the bytes of those not yet sent.
struct Line {
    waiting: VecDeque<Instant>,
    fresh: usize,
    out: Vec<u8>,
    open: bool,
}

impl Line {
    /// Adds a request that was due at `intended`; none is the end.
    fn push(&mut self, intended: Option<Instant>, requests: &mut Requests) {
        let Some(intended) = intended else {
            self.open = false;
            return;
        };
        let request = requests.draw();
        requests.encode(request, &mut self.out);
        self.waiting.push_back(intended);
        self.fresh += 1;
    }

    async fn send(&mut self, connection: &mut Connection, recorder: &Shared) -> Result<(), Error> {
        if self.fresh == 0 {
            return Ok(());
        }
        connection.send(&self.out).await?;
        let now = Instant::now();
        let mut recorder = recorder.borrow_mut();
        for intended in self.waiting.iter().skip(self.waiting.len() - self.fresh) {
            recorder.sent(*intended, now);
        }
        self.fresh = 0;
        self.out.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
