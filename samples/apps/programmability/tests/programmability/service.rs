//! A service in memory: the application over a store, everything committed as soon as it has its place.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use coco_app::{
    Adapter as _, Chain, ClientCertificate, Context, Headers, Historical, Index, InterfaceName, Lookup,
    Method, Mode, Origin, Peer, Reject, Request, Response, Services,
};
use coco_boundary::Log;
use coco_crypto::{
    Curve, EcKey, Signer as _, SystemEntropy,
    cose::CoseAlgorithm,
    x509::{Certificate, Name, UnixTime, Validity, issue_participant},
};
use coco_js::{Application, Senses};
use coco_kv::{Reader as _, Store, Tx};
use coco_wire::{
    Digest, Seqno, TableName,
    cbor::Cbor,
    cose::{self, Headers as CoseHeaders},
};
use serde_json::{Value, json};

pub(crate) const NOW_S: i64 = 1_800_000_000;

pub(crate) struct Person {
    key: EcKey,
    pub(crate) certificate: Certificate,
}

impl Person {
    pub(crate) fn new() -> Self {
        let key = EcKey::generate(Curve::P384, &SystemEntropy);
        let validity = Validity::days(UnixTime(NOW_S - 86_400), 365).unwrap();
        let certificate = issue_participant(&key, &Name::common("user").unwrap(), validity, &SystemEntropy);
        Self { key, certificate }
    }

    pub(crate) fn id(&self) -> String {
        self.certificate.fingerprint().to_hex()
    }

    /// Signs `payload` as a message of this type and time.
    pub(crate) fn sign(&self, message_type: &str, created_at_s: Option<i64>, payload: &Value) -> Vec<u8> {
        let id = self.id();
        let mut headers = vec![
            (Cbor::Int(cose::ALG), Cbor::Int(CoseAlgorithm::of(self.key.public_key()).label())),
            (Cbor::Int(cose::KID), Cbor::Bytes(id.as_bytes())),
            (Cbor::Text("app.msg.type"), Cbor::Text(message_type)),
        ];
        if let Some(created_at_s) = created_at_s {
            headers.push((Cbor::Text("app.msg.created_at"), Cbor::Int(created_at_s)));
        }
        let (protected, payload) = (CoseHeaders::new(headers).encode(), payload.to_string());
        let content = cose::to_be_signed(&protected, payload.as_bytes());
        let signature = self.key.sign(&content).into_fixed();
        cose::encode(&protected, &CoseHeaders::empty(), Some(payload.as_bytes()), &signature)
    }
}

/// The application over a store: an admin with a role, and a user who is neither.
pub(crate) struct Service {
    app: Application,
    pub(crate) store: Store,
    pub(crate) admin: Person,
    pub(crate) user: Person,
}

impl Service {
    pub(crate) fn new() -> Self {
        let start = Instant::now();
        let senses = Senses {
            elapsed: Arc::new(move || u64::try_from(start.elapsed().as_millis()).unwrap()),
            entropy: Arc::new(SystemEntropy),
            script_stack_bytes: 512 << 10,
            log: Log::discard(),
        };
        let app = coco_sample_programmability::adapter(senses);
        let service = Self { app, store: Store::new(), admin: Person::new(), user: Person::new() };
        let mut service = service;
        for person in [&service.admin, &service.user].map(|person| (person.id(), person.certificate.to_pem()))
        {
            service.write("public:ccf.gov.users.certs", &person.0, &person.1);
        }
        let (admin, data) =
            (service.admin.id(), json!({ "user_data": { "isAdmin": true, "roles": ["Reader"] } }));
        service.write("public:ccf.gov.users.info", &admin, &data.to_string());
        service
    }

    /// Writes a row behind the application's back.
    pub(crate) fn write(&mut self, table: &str, key: &str, value: &str) {
        let mut tx = Tx::new(self.store.latest());
        tx.put(&TableName::new(table), key.as_bytes(), value.as_bytes());
        self.commit(tx);
    }

    fn commit(&mut self, tx: Tx) {
        let seqno = Seqno(self.store.version().0 + 1);
        self.store.commit(seqno, &tx.finish()).unwrap();
    }

    /// The only row of a table.
    pub(crate) fn only(&self, table: &str) -> Value {
        let row = self.store.latest().get(&TableName::new(table), &[0; 8]).unwrap();
        serde_json::from_slice(&row).unwrap()
    }

    pub(crate) fn admin(&mut self, line: &str, body: &Value) -> String {
        let certificate = self.admin.certificate.clone();
        self.send(Some(&certificate), line, &[], body.to_string().as_bytes())
    }

    pub(crate) fn user(&mut self, line: &str, body: &Value) -> String {
        let certificate = self.user.certificate.clone();
        self.send(Some(&certificate), line, &[], body.to_string().as_bytes())
    }

    pub(crate) fn anyone(&mut self, line: &str, body: &Value) -> String {
        self.send(None, line, &[], body.to_string().as_bytes())
    }

    pub(crate) fn signed(&mut self, line: &str, body: &[u8]) -> String {
        self.send(None, line, &[("content-type", "application/cose")], body)
    }

    /// Sends `line`, a method and a target. Status and body, or the message of an error.
    pub(crate) fn send(
        &mut self,
        shown: Option<&Certificate>,
        line: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> String {
        let (method, target) = line.split_once(' ').unwrap();
        let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let request = Request::new(
            Method::parse(method.as_bytes()).unwrap(),
            target.into(),
            Headers::from_pairs(headers),
            Bytes::copy_from_slice(body),
        );
        let peer = Peer {
            interface: InterfaceName::new("primary"),
            certificate: shown.map(|shown| ClientCertificate::from_der(shown.der()).unwrap()),
            session: None,
        };
        let state = self.store.latest();
        let now_ms = u64::try_from(NOW_S).unwrap() * 1000;
        let origin = Origin { peer: &peer, offers: &|_| true, redirect: &|_, _| None, state: &state, now_ms };
        let plan = match self.app.decode(request, &origin) {
            Ok(plan) => plan,
            Err(response) => return summary(&response),
        };
        let mut tx = Tx::new(state);
        let node = Node(Chain::default());
        let mut cx = Context::new(&mut tx, &node, None);
        let answer = match plan.mode {
            Mode::Execute => self.app.execute(&plan.calls[0], &mut cx),
            _ => self.app.query(&plan.calls[0], &mut cx),
        };
        let response = answer.unwrap_or_else(Response::from);
        if plan.mode == Mode::Execute && cx.keep_writes.unwrap_or(response.status.is_success()) {
            self.commit(tx);
        }
        summary(&self.app.encode(&[], vec![response]))
    }
}

fn summary(response: &Response) -> String {
    let json: Option<Value> = serde_json::from_slice(&response.body).ok();
    let message = json.as_ref().and_then(|json| json["error"]["message"].as_str());
    let body = message.map_or_else(|| String::from_utf8_lossy(&response.body).into_owned(), str::to_owned);
    format!("{} {body}", response.status.0)
}

struct Node(Chain);

impl Services for Node {
    fn chain(&self) -> &Chain {
        &self.0
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(NOW_S).unwrap() * 1000
    }

    fn fill_random(&self, out: &mut [u8]) {
        out.fill(0);
    }

    fn history(&self, _: &[Seqno]) -> Result<Lookup<Vec<Arc<Historical>>>, Reject> {
        Ok(Lookup::Loading)
    }

    fn index(&self, _: &str) -> Option<&dyn Index> {
        None
    }

    fn root(&self) -> Digest {
        Digest::ZERO
    }
}
