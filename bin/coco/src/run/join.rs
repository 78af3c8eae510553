//! Asking a service to be let in, beside the node that already serves its interfaces.

use std::{io, sync::Arc, thread, time::Duration};

use coco_app::Method;
use coco_boundary::{Event, Log};
use coco_crypto::Certificate;
use coco_host::{net::connect, platform::EvidenceSource};
use coco_http::{CertificateSlot, Client, ClientError, Connected, Driver, Question, SnapshotFileError};
use coco_node::{
    Joined, Joiner,
    join::{self, Answer, Failure, GaveUp, Introduction, JoinProof, Next, Notice},
    startup::BeginningError,
};
use coco_wire::snapshot::SnapshotName;
use tokio::{net::TcpStream, runtime::Builder, sync::watch, time};

use super::{RunError, snapshot::Finding};
use crate::config::command::{FetchSnapshot, Join};

/// Longest time to make a connection.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// Longest time for one question, on its connection.
const ANSWER: Duration = Duration::from_secs(10);

/// What is to be joined, and how.
pub(super) struct Joining {
    service: Certificate,
    settings: join::Settings,
    fetch: Option<FetchSnapshot>,
}

/// Why a node that was to join does not take part.
#[derive(Debug, thiserror::Error)]
pub enum NotJoined {
    /// The service refuses it.
    #[error(transparent)]
    GaveUp(#[from] GaveUp),
    /// Its snapshot was sound when the node asked to join.
    #[error("the snapshot that the node was to begin with cannot be used: {0}")]
    Snapshot(#[from] SnapshotFileError<BeginningError>),
}

/// The thread that asks.
pub(super) struct Asking(thread::JoinHandle<Option<NotJoined>>);

impl Asking {
    /// Why the node takes no part, if so. The thread ends when the node stops, and such a reason stops the node.
    pub(super) fn end(self) -> Option<NotJoined> {
        self.0.join().expect("the thread that asks to join does not panic")
    }
}

impl Joining {
    pub(super) fn new(join: &Join, service: Certificate) -> Self {
        let settings = join::Settings {
            target: join.target_rpc_address.to_string(),
            retry_ms: u64::try_from(join.retry_timeout.as_millis()).unwrap_or(u64::MAX),
            follow_redirect: join.follow_redirect,
        };
        Self { service, settings, fetch: join.fetch_recent_snapshot }
    }

    /// Begins to ask, on a thread of its own.
    pub(super) fn begin(
        self,
        driver: &Driver,
        platform: Arc<dyn EvidenceSource>,
        introduction: Introduction,
        slot: Arc<CertificateSlot>,
        stop: watch::Receiver<bool>,
        log: &Log,
    ) -> Result<Asking, RunError> {
        let shared = Arc::clone(&driver.view().shared);
        let client = Client::new(&self.service, &shared.keys.self_signed.load(), &shared.keys.node)?;
        let joiner = Joiner::new(shared, self.service.clone(), introduction, self.settings);
        let attempt = Attempt {
            driver: driver.clone(),
            platform,
            client,
            joiner,
            service: self.service,
            fetch: self.fetch,
            snapshot: None,
            slot,
            log: log.clone(),
            noted: None,
        };
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let work = move || {
            let refusal = runtime.block_on(attempt.run(stop));
            // A name server that does not answer keeps nobody waiting.
            runtime.shutdown_background();
            refusal
        };
        let thread: io::Result<_> = thread::Builder::new().name("join".to_owned()).spawn(work);
        Ok(Asking(thread?))
    }
}

struct Attempt {
    driver: Driver,
    /// Says what runs here, whenever the service wants to know.
    platform: Arc<dyn EvidenceSource>,
    client: Client,
    joiner: Joiner,
    service: Certificate,
    fetch: Option<FetchSnapshot>,
    /// What the node begins with, once it is chosen.
    snapshot: Option<SnapshotName>,
    /// Shows the endorsed certificate once there is one.
    slot: Arc<CertificateSlot>,
    log: Log,
    /// The last notice that was logged.
    noted: Option<Notice>,
}

impl Attempt {
    /// Asks until the node is in or refused, or stops.
    async fn run(mut self, mut stop: watch::Receiver<bool>) -> Option<NotJoined> {
        tokio::select! {
            refusal = self.ask_on() => refusal,
            // The sender lives as long as the node.
            _ = stop.changed() => None,
        }
    }

    async fn ask_on(&mut self) -> Option<NotJoined> {
        self.choose_snapshot().await;
        let mut next = self.ask().await;
        loop {
            next = match next {
                Next::Ask { after_ms, because } => {
                    self.note(because);
                    time::sleep(Duration::from_millis(after_ms)).await;
                    self.ask().await
                }
                Next::Prove(proof) => self.prove(&proof).await,
                Next::Joined(joined) => match self.joined(*joined).await {
                    Ok(()) => return None,
                    Err(unusable) => {
                        self.driver.event(Event::Stop);
                        return Some(unusable.into());
                    }
                },
                Next::GiveUp(refusal) => {
                    self.driver.event(Event::Stop);
                    return Some(refusal.into());
                }
            }
        }
    }

    async fn choose_snapshot(&mut self) {
        let Self { driver, client, service, log, .. } = &*self;
        let finding = Finding { driver, client, service, log };
        self.snapshot = finding.find(self.joiner.target(), self.fetch).await;
        if let Some(snapshot) = self.snapshot {
            self.joiner.begin_with(snapshot.seqno);
        }
    }

    async fn joined(&self, joined: Joined) -> Result<(), SnapshotFileError<BeginningError>> {
        match self.snapshot {
            Some(snapshot) => {
                let secrets = joined.secrets.clone();
                let beginning = self.driver.open_snapshot(snapshot, secrets, &self.service).await?;
                self.log.info(format_args!("The node begins with the snapshot at {}", snapshot.seqno));
                self.driver.joined_with(joined, beginning);
            }
            None => self.driver.joined(joined),
        }
        if let Err(error) = self.driver.show_endorsed(&self.slot) {
            self.log.fatal(format_args!("The node's certificate cannot be used: {error}"));
        }
        let id = self.driver.view().shared.keys.node_id;
        self.log.info(format_args!("Node has now joined the network as node {id}"));
        Ok(())
    }

    async fn ask(&mut self) -> Next {
        match self.connect().await {
            Ok(session) => self.ask_in(session).await,
            Err(failure) => self.joiner.failed(failure),
        }
    }

    /// Asks with evidence that is made for the session in which it is shown.
    async fn prove(&mut self, proof: &JoinProof) -> Next {
        let session = match self.connect().await {
            Ok(session) => session,
            Err(failure) => return self.joiner.failed(failure),
        };
        match self.platform.quote(proof.report_data(&session.binding())) {
            Ok(evidence) => {
                self.joiner.proved(&evidence);
                self.ask_in(session).await
            }
            Err(fault) => self.joiner.failed(Failure::Unreachable(fault.to_string())),
        }
    }

    async fn connect(&self) -> Result<Session, Failure> {
        let target = self.joiner.target();
        let stream =
            connect(target, CONNECT).await.map_err(|error| Failure::Unreachable(error.to_string()))?;
        let connected = time::timeout(CONNECT, self.client.connect(stream, target)).await;
        connected.unwrap_or(Err(ClientError::Timeout)).map_err(failure)
    }

    async fn ask_in(&mut self, session: Session) -> Next {
        let target = self.joiner.target().to_owned();
        let question = Question {
            method: Method::Post,
            address: &target,
            target: join::PATH,
            headers: &[("content-type", "application/json")],
            body: &self.joiner.body(),
            max_answer: join::MAX_ANSWER,
            within: ANSWER,
        };
        match session.ask(&question).await {
            Ok(reply) => {
                let location = reply.headers.text("location").map(str::to_owned);
                let answer = Answer { status: reply.status.0, location, body: reply.body.into() };
                self.joiner.answered(&answer)
            }
            Err(error) => self.joiner.failed(failure(error)),
        }
    }

    /// Tells the operator what is new.
    fn note(&mut self, notice: Notice) {
        if self.noted.as_ref() == Some(&notice) {
            return;
        }
        if notice.is_expected() {
            self.log.info(format_args!("{notice}"));
        } else {
            self.log.fail(format_args!("{notice}"));
        }
        self.noted = Some(notice);
    }
}

type Session = Connected<TcpStream>;

fn failure(error: ClientError) -> Failure {
    match error {
        ClientError::Untrusted(error) => Failure::Untrusted(error.to_string()),
        error => Failure::Unreachable(error.to_string()),
    }
}
