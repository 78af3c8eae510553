use coco_boundary::EvidenceFormat;
use tokio::sync::oneshot::Receiver;

use super::*;

const NOW: Monotonic = Monotonic(1000);

/// Answers with the quote.
struct Echo;

impl Attesting for Echo {
    fn report_data(&self, _: Option<&ChannelBinding>) -> Result<Digest, Reject> {
        Ok(Digest::ZERO)
    }

    fn answer(&self, evidence: &Evidence) -> Response {
        Response::with_body(Status::OK, "text/plain", evidence.quote.clone())
    }
}

fn report_data(number: u8) -> Digest {
    Digest([number; 32])
}

fn evidence(quote: &[u8]) -> Result<Evidence, QuoteFault> {
    let quote = quote.to_vec();
    let (endorsements, uvm_endorsements) = (Vec::new(), None);
    Ok(Evidence { format: EvidenceFormat::Virtual, quote, endorsements, uvm_endorsements })
}

/// A question that has to wait.
fn wait(attestations: &Attestations, number: u8) -> Receiver<Response> {
    match attestations.wait(report_data(number), Box::new(Echo), NOW) {
        Answer::Later(answer) => answer,
        other => panic!("{other:?}"),
    }
}

fn check_later(response: &Response, text: &str) {
    assert_eq!(response.status, Status::SERVICE_UNAVAILABLE);
    assert!(response.headers.iter().any(|(name, value)| *name == "retry-after" && &**value == "1"));
    let expected = format!(r#"{{"error":{{"code":"TooManyPendingTransactions","message":"{text}"}}}}"#);
    assert_eq!(String::from_utf8_lossy(&response.body), expected);
}

#[test]
fn each_answer_has_the_evidence_that_was_made_for_it() {
    let attestations = Attestations::default();
    let (mut first, mut second) = (wait(&attestations, 1), wait(&attestations, 2));
    assert!(attestations.answer(&report_data(2), &evidence(b"two")));
    assert!(first.try_recv().is_err());
    assert_eq!(second.try_recv().unwrap().body, b"two");
    assert!(!attestations.answer(&report_data(2), &evidence(b"two")), "nobody waits any more");
    assert!(!attestations.answer(&report_data(3), &evidence(b"three")), "that is for the node");
    assert!(attestations.answer(&report_data(1), &evidence(b"one")));
    assert_eq!(first.try_recv().unwrap().body, b"one");
}

#[test]
fn one_question_asked_twice_is_answered_twice() {
    let attestations = Attestations::default();
    let both = [wait(&attestations, 1), wait(&attestations, 1)];
    assert!(attestations.answer(&report_data(1), &evidence(b"one")));
    for mut answer in both {
        assert_eq!(answer.try_recv().unwrap().body, b"one");
    }
}

#[test]
fn a_few_wait_and_others_are_told_to_come_back() {
    let attestations = Attestations::default();
    let waiting: Vec<_> = (1..).take(MAX_WAITING).map(|number| wait(&attestations, number)).collect();
    match attestations.wait(report_data(9), Box::new(Echo), NOW) {
        Answer::Ready(response) => check_later(&response, "Too many clients wait for evidence of this node."),
        other => panic!("{other:?}"),
    }
    // Clients that went away keep their places until the platform has answered, which works for them.
    drop(waiting);
    assert!(matches!(attestations.wait(report_data(9), Box::new(Echo), NOW), Answer::Ready(_)));
    assert!(attestations.answer(&report_data(1), &evidence(b"one")));
    assert!(matches!(attestations.wait(report_data(9), Box::new(Echo), NOW), Answer::Later(_)));
}

#[test]
fn nobody_waits_for_ever() {
    let attestations = Attestations::default();
    let mut answer = wait(&attestations, 1);
    attestations.expire(Monotonic(NOW.0 + WITHIN_MS - 1));
    assert!(answer.try_recv().is_err());
    attestations.expire(Monotonic(NOW.0 + WITHIN_MS));
    check_later(&answer.try_recv().unwrap(), "The platform gave no evidence in time.");
    assert!(!attestations.answer(&report_data(1), &evidence(b"late")));
}

#[test]
fn a_platform_without_evidence_is_an_error() {
    let attestations = Attestations::default();
    let mut answer = wait(&attestations, 1);
    assert!(attestations.answer(&report_data(1), &Err(QuoteFault)));
    assert_eq!(answer.try_recv().unwrap().status, Status::INTERNAL_SERVER_ERROR);
}
