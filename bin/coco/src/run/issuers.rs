//! Keys of token issuers, which the primary fetches again and again.

use std::{io, thread, time::Duration};

use coco_app::Method;
use coco_boundary::Log;
use coco_host::net::connect;
use coco_http::{Driver, PublicClient, Question};
use coco_node::token_keys::{Failure, Fetch, Next};
use tokio::{
    runtime::Builder,
    sync::watch,
    task::JoinSet,
    time::{self, Instant},
};

use super::join::CONNECT;
use crate::config::operation::Jwt;

/// Longest time for one question, on its connection.
const ANSWER: Duration = Duration::from_secs(10);
/// Issuers that are asked at a time.
const MAX_ASKED: usize = 8;

/// The thread that fetches. It ends when the node stops.
pub(super) struct Refreshing(thread::JoinHandle<()>);

impl Refreshing {
    /// Begins, on a thread of its own.
    pub(super) fn begin(
        how: Jwt,
        driver: &Driver,
        mut stop: watch::Receiver<bool>,
        log: &Log,
    ) -> io::Result<Self> {
        let issuers = Issuers { how, driver: driver.clone(), log: log.clone() };
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let work = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = issuers.refresh_on() => {}
                    // The sender lives as long as the node.
                    _ = stop.changed() => {}
                }
            });
            // A name server that does not answer keeps nobody waiting.
            runtime.shutdown_background();
        };
        Ok(Self(thread::Builder::new().name("token-issuers".to_owned()).spawn(work)?))
    }

    /// Waits for its end.
    pub(super) fn end(self) {
        self.0.join().expect("the thread that fetches keys does not panic");
    }
}

#[derive(Clone)]
struct Issuers {
    how: Jwt,
    driver: Driver,
    log: Log,
}

/// Why an issuer's keys were not fetched.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// Nobody answered: not counted, as by CCF.
    #[error("{0}")]
    Unreachable(String),
    #[error(transparent)]
    Answered(#[from] Failure),
}

impl Issuers {
    /// Asks all issuers when the interval is over, and when one was set.
    async fn refresh_on(&self) {
        let mut next = Instant::now() + self.how.key_refresh_interval;
        loop {
            tokio::select! {
                () = time::sleep_until(next) => next = Instant::now() + self.how.key_refresh_interval,
                () = self.driver.issuers_written() => {}
            }
            self.refresh_all().await;
        }
    }

    async fn refresh_all(&self) {
        let mut asked = JoinSet::new();
        for (issuer, fetch) in self.driver.keys_to_fetch() {
            if asked.len() == MAX_ASKED {
                asked.join_next().await;
            }
            let issuers = self.clone();
            asked.spawn(async move { issuers.refresh(&issuer, fetch).await });
        }
        while asked.join_next().await.is_some() {}
    }

    async fn refresh(&self, issuer: &str, fetch: Result<Fetch, Failure>) {
        let Err(error) = self.fetch_and_store(fetch).await else { return };
        self.log.fail(format_args!("Keys of token issuer {issuer} are not refreshed: {error}"));
        if let Error::Answered(_) = error {
            self.driver.store_keys(None);
        }
    }

    async fn fetch_and_store(&self, fetch: Result<Fetch, Failure>) -> Result<(), Error> {
        let mut fetch = fetch?;
        // There are two questions.
        loop {
            match self.ask(fetch).await? {
                Next::Ask(next) => fetch = next,
                Next::Store(refresh) => {
                    self.driver.store_keys(Some(&refresh));
                    return Ok(());
                }
            }
        }
    }

    async fn ask(&self, fetch: Fetch) -> Result<Next, Error> {
        let client = PublicClient::new(fetch.roots()).map_err(|_| Failure::Bundle)?;
        let unreachable = |error: &dyn std::error::Error| Error::Unreachable(error.to_string());
        let stream = connect(fetch.address(), CONNECT).await.map_err(|error| unreachable(&error))?;
        let question = Question {
            method: Method::Get,
            address: fetch.address(),
            target: fetch.target(),
            headers: &[("accept", "application/json")],
            body: &[],
            max_answer: usize::try_from(self.how.key_refresh_max_response_size.0).unwrap_or(usize::MAX),
            within: ANSWER,
        };
        let reply = client.ask(stream, &question).await.map_err(|error| unreachable(&error))?;
        Ok(fetch.answered(reply.status.0, &reply.body)?)
    }
}
