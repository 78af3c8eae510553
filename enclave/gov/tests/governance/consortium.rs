//! A service of one store, its members, and how they talk to it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use coco_app::{
    Adapter, ClientCertificate, Context, InterfaceName, Method, Mode, NodeRequests, Origin, Peer, Request,
    Response, RestAdapter, Status,
    request::{Headers, media},
};
use coco_crypto::{
    Certificate, Curve, EcKey, LedgerSecret, RsaKey, Signer, SystemEntropy,
    rsa::RsaBits,
    x509::{Name, UnixTime, Validity, issue_participant, issue_self_signed},
};
use coco_gov::{Authority, NewestSecrets, adapter};
use coco_kv::{Conflict, Executed, Store, Tx};
use coco_tables::{
    Tables,
    members::{MemberAck, MemberInfo, MemberStatus, RecoveryRole},
    service::{ServiceConfig, ServiceInfo, ServiceStatus},
};
use coco_wire::{
    Digest, Seqno, TxId, View,
    cbor::Cbor,
    cose::{self, Headers as CoseHeaders},
};
use serde_json::{Value, json};

use crate::{
    console,
    offered::{Node, Offered},
};

/// What the host's clock says.
pub(crate) const NOW_S: i64 = 1_761_669_648;
/// Each look at the clock takes this long, so that endless scripts end soon.
const TICK_MS: u64 = 20;

/// A member with both keys.
pub(crate) struct Member {
    pub(crate) key: EcKey,
    pub(crate) certificate: Certificate,
    pub(crate) encryption: &'static RsaKey,
    pub(crate) id: Digest,
}

impl Member {
    /// The member of this number. Members of different tests share encryption keys, which are slow to make.
    pub(crate) fn new(number: usize) -> Self {
        static KEYS: [OnceLock<RsaKey>; 4] = [const { OnceLock::new() }; 4];
        let encryption = KEYS[number].get_or_init(|| RsaKey::generate(RsaBits::B2048));
        let key = EcKey::generate(Curve::P384, &SystemEntropy);
        let validity = Validity::days(UnixTime(NOW_S), 365).unwrap();
        let name = Name::common(&format!("member{number}")).unwrap();
        let certificate = issue_participant(&key, &name, validity, &SystemEntropy);
        let id = certificate.fingerprint();
        Self { key, certificate, encryption, id }
    }
}

/// What is signed beside the content.
#[derive(Clone)]
pub(crate) struct Envelope<'a> {
    pub(crate) message_type: Option<&'a str>,
    pub(crate) created_at_s: i64,
    pub(crate) proposal_id: Option<&'a str>,
}

impl Default for Envelope<'_> {
    fn default() -> Self {
        Self { message_type: None, created_at_s: NOW_S, proposal_id: None }
    }
}

pub(crate) fn sign(member: &Member, envelope: &Envelope<'_>, payload: &[u8]) -> Vec<u8> {
    let kid = member.id.to_hex();
    let text = |text: &'static str| Cbor::Text(text);
    let mut parameters = vec![
        (Cbor::Int(cose::ALG), Cbor::Int(-35)),
        (Cbor::Int(cose::KID), Cbor::Bytes(kid.as_bytes())),
        (text("ccf.gov.msg.created_at"), Cbor::Int(envelope.created_at_s)),
    ];
    let optional =
        [("ccf.gov.msg.type", envelope.message_type), ("ccf.gov.msg.proposal_id", envelope.proposal_id)];
    for (name, value) in optional {
        parameters.extend(value.map(|value| (text(name), Cbor::Text(value))));
    }
    let protected = CoseHeaders::new(parameters).encode();
    let signature = member.key.sign(&cose::to_be_signed(&protected, payload));
    cose::encode(&protected, &CoseHeaders::empty(), Some(payload), signature.as_fixed())
}

/// A request that was run.
pub(crate) struct Ran {
    pub(crate) response: Response,
    /// What it writes, if that is kept.
    pub(crate) executed: Option<Executed>,
    pub(crate) requests: NodeRequests,
}

