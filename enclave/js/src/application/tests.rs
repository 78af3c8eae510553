//! Calls of applications, from a request to its response.

use std::{sync::Arc, time::Instant};

use coco_app::{
    Adapter as _, Chain, ClientCertificate, Context, Headers, Historical, Index, InterfaceName, Lookup,
    Method, Mode, Origin, Peer, Reject, Request, Response, Services,
};
use coco_boundary::Log;
use coco_crypto::{Entropy as _, SystemEntropy};
use coco_kv::{Store, Tx};
use coco_wire::{Digest, Seqno, TableName, TxId, View};
use serde_json::{Value, json};

use super::{Application, Senses};

mod check;
mod historical;
mod hostile;
mod printed;
mod requests;
mod reuse;
mod routes;
mod speed;
mod undone;

/// A node with one application and one table of users.
struct Node {
    store: Store,
    seqno: u64,
    app: Application,
    history: Vec<Arc<Historical>>,
}

/// What came of a request.
struct Answer {
    response: Response,
    claims: Option<Digest>,
}

impl Node {
    /// A node whose members installed `module` with these endpoints: method, path, function, and what differs from a
    /// read-write endpoint for everyone.
    fn new(module: &str, endpoints: &[(&str, &str, &str, Value)]) -> Self {
        let start = Instant::now();
        let app = Application::new(Senses {
            elapsed: Arc::new(move || u64::try_from(start.elapsed().as_millis()).unwrap()),
            entropy: Arc::new(SystemEntropy),
            script_stack_bytes: 512 << 10,
            log: Log::discard(),
        });
        let mut node = Self { store: Store::new(), seqno: 0, app, history: Vec::new() };
        node.install(module, endpoints);
        node
    }

    fn install(&mut self, module: &str, endpoints: &[(&str, &str, &str, Value)]) {
        self.put("modules", "/app.js", module.as_bytes());
        for (method, path, function, differs) in endpoints {
            let mut properties = json!({
                "js_module": "/app.js", "js_function": function, "forwarding_required": "sometimes",
                "authn_policies": [], "mode": "readwrite", "openapi": {},
            });
            for (name, value) in differs.as_object().into_iter().flatten() {
                properties[name] = value.clone();
            }
            self.put("endpoints", &format!("{method} {path}"), properties.to_string().as_bytes());
        }
    }

    /// Writes a row of governance.
    fn put(&mut self, table: &str, key: &str, value: &[u8]) {
        let mut tx = Tx::new(self.store.latest());
        tx.put(&TableName::new(&format!("public:ccf.gov.{table}")), key.as_bytes(), value);
        self.commit(tx);
    }

    fn options(&mut self, options: &Value) {
        self.put("js_runtime_options", "\0\0\0\0\0\0\0\0", options.to_string().as_bytes());
    }

    fn commit(&mut self, tx: Tx) {
        self.seqno += 1;
        self.store.commit(Seqno(self.seqno), &tx.finish()).ok().unwrap();
    }

    fn ask(&mut self, line: &str, body: &str) -> Answer {
        self.ask_as(None, line, &[], body)
    }

    /// Asks with this certificate and these header fields; writes are committed if they are to be kept.
    fn ask_as(
        &mut self,
        certificate: Option<&[u8]>,
        line: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let (method, target) = line.split_once(' ').unwrap();
        let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let request = Request::new(
            Method::parse(method.as_bytes()).unwrap(),
            target.to_owned(),
            Headers::from_pairs(headers),
            body.as_bytes().to_vec().into(),
        );
        let peer = Peer {
            interface: InterfaceName::new("primary"),
            certificate: certificate.map(|der| ClientCertificate::from_der(der).unwrap()),
            session: None,
        };
        let state = self.store.latest();
        let origin =
            Origin { peer: &peer, offers: &|_| true, redirect: &|_, _| None, state: &state, now_ms: NOW_MS };
        let plan = match self.app.decode(request, &origin) {
            Ok(plan) => plan,
            Err(response) => return Answer { response, claims: None },
        };
        let mut tx = Tx::new(state);
        let services = TestServices::of(self);
        let historical = match plan.mode {
            Mode::Historical(txid) => self.history.iter().find(|it| it.txid == txid).cloned(),
            _ => None,
        };
        let mut cx = Context::new(&mut tx, &services, historical);
        let answer = match plan.mode {
            Mode::Execute => self.app.execute(&plan.calls[0], &mut cx),
            _ => self.app.query(&plan.calls[0], &mut cx),
        };
        let response = self.app.encode(&[], vec![answer.unwrap_or_else(Response::from)]);
        let keep = cx.keep_writes.unwrap_or(response.status.is_success());
        let claims = cx.claims;
        if plan.mode == Mode::Execute && keep && !tx.is_read_only() {
            self.commit(tx);
        }
        Answer { response, claims }
    }
}

/// 2027-01-15
const NOW_MS: u64 = 1_800_000_000_000;

impl Answer {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.response.body).into_owned()
    }

    /// Status and body, or the message of an error.
    fn summary(&self) -> String {
        let json: Option<Value> = serde_json::from_slice(&self.response.body).ok();
        let message = json.as_ref().and_then(|json| json["error"]["message"].as_str());
        format!("{} {}", self.response.status.0, message.map_or_else(|| self.text(), str::to_owned))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.response.headers.iter().find(|(other, _)| other == name).map(|(_, value)| &**value)
    }
}

struct TestServices {
    chain: Chain,
    history: Vec<Arc<Historical>>,
}

impl TestServices {
    fn of(node: &Node) -> Self {
        let latest = TxId { view: View(2), seqno: Seqno(node.seqno) };
        let chain = Chain { views: Arc::new([(View(2), Seqno(1))]), committed: latest, latest };
        Self { chain, history: node.history.clone() }
    }
}

impl Services for TestServices {
    fn chain(&self) -> &Chain {
        &self.chain
    }

    fn now_ms(&self) -> u64 {
        NOW_MS
    }

    fn fill_random(&self, out: &mut [u8]) {
        SystemEntropy.fill(out);
    }

    fn history(&self, seqnos: &[Seqno]) -> Result<Lookup<Vec<Arc<Historical>>>, Reject> {
        let find = |seqno: &Seqno| self.history.iter().find(|it| it.txid.seqno == *seqno).cloned();
        Ok(seqnos.iter().map(find).collect::<Option<_>>().map_or(Lookup::Loading, Lookup::Found))
    }

    fn index(&self, _: &str) -> Option<&dyn Index> {
        None
    }

    fn root(&self) -> Digest {
        Digest::ZERO
    }
}

/// Asks an endpoint whose function is `body` and compares.
fn check(body: &str, line: &str, sent: &str, expected: &str) {
    let module = format!("export function f(request) {{ {body} }}");
    let endpoints = ["GET", "POST"].map(|method| (method, "/f/{id}", "f", json!({})));
    let answer = Node::new(&module, &endpoints).ask(line, sent);
    assert_eq!(answer.summary(), expected, "{body}");
}
