//! Answers that wait for fresh evidence of the platform, which takes from milliseconds to seconds: nobody waits on a thread.

use std::{mem, sync::Mutex};

use coco_app::{Attesting, ChannelBinding, ErrorCode, Reject, Response, Status};
use coco_boundary::{Effect, Evidence, Monotonic, QuoteFault};
use coco_wire::Digest;
use tokio::sync::oneshot;

use super::{Driver, others::lock};
use crate::dispatch::Answer;

/// Clients that may wait for evidence. The host asks the platform for one piece after the other.
const MAX_WAITING: usize = 4;
/// How long the platform may take before the client is told to ask again, in milliseconds.
const WITHIN_MS: u64 = 20_000;
/// What clients are told to wait, in seconds.
const RETRY_AFTER_S: &str = "1";

/// Answers in the making.
#[derive(Default)]
pub(super) struct Attestations(Mutex<Vec<Waiting>>);

struct Waiting {
    report_data: Digest,
    attesting: Box<dyn Attesting>,
    reply: oneshot::Sender<Response>,
    deadline: Monotonic,
}

impl Attestations {
    /// Has an answer wait for evidence that is bound to `report_data`.
    fn wait(&self, report_data: Digest, attesting: Box<dyn Attesting>, now: Monotonic) -> Answer {
        let mut waiting = lock(&self.0);
        if waiting.len() >= MAX_WAITING {
            return Answer::Ready(later("Too many clients wait for evidence of this node."));
        }
        let (reply, answer) = oneshot::channel();
        let deadline = Monotonic(now.0.saturating_add(WITHIN_MS));
        waiting.push(Waiting { report_data, attesting, reply, deadline });
        Answer::Later(answer)
    }

    /// Sends the answers that wait for this evidence; says whether there were any.
    fn answer(&self, report_data: &Digest, evidence: &Result<Evidence, QuoteFault>) -> bool {
        let answered = self.take(|it| it.report_data == *report_data);
        let is_awaited = !answered.is_empty();
        for Waiting { attesting, reply, .. } in answered {
            let response = match evidence {
                Ok(evidence) => attesting.answer(evidence),
                Err(fault) => Reject::internal(format!("Evidence cannot be had: {fault}.")).into(),
            };
            // A client that went away is not told.
            drop(reply.send(response));
        }
        is_awaited
    }

    /// Gives up on what the platform does not answer.
    fn expire(&self, now: Monotonic) {
        for Waiting { reply, .. } in self.take(|it| it.deadline <= now) {
            drop(reply.send(later("The platform gave no evidence in time.")));
        }
    }

    fn take(&self, matches: impl Fn(&Waiting) -> bool) -> Vec<Waiting> {
        let mut waiting = lock(&self.0);
        let (taken, others) = mem::take(&mut *waiting).into_iter().partition(matches);
        *waiting = others;
        taken
    }
}

impl Driver {
    /// Answers with evidence for the other end of `session`.
    pub(super) fn attest(&self, attesting: Box<dyn Attesting>, session: Option<&ChannelBinding>) -> Answer {
        let report_data = match attesting.report_data(session) {
            Ok(report_data) => report_data,
            Err(reject) => return Answer::Ready(reject.into()),
        };
        let answer = self.0.attestations.wait(report_data, attesting, self.0.view.shared.clock.now());
        if let Answer::Later(_) = answer {
            self.0.resources.host.perform(&mut vec![Effect::Quote { report_data }]);
        }
        answer
    }

    /// Takes in what the platform says; whether clients waited for it.
    pub(super) fn attested(&self, report_data: &Digest, evidence: &Result<Evidence, QuoteFault>) -> bool {
        self.0.attestations.answer(report_data, evidence)
    }

    /// Gives up on evidence that takes too long.
    pub(super) fn expire_attestations(&self) {
        self.0.attestations.expire(self.0.view.shared.clock.now());
    }
}

fn later(text: &'static str) -> Response {
    let reject = Reject::new(Status::SERVICE_UNAVAILABLE, ErrorCode::TooManyPendingTransactions, text);
    Response::from(reject).header("retry-after", RETRY_AFTER_S)
}

#[cfg(test)]
mod tests;