/// A service whose first transaction has taken place.
pub(crate) struct Service {
    pub(crate) members: Vec<Member>,
    pub(crate) tables: Tables,
    pub(crate) store: Store,
    /// The first secret.
    pub(crate) secret: LedgerSecret,
    /// All secrets, each with the first entry it is for.
    pub(crate) secrets: Arc<Mutex<BTreeMap<Seqno, LedgerSecret>>>,
    pub(crate) key: Arc<EcKey>,
    pub(crate) certificate: Certificate,
    /// What the last request asked of the node.
    pub(crate) requests: NodeRequests,
    /// What the node was told of refusals.
    pub(crate) told: Arc<Mutex<Vec<String>>>,
    /// The certificate that a client shows.
    pub(crate) shown: Option<ClientCertificate>,
    adapter: RestAdapter,
    node: Node,
    root: Digest,
}

impl Service {
    /// Three recovery participants, any two of whom recover.
    pub(crate) fn new(constitution: &str) -> Self {
        Self::with_roles(constitution, 2, &[None, None, Some(RecoveryRole::Participant)])
    }

    pub(crate) fn with_roles(constitution: &str, threshold: u64, roles: &[Option<RecoveryRole>]) -> Self {
        let key = Arc::new(EcKey::generate(Curve::P384, &SystemEntropy));
        let name = Name::common("Test Service").unwrap();
        let validity = Validity::days(UnixTime(NOW_S), 90).unwrap();
        let certificate = issue_self_signed(&*key, &name, &[], validity, &SystemEntropy);
        let secret = LedgerSecret::generate(&SystemEntropy);
        let elapsed = AtomicU64::new(0);
        let secrets = Arc::new(Mutex::new(BTreeMap::from([(Seqno(1), secret.clone())])));
        let known = secrets.clone();
        let told = Arc::new(Mutex::new(Vec::new()));
        let telling = told.clone();
        let authority = Authority {
            service_key: key.clone(),
            ledger_secrets: Box::new(move || {
                let known = known.lock().unwrap();
                let mut newest = known.iter().rev().map(|(from, secret)| (*from, secret.clone()));
                NewestSecrets { latest: newest.next().unwrap(), previous: newest.next() }
            }),
            entropy: Arc::new(SystemEntropy),
            elapsed_ms: Arc::new(move || elapsed.fetch_add(TICK_MS, Ordering::Relaxed)),
            script_stack_bytes: 1 << 20,
            console: Box::new(|line| println!("{line:?}")),
            application_console: Box::new(|_, query| console::printed(query)),
            refused: Box::new(move |text| telling.lock().unwrap().push(text.to_owned())),
        };
        let mut service = Self {
            members: (0..roles.len()).map(Member::new).collect(),
            tables: Tables::default(),
            store: Store::new(),
            secret,
            secrets,
            key,
            certificate,
            requests: NodeRequests::default(),
            told,
            shown: None,
            adapter: adapter(Arc::new(authority)),
            node: Node::default(),
            root: Digest([7; 32]),
        };
        service.genesis(constitution, threshold, roles);
        service
    }

    fn genesis(&mut self, constitution: &str, threshold: u64, roles: &[Option<RecoveryRole>]) {
        let mut tx = Tx::new(self.store.latest());
        let tables = &self.tables;
        for (member, role) in self.members.iter().zip(roles) {
            write_member(tables, &mut tx, member, *role);
        }
        tables.scripts.constitution.put(&mut tx, &constitution.into());
        let config = ServiceConfig { recovery_threshold: threshold, ..ServiceConfig::default() };
        tables.service.config.put(&mut tx, &config);
        let info = ServiceInfo {
            cert: self.certificate.to_pem(),
            status: ServiceStatus::Opening,
            previous_service_identity_version: None,
            recovery_count: Some(0),
            service_data: Value::Null,
            current_service_create_txid: Some(TxId { view: View(2), seqno: Seqno(1) }),
        };
        tables.service.info.put(&mut tx, &info);
        self.commit(tx);
    }

    /// Changes tables without any vote.
    pub(crate) fn write(&mut self, change: impl FnOnce(&Tables, &mut Tx)) {
        let mut tx = Tx::new(self.store.latest());
        change(&self.tables, &mut tx);
        self.commit(tx);
    }

    /// Writes a signature as far as constitutions look at it.
    pub(crate) fn sign(&mut self) {
        let root = json!({ "root": self.root }).to_string().into_bytes();
        self.write(|tables, tx| tx.put(tables.signatures.node.name(), vec![0; 8], root));
    }

