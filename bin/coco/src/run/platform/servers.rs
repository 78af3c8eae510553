//! Asks servers for the certificates of the processor, one question after the other.

use std::{error::Error, io, thread, time::Duration};

use coco_app::Method;
use coco_attest::sev_snp::servers::{self, Inquiry, Next, NoAnswer, Scheme, Server};
use coco_boundary::Log;
use coco_host::{
    net::connect,
    platform::sev_snp::{Endorser, Unendorsed},
};
use coco_http::{PublicClient, Question, Reply};
use tokio::{runtime::Builder, sync::watch, time};

/// Longest time to make a connection, as CCF's.
const CONNECT: Duration = Duration::from_secs(3);
/// Longest time for one question, on its connection.
const ANSWER: Duration = Duration::from_secs(3);

/// Those of the configuration.
pub(super) struct Servers {
    servers: Vec<Server>,
    /// Becomes true when nobody waits for an answer any more.
    stop: watch::Receiver<bool>,
    log: Log,
}

impl Servers {
    pub(super) fn new(servers: Vec<Server>, stop: watch::Receiver<bool>, log: &Log) -> Self {
        Self { servers, stop, log: log.clone() }
    }

    async fn ask_on(&self, inquiry: Inquiry) -> Result<Vec<u8>, Unendorsed> {
        let mut stop = self.stop.clone();
        tokio::select! {
            found = self.ask_all(inquiry) => Ok(found?),
            // The sender lives as long as the node.
            _ = stop.wait_for(|stop| *stop) => Err(Unendorsed::Stopped),
        }
    }

    async fn ask_all(&self, mut inquiry: Inquiry) -> Result<Vec<u8>, NoAnswer> {
        loop {
            match self.ask(&mut inquiry).await {
                Next::Ask | Next::AskOther { .. } => {}
                Next::AskAgain { after_s, .. } => time::sleep(Duration::from_secs(after_s)).await,
                Next::Found(certificates) => return Ok(certificates),
                Next::GiveUp { all, .. } => return Err(all),
            }
        }
    }

    async fn ask(&self, inquiry: &mut Inquiry) -> Next {
        let question = inquiry.question();
        let asked = format!("{}://{}{}", question.scheme.name(), question.address, question.target);
        let next = match put(&question).await {
            Ok(reply) => inquiry.answered(reply.status.0, reply.headers.text("retry-after"), &reply.body),
            Err(error) => inquiry.unanswered(error.to_string()),
        };
        match &next {
            Next::Ask | Next::Found(_) => {
                self.log
                    .info(format_args!("Fetching endorsements for attestation report at {asked}: {next}"));
            }
            Next::AskAgain { .. } | Next::AskOther { .. } | Next::GiveUp { .. } => {
                self.log
                    .fail(format_args!("Fetching endorsements for attestation report at {asked}: {next}"));
            }
        }
        next
    }
}

async fn put(question: &servers::Question<'_>) -> Result<Reply, Box<dyn Error + Send + Sync>> {
    let client = match question.scheme {
        Scheme::Https => PublicClient::of_anyone(),
        Scheme::Http => PublicClient::without_tls(),
    };
    let stream = connect(question.address, CONNECT).await?;
    let question = Question {
        method: Method::Get,
        address: question.address,
        target: question.target,
        headers: question.headers,
        body: &[],
        max_answer: question.max_answer,
        within: ANSWER,
    };
    Ok(client.ask(stream, &question).await?)
}

impl Endorser for Servers {
    fn certificates(&self, report: &[u8]) -> Result<Vec<u8>, Unendorsed> {
        let inquiry = Inquiry::new(&self.servers, report)?;
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        // Whoever waits here may be a task of another runtime.
        thread::scope(|scope| {
            let work = || {
                let found = runtime.block_on(self.ask_on(inquiry));
                // A name server that does not answer keeps nobody waiting.
                runtime.shutdown_background();
                found
            };
            let thread: io::Result<_> =
                thread::Builder::new().name("endorsements".to_owned()).spawn_scoped(scope, work);
            thread?.join().expect("the thread that asks does not panic")
        })
    }
}
