//! A REST adapter from the outside: which requests it accepts, whom it believes and what it plans.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod openapi;
mod policies;
mod requests;
mod standard;
mod tokens;

use bytes::Bytes;
use coco_app::{
    Adapter as _, ApiInfo, ClientCertificate, Endpoint, Headers, InterfaceName, Manifest, Method, Origin,
    Peer, Plan, Request, Response, RestAdapter, Status,
};
use coco_kv::{Store, Tx};
use coco_wire::{Seqno, TableName};

/// When everything here happens, in Unix seconds.
const NOW_S: i64 = 1_800_000_000;

fn adapter(endpoints: impl IntoIterator<Item = Endpoint>) -> RestAdapter {
    let info = ApiInfo { mount: "/app", title: "Test", description: "", version: "1.0.0" };
    endpoints.into_iter().fold(RestAdapter::new(Manifest::default(), info), RestAdapter::with)
}

/// An endpoint that answers 200.
fn endpoint(method: Method, path: &'static str) -> Endpoint {
    Endpoint::write(method, path, &[], |_, _| Ok(Response::empty(Status::OK)))
}

/// A request such as `GET /app/log?id=1`.
fn request(line: &str, headers: &[(&str, &str)], body: &[u8]) -> Request {
    let (method, target) = line.split_once(' ').unwrap();
    let method = Method::parse(method.as_bytes()).unwrap();
    let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    Request::new(method, target.into(), Headers::from_pairs(headers), Bytes::copy_from_slice(body))
}

/// A store with these rows: table, key, value.
fn store(rows: &[(&str, &str, &str)]) -> Store {
    let mut store = Store::new();
    let mut tx = Tx::new(store.latest());
    for (table, key, value) in rows {
        tx.put(&TableName::new(table), key.as_bytes(), value.as_bytes());
    }
    store.commit(Seqno(1), &tx.finish()).unwrap();
    store
}

/// What the adapter makes of a request over a connection with this certificate, on an interface that offers what
/// `offers` says.
fn decode_at(
    adapter: &RestAdapter,
    request: Request,
    store: &Store,
    certificate: Option<&[u8]>,
    offers: &dyn Fn(&str) -> bool,
) -> Result<Plan, Response> {
    let peer = Peer {
        interface: InterfaceName::new("primary"),
        certificate: certificate.map(|der| ClientCertificate::from_der(der).unwrap()),
        session: None,
    };
    let state = store.latest();
    let now_ms = u64::try_from(NOW_S).unwrap() * 1000;
    adapter.decode(request, &Origin { peer: &peer, offers, redirect: &|_, _| None, state: &state, now_ms })
}

/// The same without certificate, where everything is offered.
fn decode(adapter: &RestAdapter, request: Request) -> Result<Plan, Response> {
    decode_at(adapter, request, &Store::new(), None, &|_| true)
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
}

fn body(response: &Response) -> String {
    String::from_utf8(response.body.clone()).unwrap()
}