    fn commit(&mut self, tx: Tx) {
        self.place(&tx.finish(), &NodeRequests::default()).unwrap();
    }

    /// Sends a request as the node would run it: its writes are kept if it succeeds.
    pub(crate) fn send(&mut self, method: Method, target: &str, body: Vec<u8>) -> Response {
        let Ran { response, executed, requests } = self.run(method, target, body);
        if let Some(executed) = executed {
            self.place(&executed, &requests).unwrap();
        }
        self.requests = requests;
        response
    }

    /// Gives a transaction its place.
    pub(crate) fn place(&mut self, executed: &Executed, requests: &NodeRequests) -> Result<(), Conflict> {
        let seqno = self.store.version().next();
        self.store.commit(seqno, executed)?;
        self.node.advance(seqno);
        if let Some(secret) = &requests.ledger_secret {
            self.secrets.lock().unwrap().insert(seqno.next(), secret.clone());
        }
        Ok(())
    }

    /// Runs a request on the latest state.
    pub(crate) fn run(&mut self, method: Method, target: &str, body: Vec<u8>) -> Ran {
        self.run_as(Some(media::COSE), method, target, body)
    }

    /// The same for a body that is said to be of this kind.
    pub(crate) fn run_as(
        &mut self,
        content_type: Option<&str>,
        method: Method,
        target: &str,
        body: Vec<u8>,
    ) -> Ran {
        let headers = content_type.map(|value| (&b"content-type"[..], value.as_bytes()));
        let headers = Headers::from_pairs(headers);
        let request = Request::new(method, target.to_owned(), headers, Bytes::from(body));
        let peer =
            Peer { interface: InterfaceName::new("primary"), certificate: self.shown.clone(), session: None };
        let state = self.store.latest();
        let now_ms = self.node.now_ms();
        let origin = Origin { peer: &peer, offers: &|_| true, redirect: &|_, _| None, state: &state, now_ms };
        let plan = match self.adapter.decode(request, &origin) {
            Ok(plan) => plan,
            Err(response) => return Ran { response, executed: None, requests: NodeRequests::default() },
        };
        let mut tx = Tx::new(state.clone());
        let services = Offered { node: &self.node, root: self.root };
        let mut cx = Context::new(&mut tx, &services, None);
        let answer = match plan.mode {
            Mode::Execute => self.adapter.execute(&plan.calls[0], &mut cx),
            _ => self.adapter.query(&plan.calls[0], &mut cx),
        };
        let response = answer.unwrap_or_else(Response::from);
        let requests = cx.requests;
        let kept = response.status.is_success() && !tx.is_read_only();
        Ran { response, executed: kept.then(|| tx.finish()), requests }
    }

    /// Reads `path` below `/gov`.
    pub(crate) fn get(&mut self, path: &str) -> Response {
        let separator = if path.contains('?') { '&' } else { '?' };
        self.send(Method::Get, &format!("/gov{path}{separator}api-version=2024-07-01"), Vec::new())
    }

    /// Sends bytes that are, or pretend to be, a signed message.
    pub(crate) fn post(&mut self, path: &str, message: Vec<u8>) -> Response {
        self.send(Method::Post, &format!("/gov{path}?api-version=2024-07-01"), message)
    }

    /// Sends what the member at `by` signs.
    pub(crate) fn post_signed(
        &mut self,
        by: usize,
        path: &str,
        envelope: &Envelope<'_>,
        payload: &Value,
    ) -> Response {
        let message = sign(&self.members[by], envelope, payload.to_string().as_bytes());
        self.post(path, message)
    }

    pub(crate) fn acknowledge(&mut self, by: usize) {
        let id = self.members[by].id;
        let update = Envelope { message_type: Some("state_digest"), ..Envelope::default() };
        let path = format!("/members/state-digests/{id}:update");
        let digest = body(&self.post_signed(by, &path, &update, &json!({})));
        assert_eq!(digest, json!({ "memberId": id, "stateDigest": self.root }));
        assert_eq!(body(&self.get(&format!("/members/state-digests/{id}"))), digest);
        let ack = Envelope { message_type: Some("ack"), ..Envelope::default() };
        let response = self.post_signed(by, &format!("/members/state-digests/{id}:ack"), &ack, &digest);
        assert_eq!((response.status, response.body.len()), (Status::NO_CONTENT, 0));
    }

