//! Which requests a connection sends, and their bytes.

use std::borrow::Cow;
use std::io::Write;

use bytes::Bytes;

use crate::error::Error;
use crate::plan::{Follow, Mode, Plan};

/// One request, before it has bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Request {
    /// Stores a message under a key.
    Write(u64),
    /// Stores as many messages as the plan has in a batch, under keys that follow from this seed.
    WriteBatch(u64),
    /// Reads the message of a key.
    Read(u64),
}

/// An endless stream of requests for one connection.
pub(crate) struct Requests {
    random: Random,
    /// Share of reads, from 0 to 1.
    reads: f64,
    keys: u64,
    batch: usize,
    path: &'static str,
    authority: String,
    prefer: Option<String>,
    message: String,
}

impl Requests {
    /// `number` tells connections of one run apart.
    pub(crate) fn new(plan: &Plan, authority: &str, number: usize) -> Self {
        let mut random = Random::new(plan.seed, number as u64);
        let message = random.message(plan.value);
        let reads = match plan.mode {
            Mode::Read => 1.0,
            Mode::Mixed => plan.reads,
            Mode::Write | Mode::Commit(_) | Mode::Handshake => 0.0,
        };
        let prefer = match plan.mode {
            Mode::Commit(Follow::Wait { seconds }) => Some(format!("wait={seconds}")),
            _ => None,
        };
        let authority = authority.to_owned();
        let (keys, batch, path) = (plan.keys, plan.batch, plan.table.path());
        Self { random, reads, keys, batch, path, authority, prefer, message }
    }

    pub(crate) fn draw(&mut self) -> Request {
        let read = self.random.share() < self.reads;
        if !read && self.batch > 1 {
            return Request::WriteBatch(self.random.next());
        }
        let key = self.random.below(self.keys);
        if read { Request::Read(key) } else { Request::Write(key) }
    }

    /// Appends the HTTP/1.1 form of `request` to `out`.
    pub(crate) fn encode(&self, request: Request, out: &mut Vec<u8>) {
        let (authority, path) = (&self.authority, self.path(request));
        let Some(body) = self.body(request) else {
            return write(out, format_args!("GET {path} HTTP/1.1\r\nhost: {authority}\r\n\r\n"));
        };
        let length = body.len();
        write(
            out,
            format_args!(
                "POST {path} HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n"
            ),
        );
        if let Some(prefer) = &self.prefer {
            write(out, format_args!("prefer: {prefer}\r\n"));
        }
        write(out, format_args!("\r\n{body}"));
    }

    fn path(&self, request: Request) -> Cow<'static, str> {
        match request {
            Request::Write(_) => self.path.into(),
            Request::WriteBatch(_) => format!("{}/batch", self.path).into(),
            Request::Read(key) => format!("{}?id={key}", self.path).into(),
        }
    }

    /// What `request` writes, in JSON.
    fn body(&self, request: Request) -> Option<String> {
        let message = &self.message;
        let record = |key: u64| format!("{{\"id\":{key},\"msg\":\"{message}\"}}");
        match request {
            Request::Read(_) => None,
            Request::Write(key) => Some(record(key)),
            Request::WriteBatch(seed) => {
                let mut random = Random(seed);
                let records: Vec<String> = (0..self.batch).map(|_| record(random.below(self.keys))).collect();
                Some(format!("[{}]", records.join(",")))
            }
        }
    }

    /// The HTTP/1.1 question whether a transaction is committed.
    pub(crate) fn encode_status(&self, transaction: &str, out: &mut Vec<u8>) {
        let authority = &self.authority;
        write(
            out,
            format_args!("GET /app/tx?transaction_id={transaction} HTTP/1.1\r\nhost: {authority}\r\n\r\n"),
        );
    }

    /// The HTTP/2 form of `request`: its head and, for a write, its body.
    pub(crate) fn head(&self, request: Request) -> Result<(http::Request<()>, Option<Bytes>), Error> {
        let uri = format!("https://{}{}", self.authority, self.path(request));
        let body = self.body(request);
        let mut builder = http::Request::builder().uri(uri);
        if body.is_some() {
            builder = builder.method("POST").header("content-type", "application/json");
        }
        let head = builder.body(()).map_err(|_| Error::Plan("the address does not fit into a request"))?;
        Ok((head, body.map(Bytes::from)))
    }
}

fn write(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to memory does not fail");
}

/// SplitMix64: reproducible from a seed, cheap, and good enough to spread keys.
struct Random(u64);

impl Random {
    fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(limit);
        u64::try_from(product >> 64).expect("the high half of a product of two u64")
    }

    fn message(&mut self, length: usize) -> String {
        const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";
        (0..length).map(|_| char::from(LETTERS[(self.next() >> 59) as usize])).collect()
    }

    /// Uniform from 0 up to, not including, 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests;
