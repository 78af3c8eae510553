//! A node inside of the test: everything but sockets, over a disk that the test chooses.

use std::{
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant},
};

use bytes::Bytes;
use coco_app::{
    ChannelBinding, ClientCertificate, Headers, InterfaceName, Method, Peer, Request, Response, TxStatus,
};
use coco_attest::Roots;
use coco_boundary::{Event, Jobs, StopReason};
use coco_client::{
    Identity,
    governance::{AGREE, API_VERSION, Message, sign},
};
use coco_crypto::{Certificate, LedgerSecret, SystemEntropy};
use coco_host::{disk::Disk, platform::EvidenceSource};
use coco_http::{Answer, Batch, Dispatch, Driver, Session};
use coco_ledger::{Ledger, LedgerSecrets, SignatureMode, SigningPolicy, Timing};
use coco_node::{
    Core, Joined, Joiner, Shared,
    evidence::quote_info,
    join::{self, GaveUp, Introduction, Next},
    keys::SecretSlot,
    lease::{self, Challenged, Enforced, Shown},
};
use coco_wire::{Seqno, TxId};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

mod assembly;

use crate::{Consortium, consortium::now, process};
use assembly::Parts;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(120);
/// Time between two looks.
const POLL: Duration = Duration::from_millis(1);
/// Heavy calls that may wait.
const MAX_HEAVY: usize = 1024;
/// Names the TLS session that there is none of here.
const SESSION: ChannelBinding = ChannelBinding([0; ChannelBinding::LEN]);

/// How the ledger is written.
#[derive(Clone, Copy, Debug)]
pub struct Writing {
    /// Bytes after which a chunk ends with its next signature.
    pub chunk_size: u64,
    /// When to sign.
    pub signing: SigningPolicy,
    /// Who signs.
    pub signatures: SignatureMode,
}

/// What a node runs on.
#[derive(Clone)]
pub struct Ground {
    /// Says what runs.
    pub platform: Arc<dyn EvidenceSource>,
    /// Whose signatures of evidence count for the node.
    pub roots: Roots,
}

/// A node that runs on threads of the test; stops when dropped.
pub struct Embedded {
    /// Takes requests.
    pub driver: Driver,
    /// Decrypt the ledger.
    pub secrets: LedgerSecrets,
    /// Identifies the service.
    pub service: Certificate,
    ground: Ground,
    machine: Option<JoinHandle<StopReason>>,
}

impl Writing {
    /// As the executable writes without a configuration of its own.
    pub const USUAL: Self = Self {
        chunk_size: 5_000_000,
        signing: SigningPolicy { timing: Timing::ADAPTIVE, tx_count: 5000, delay_ms: 1000 },
        signatures: SignatureMode::Dual,
    };
}