    pub(crate) fn acknowledge_all(&mut self) {
        (0..self.members.len()).for_each(|by| self.acknowledge(by));
    }

    pub(crate) fn propose(&mut self, by: usize, actions: &Value) -> Response {
        let envelope = Envelope { message_type: Some("proposal"), ..Envelope::default() };
        self.post_signed(by, "/members/proposals:create", &envelope, &json!({ "actions": actions }))
    }

    /// Runs a proposal that is accepted at once, without giving it a place.
    pub(crate) fn run_proposal(&mut self, by: usize, actions: &Value) -> Ran {
        let envelope = Envelope { message_type: Some("proposal"), ..Envelope::default() };
        let payload = json!({ "actions": actions }).to_string();
        let message = sign(&self.members[by], &envelope, payload.as_bytes());
        self.run(Method::Post, "/gov/members/proposals:create?api-version=2024-07-01", message)
    }

    /// Proposes, and gives the name of the proposal.
    pub(crate) fn proposed(&mut self, by: usize, actions: &Value) -> String {
        let response = self.propose(by, actions);
        assert_eq!(response.status, Status::OK, "{}", text(&response));
        body(&response)["proposalId"].as_str().unwrap().to_owned()
    }

    pub(crate) fn vote(&mut self, by: usize, proposal: &str, ballot: &str) -> Response {
        let id = self.members[by].id;
        let envelope =
            Envelope { message_type: Some("ballot"), proposal_id: Some(proposal), ..Envelope::default() };
        let path = format!("/members/proposals/{proposal}/ballots/{id}:submit");
        self.post_signed(by, &path, &envelope, &json!({ "ballot": ballot }))
    }

    /// Proposes, and lets as many vote for it as it takes; gives the answer to the last vote, or the refusal.
    pub(crate) fn decide(&mut self, actions: &Value) -> Response {
        let proposed = self.propose(0, actions);
        if proposed.status != Status::OK {
            return proposed;
        }
        let proposal = body(&proposed)["proposalId"].as_str().unwrap().to_owned();
        let mut answer = proposed;
        for by in [1, 2, 0] {
            if body(&answer)["proposalState"] == "Open" {
                answer = self.vote(by, &proposal, "export function vote () { return true }");
            }
        }
        answer
    }

    pub(crate) fn withdraw(&mut self, by: usize, proposal: &str) -> Response {
        let envelope =
            Envelope { message_type: Some("withdrawal"), proposal_id: Some(proposal), ..Envelope::default() };
        let path = format!("/members/proposals/{proposal}:withdraw");
        self.post_signed(by, &path, &envelope, &json!({}))
    }

    pub(crate) fn state_of(&mut self, proposal: &str) -> Value {
        body(&self.get(&format!("/members/proposals/{proposal}")))["proposalState"].take()
    }

    pub(crate) fn status(&self) -> ServiceStatus {
        self.tables.service.info.get(&self.store.latest()).unwrap().unwrap().status
    }
}

pub(crate) fn write_member(tables: &Tables, tx: &mut Tx, member: &Member, role: Option<RecoveryRole>) {
    tables.members.certs.put(tx, &member.id, &member.certificate.to_pem());
    if role != Some(RecoveryRole::NonParticipant) {
        tables.members.encryption_public_keys.put(tx, &member.id, &member.encryption.public_key().to_pem());
    }
    let info = MemberInfo { status: MemberStatus::Accepted, member_data: Value::Null, recovery_role: role };
    tables.members.info.put(tx, &member.id, &info);
    tables.members.acks.put(tx, &member.id, &MemberAck::default());
}

pub(crate) fn body(response: &Response) -> Value {
    serde_json::from_slice(&response.body).unwrap_or_else(|_| panic!("not JSON: {}", text(response)))
}

pub(crate) fn text(response: &Response) -> String {
    format!("{} {}", response.status.0, String::from_utf8_lossy(&response.body))
}

/// Status and code of a refusal, and its message.
pub(crate) fn refusal(response: &Response) -> (u16, String, String) {
    let error = body(response)["error"].take();
    let field = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (response.status.0, field("code"), field("message"))
}
