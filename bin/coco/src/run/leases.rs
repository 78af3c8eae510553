//! Leases: this node shows again and again what it runs, and as primary retires nodes that do not.

use std::{io, sync::Arc, thread, time::Duration};

use coco_app::Response;
use coco_boundary::{Log, QuoteFault};
use coco_host::platform::EvidenceSource;
use coco_http::Driver;
use coco_node::{
    evidence::quote_info,
    lease::{CHALLENGE, Challenged, Due, ENFORCE, Enforced, RENEW, Shown, Watch, proof},
};
use tokio::{runtime::Builder, sync::watch, time};

/// How often it is looked what is due; a look costs some microseconds.
const LOOK: Duration = Duration::from_secs(1);

/// The thread that looks. It ends when the node stops.
pub(super) struct Leasing(thread::JoinHandle<()>);

impl Leasing {
    /// Begins, on a thread of its own: hardware may take long to make evidence.
    pub(super) fn begin(
        driver: &Driver,
        platform: Arc<dyn EvidenceSource>,
        mut stop: watch::Receiver<bool>,
        log: &Log,
    ) -> io::Result<Self> {
        let mut leases =
            Leases { driver: driver.clone(), platform, log: log.clone(), told: Enforced::default() };
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let work = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = leases.watch_on() => {}
                    // The sender lives as long as the node.
                    _ = stop.changed() => {}
                }
            });
        };
        Ok(Self(thread::Builder::new().name("leases".to_owned()).spawn(work)?))
    }

    /// Waits for its end.
    pub(super) fn end(self) {
        self.0.join().expect("the thread of leases does not panic");
    }
}

struct Leases {
    driver: Driver,
    platform: Arc<dyn EvidenceSource>,
    log: Log,
    /// The last alarm.
    told: Enforced,
}

/// Why what was due is not done.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the service answers with status {0}: {1}")]
    Refused(u16, String),
    #[error("what the service answers cannot be read")]
    Answer(#[from] serde_json::Error),
    #[error(transparent)]
    Evidence(#[from] QuoteFault),
    #[error("this node belongs to no service")]
    NoService,
}

impl Leases {
    async fn watch_on(&mut self) {
        let mut watch = Watch::default();
        loop {
            time::sleep(LOOK).await;
            let Some(due) = watch.look(&self.driver.view().shared) else { continue };
            let done = match due {
                Due::Renewal => self.renew().await.map(|()| true),
                Due::Enforcement => self.enforce().await,
            };
            match done {
                Ok(true) => watch.done(due),
                Ok(false) => {}
                Err(error) => self.log.fail(format_args!("{}: {error}", what_failed(due))),
            }
        }
    }

    async fn renew(&self) -> Result<(), Error> {
        let answer = accepted(self.driver.ask(CHALLENGE, Vec::new()).await)?;
        let Challenged { challenge } = serde_json::from_slice(&answer.body)?;
        let proof = proof(&self.driver.view().shared, challenge).ok_or(Error::NoService)?;
        let shown = Shown { quote_info: quote_info(&self.platform.quote(proof.report_data().0)?) };
        accepted(self.driver.ask(RENEW, serde_json::to_vec(&shown)?).await)?;
        Ok(())
    }

    /// Whether every node that may no longer take part is retired.
    async fn enforce(&mut self) -> Result<bool, Error> {
        let answer = accepted(self.driver.ask(ENFORCE, Vec::new()).await)?;
        let enforced: Enforced = serde_json::from_slice(&answer.body)?;
        for (node, reason) in &enforced.evicted {
            self.log.info(format_args!("Node {node} is retired: {reason}"));
        }
        let done = enforced.kept.is_empty();
        if enforced.steps_down {
            self.log
                .fail(format_args!("Another primary is to retire this node, which may no longer take part"));
            self.driver.hand_over();
        } else if enforced.kept != self.told.kept {
            for (node, reason) in &enforced.kept {
                self.log.fail(format_args!(
                    "ALARM: node {node} may no longer take part ({reason}), and stays: too few would be left to decide \
                     without it. Have other nodes join"
                ));
            }
        }
        self.told = enforced;
        Ok(done)
    }
}

fn what_failed(due: Due) -> &'static str {
    match due {
        Due::Renewal => "The lease of this node is not renewed",
        Due::Enforcement => "Leases are not enforced",
    }
}

fn accepted(response: Response) -> Result<Response, Error> {
    if response.status.is_success() {
        return Ok(response);
    }
    Err(Error::Refused(response.status.0, String::from_utf8_lossy(&response.body).into_owned()))
}