impl Embedded {
    /// Starts a node whose ledger is in `directory`, which is new or empty.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(consortium: &Consortium, directory: &Path, disk: Arc<dyn Disk>, writing: Writing) -> Self {
        Self::start_with(consortium, directory, disk, writing, assembly::pool(MAX_HEAVY))
    }

    /// The same with execution threads of the test's.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_with(
        consortium: &Consortium,
        directory: &Path,
        disk: Arc<dyn Disk>,
        writing: Writing,
        heavy: Arc<dyn Jobs>,
    ) -> Self {
        Self::found(consortium, Parts::new(directory, disk, writing, None), writing, heavy)
    }

    /// The same on a machine of the test's.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_on(
        ground: Ground,
        consortium: &Consortium,
        directory: &Path,
        disk: Arc<dyn Disk>,
        writing: Writing,
    ) -> Self {
        let parts = Parts::new(directory, disk, writing, Some(ground));
        Self::found(consortium, parts, writing, assembly::pool(MAX_HEAVY))
    }

    fn found(consortium: &Consortium, parts: Parts, writing: Writing, heavy: Arc<dyn Jobs>) -> Self {
        let secrets = LedgerSecrets::new(Seqno(1), LedgerSecret::generate(&SystemEntropy));
        let view = parts.view(secrets.clone().into());
        let service = assembly::found(&view);
        let settings = assembly::settings(writing);
        let genesis = assembly::genesis(consortium, parts.network.clone());
        let ledger = Ledger::new(secrets.clone(), settings.ledger);
        let core = Core::start(view.clone(), genesis, ledger, settings);
        let driver = Driver::new(view, core, parts.resources(heavy));
        driver.begin();
        let node = Self::run(parts, driver, secrets, service);
        node.wait_until("the service is created", |node| node.committed() >= Seqno(2));
        node
    }

    /// Starts a node in another directory that asks this one, which leads, to be let in; returns when it has all that is
    /// committed.
    ///
    /// # Panics
    /// If it is not.
    #[must_use]
    pub fn join(&self, directory: &Path, disk: Arc<dyn Disk>, writing: Writing) -> Self {
        let parts = Parts::new(directory, disk, writing, None);
        self.let_in(parts, writing).unwrap_or_else(|refusal| panic!("{refusal}"))
    }

    /// The same on a machine of the test's.
    ///
    /// # Errors
    /// Why it is not let in.
    ///
    /// # Panics
    /// If it is let in and does not start.
    pub fn join_on(
        &self,
        ground: Ground,
        directory: &Path,
        disk: Arc<dyn Disk>,
        writing: Writing,
    ) -> Result<Self, GaveUp> {
        self.let_in(Parts::new(directory, disk, writing, Some(ground)), writing)
    }

    fn let_in(&self, parts: Parts, writing: Writing) -> Result<Self, GaveUp> {
        let view = parts.view(SecretSlot::default());
        let core = Core::join(view.clone(), assembly::settings(writing));
        let platform = Arc::clone(&parts.ground.platform);
        let evidence = platform.quote(view.shared.keys.node_id).expect("a platform makes evidence");
        let introduction = Introduction {
            network: parts.network.clone(),
            node_data: Value::Null,
            evidence,
            startup_seqno: Seqno::ZERO,
        };
        let driver = Driver::new(view, core, parts.resources(assembly::pool(MAX_HEAVY)));
        let node = Self::run(parts, driver, self.secrets.clone(), self.service.clone());
        let joined = self.ask(&node.driver.view().shared, &*platform, introduction)?;
        node.driver.joined(joined);
        let goal = self.committed();
        node.wait_until("the node catches up", |node| node.committed() >= goal);
        Ok(node)
    }

    /// Asks for a node until it is let in.
    fn ask(
        &self,
        shared: &Arc<Shared>,
        platform: &dyn EvidenceSource,
        introduction: Introduction,
    ) -> Result<Joined, GaveUp> {
        let settings = join::Settings { target: "a test".to_owned(), retry_ms: 1, follow_redirect: false };
        let certificate = shared.keys.self_signed.load();
        let mut joiner = Joiner::new(Arc::clone(shared), self.service.clone(), introduction, settings);
        let deadline = Instant::now() + LIMIT;
        loop {
            assert!(Instant::now() < deadline, "the node is not let in");
            let content = [("content-type", "application/json")];
            let asked = request(Method::Post, join::PATH, &content, joiner.body());
            let Response { status, body, .. } = self.send_as(Some(&certificate), vec![asked]).remove(0);
            match joiner.answered(&join::Answer { status: status.0, location: None, body: body.into() }) {
                Next::Ask { .. } => sleep(POLL),
                Next::Prove(proof) => {
                    let digest = proof.report_data(&SESSION);
                    joiner.proved(&platform.quote(digest).expect("a platform makes evidence"));
                }
                Next::Joined(joined) => return Ok(*joined),
                Next::GiveUp(refusal) => return Err(refusal),
            }
        }
    }

    fn run(parts: Parts, driver: Driver, secrets: LedgerSecrets, service: Certificate) -> Self {
        let ground = parts.ground.clone();
        let machine = Some(parts.run(&driver));
        Self { driver, secrets, service, ground, machine }
    }

    /// Activates the members, registers the first user and opens the service.
    ///
    /// # Panics
    /// If governance refuses.
    pub fn open(&self, consortium: &Consortium) {
        self.activate(consortium);
        self.decide(consortium, &process::opening(consortium, &self.service));
        self.wait_until("the service is open", |node| node.driver.view().state().open);
    }

    /// Activates the members.
    ///
    /// # Panics
    /// If governance refuses.
    pub fn activate(&self, consortium: &Consortium) {
        for member in &consortium.signers() {
            let digests = format!("/gov/members/state-digests/{}", member.id());
            let update =
                self.govern(member, &format!("{digests}:update"), Message::StateDigest, &Value::Null);
            let ack = json!({ "stateDigest": update["stateDigest"] });
            self.govern(member, &format!("{digests}:ack"), Message::Ack, &ack);
        }
    }

    /// Has all members vote for actions, which are carried out.
    ///
    /// # Panics
    /// If governance refuses.
    pub fn decide(&self, consortium: &Consortium, actions: &Value) {
        let actions = json!({ "actions": actions });
        let proposer = &consortium.signers()[0];
        let mut proposal =
            self.govern(proposer, "/gov/members/proposals:create", Message::Proposal, &actions);
        for member in &consortium.signers() {
            if proposal["proposalState"] != "Open" {
                break;
            }
            let id = proposal["proposalId"].as_str().expect("a proposal has an identifier").to_owned();
            let path = format!("/gov/members/proposals/{id}/ballots/{}:submit", member.id());
            proposal = self.govern(member, &path, Message::Ballot(&id), &json!({ "ballot": AGREE }));
        }
        assert_eq!(proposal["proposalState"], "Accepted", "{proposal}");
    }

    /// Sends what a member signed to an endpoint of governance.
    ///
    /// # Panics
    /// If there is no answer.
    #[must_use]
    pub fn send_signed(
        &self,
        member: &Identity,
        path: &str,
        message: Message<'_>,
        content: &Value,
    ) -> Response {
        let payload = if content.is_null() { String::new() } else { content.to_string() };
        let body = sign(member, message, payload.as_bytes(), now());
        let target = format!("{path}?api-version={API_VERSION}");
        let request = request(Method::Post, &target, &[("content-type", "application/cose")], body);
        self.send(None, vec![request]).remove(0)
    }

    fn govern(&self, member: &Identity, path: &str, message: Message<'_>, content: &Value) -> Value {
        let response = self.send_signed(member, path, message, content);
        let text = String::from_utf8_lossy(&response.body);
        assert!(response.status.is_success(), "{path}: {} {text}", response.status.0);
        serde_json::from_slice(&response.body).unwrap_or_default()
    }

    /// Sends requests together on a new connection of `identity`; waits for the answers.
    ///
    /// # Panics
    /// If one is not answered.
    #[must_use]
    pub fn send(&self, identity: Option<&Identity>, requests: Vec<Request>) -> Vec<Response> {
        self.send_as(identity.map(Identity::certificate), requests)
    }

    fn send_as(&self, certificate: Option<&Certificate>, requests: Vec<Request>) -> Vec<Response> {
        let read = |it: &Certificate| ClientCertificate::from_der(it.der()).expect("a certificate");
        let (interface, certificate) = (InterfaceName::new("main"), certificate.map(read));
        let session = Session::new(Peer { interface, certificate, session: Some(SESSION) });
        let mut batches = [Batch { requests, ..Batch::new(session) }];
        self.driver.dispatch(&mut batches);
        let [Batch { answers, .. }] = batches;
        let wait = |answer| match answer {
            Answer::Ready(response) | Answer::Close(response) => response,
            Answer::Later(response) => response.blocking_recv().expect("every request is answered"),
        };
        answers.into_iter().map(wait).collect()
    }

    /// Renews the lease of the node, as the executable does it.
    ///
    /// # Panics
    /// If the service refuses.
    pub fn renew(&self) {
        let Challenged { challenge } = self.ask_itself(lease::CHALLENGE, Vec::new());
        let proof = lease::proof(&self.driver.view().shared, challenge).expect("it belongs to a service");
        let evidence = self.ground.platform.quote(proof.report_data().0).expect("a platform makes evidence");
        let shown = Shown { quote_info: quote_info(&evidence) };
        let _: Value = self.ask_itself(lease::RENEW, serde_json::to_vec(&shown).expect("it has only texts"));
    }

    /// Has the node, which must be the primary, retire nodes that may no longer take part.
    ///
    /// # Panics
    /// If the service refuses.
    #[must_use]
    pub fn enforce(&self) -> Enforced {
        self.ask_itself(lease::ENFORCE, Vec::new())
    }

    fn ask_itself<T: DeserializeOwned>(&self, path: &str, body: Vec<u8>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let answer = runtime.block_on(self.driver.ask(path, body));
        let text = String::from_utf8_lossy(&answer.body);
        assert!(answer.status.is_success(), "{path}: {} {text}", answer.status.0);
        serde_json::from_slice(&answer.body).expect("the answer of a node")
    }

    /// Last committed transaction.
    #[must_use]
    pub fn committed(&self) -> Seqno {
        self.driver.view().state().chain.committed.seqno
    }

    /// Waits until `id` is committed.
    ///
    /// # Panics
    /// If it is not.
    pub fn wait_for_commit(&self, id: TxId) {
        let is_committed = |node: &Self| node.driver.view().state().chain.status(id) == TxStatus::Committed;
        self.wait_until("the transaction is committed", is_committed);
    }

    fn wait_until(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + LIMIT;
        while !holds(self) {
            assert!(Instant::now() < deadline, "not yet: {what}");
            sleep(POLL);
        }
    }

    /// Stops the node and waits until its ledger is written.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(machine) = self.machine.take() {
            self.driver.event(Event::Stop);
            let ended = machine.join();
            assert!(thread::panicking() || ended.is_ok_and(|reason| reason == StopReason::Asked));
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.end();
    }
}

/// A request.
#[must_use]
pub fn request(method: Method, target: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request {
    let headers = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    Request::new(method, target.to_owned(), Headers::from_pairs(headers), body.into())
}
