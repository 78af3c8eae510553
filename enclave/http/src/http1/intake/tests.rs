use bytes::BufMut;
use coco_app::Method;
use proptest::prelude::*;

use super::*;

/// One request as the intake saw it.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    method: Method,
    target: String,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    close: bool,
}

/// What comes out when `bytes` arrive in pieces that end at `cuts`.
fn feed(limits: Limits, bytes: &[u8], cuts: &[usize]) -> (Vec<Seen>, bool) {
    let mut intake = Intake::new(limits);
    let mut seen = Vec::new();
    let mut start = 0;
    for end in cuts.iter().copied().chain([bytes.len()]) {
        intake.room().put_slice(&bytes[start..end]);
        start = end;
        loop {
            match intake.next() {
                Ok(Some(Incoming { request, close, .. })) => seen.push(Seen {
                    method: request.method,
                    target: request.target().to_owned(),
                    fields: request.headers.iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect(),
                    body: request.body.to_vec(),
                    close,
                }),
                Ok(None) => break,
                Err(_) => return (seen, true),
            }
        }
    }
    (seen, false)
}

/// A valid request and how it is written.
fn request() -> impl Strategy<Value = (Seen, Vec<u8>)> {
    let method =
        prop_oneof![Just(Method::Get), Just(Method::Post), Just(Method::Delete), Just(Method::Options)];
    let fields = prop::collection::vec(("x-[a-zA-Z0-9]{1,12}", "([!-~]([ -~]{0,20}[!-~])?)?"), 0..40);
    let body = prop::collection::vec(any::<u8>(), 0..300);
    let chunks = prop::option::of(prop::collection::vec(1usize..100, 1..8));
    (method, "/[a-z0-9/?=&%._-]{0,40}", fields, body, chunks, any::<bool>()).prop_map(
        |(method, target, fields, body, chunks, close)| {
            let mut fields: Vec<_> =
                fields.into_iter().map(|(name, value)| (name.into_bytes(), value.into_bytes())).collect();
            let mut written_body = Vec::new();
            let field = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
            match chunks {
                Some(sizes) => {
                    fields.push(field("Transfer-Encoding", "chunked"));
                    let mut rest = &body[..];
                    for size in sizes.iter().cycle() {
                        let (chunk, tail) = rest.split_at((*size).min(rest.len()));
                        written_body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                        written_body.extend_from_slice(chunk);
                        written_body.extend_from_slice(b"\r\n");
                        rest = tail;
                        if chunk.is_empty() {
                            break;
                        }
                    }
                }
                None => {
                    if !body.is_empty() {
                        fields.push(field("content-length", &body.len().to_string()));
                    }
                    written_body.clone_from(&body);
                }
            }
            if close {
                fields.push(field("Connection", "keep-alive, Close"));
            }
            let mut bytes = format!("{method} {target} HTTP/1.1\r\n").into_bytes();
            for (name, value) in &fields {
                bytes.extend([name.as_slice(), b": ", value, b"\r\n"].concat());
            }
            bytes.extend_from_slice(b"\r\n");
            bytes.extend(written_body);
            (Seen { method, target, fields, body, close }, bytes)
        },
    )
}

fn stream() -> impl Strategy<Value = (Vec<Seen>, Vec<u8>)> {
    prop::collection::vec(request(), 1..6).prop_map(|requests| {
        let bytes = requests.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        (requests.into_iter().map(|(seen, _)| seen).collect(), bytes)
    })
}

fn cuts(length: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..=length, 0..20).prop_map(|mut cuts| {
        cuts.sort_unstable();
        cuts
    })
}

fn cut_stream() -> impl Strategy<Value = (Vec<Seen>, Vec<u8>, Vec<usize>)> {
    stream().prop_flat_map(|(seen, bytes)| {
        let length = bytes.len();
        (Just(seen), Just(bytes), cuts(length))
    })
}

fn small() -> Limits {
    Limits { max_body_size: 200, max_header_size: 16, max_headers_count: 8, ..Limits::default() }
}

proptest! {
    #[test]
    fn requests_do_not_depend_on_how_their_bytes_are_cut((requests, bytes, cuts) in cut_stream()) {
        prop_assert_eq!(feed(Limits::default(), &bytes, &cuts), (requests, false));
    }

    #[test]
    fn one_wrong_byte_is_judged_alike_however_cut(
        (_, mut bytes, cuts) in cut_stream(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        bytes.truncate(SHORT);
        let place = place.index(bytes.len());
        bytes[place] = byte;
        let cuts: Vec<_> = cuts.into_iter().filter(|cut| *cut <= bytes.len()).collect();
        for limits in [Limits::default(), small()] {
            prop_assert_eq!(feed(limits, &bytes, &cuts), feed(limits, &bytes, &[]));
        }
    }

    #[test]
    fn no_bytes_panic(
        bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), prop::sample::select(&b"GET / HTTP/1.1\r\n:0aA"[..])], 0..600),
        prefix in prop::sample::select(vec!["", "GET / HTTP/1.1\r\n", "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"]),
    ) {
        let bytes = [prefix.as_bytes(), &bytes].concat();
        let every: Vec<_> = (0..bytes.len()).collect();
        prop_assert_eq!(feed(small(), &bytes, &every), feed(small(), &bytes, &[]));
    }
}

/// Bytes below which every prefix is parsed.
const SHORT: usize = 1 << 10;

#[test]
fn a_head_that_arrives_byte_by_byte_is_read() {
    let fields: String = (0..100).map(|n| format!("x-{n}: {}\r\n", "v".repeat(200))).collect();
    let bytes = format!("GET /slow HTTP/1.1\r\n{fields}\r\n");
    let every: Vec<_> = (0..bytes.len()).collect();
    let (seen, refused) = feed(Limits::default(), bytes.as_bytes(), &every);
    assert_eq!((seen.len(), seen[0].fields.len(), refused), (1, 100, false));
}

#[test]
fn the_buffer_of_a_large_body_is_given_back() {
    let mut intake = Intake::new(Limits::default());
    let body = vec![b'x'; 1 << 20];
    let head = format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n", body.len());
    for piece in [head.as_bytes(), &body].concat().chunks(READ) {
        intake.room().put_slice(piece);
        if let Ok(Some(incoming)) = intake.next() {
            assert_eq!(incoming.request.body, body);
        }
    }
    assert!(intake.next().is_ok_and(|next| next.is_none()) && intake.is_idle());
    assert!(intake.room().capacity() <= BUFFER);
}
