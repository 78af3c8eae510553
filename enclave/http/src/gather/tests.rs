use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use coco_app::{Headers, InterfaceName, Method, Peer, Request, Response, Status};
use tokio::{spawn, task::yield_now};

use super::*;
use crate::dispatch::{Answer, Session};

/// Counts its turns, and answers by the number of batches of the turn.
#[derive(Default)]
struct Counting(Arc<AtomicUsize>);

impl Dispatch for Counting {
    fn dispatch(&self, batches: &mut [Batch]) {
        self.0.fetch_add(1, Ordering::Relaxed);
        let together = batches.len().to_string();
        for batch in batches {
            let answer = |_| {
                Answer::Ready(Response::with_body(Status::OK, "text/plain", together.clone().into_bytes()))
            };
            batch.answers.extend(batch.requests.drain(..).map(answer));
        }
    }
}

fn batch() -> Batch {
    let session =
        Session::new(Peer { interface: InterfaceName::new("primary"), certificate: None, session: None });
    let request = Request::new(Method::Get, "/".to_owned(), Headers::default(), Bytes::new());
    Batch { requests: vec![request], ..Batch::new(session) }
}

fn text(batch: &Batch) -> String {
    let [Answer::Ready(response)] = &batch.answers[..] else { panic!("one answer, at once") };
    String::from_utf8(response.body.clone()).unwrap()
}

#[tokio::test]
async fn what_is_ready_in_one_turn_is_dispatched_together() {
    let turns = Arc::new(AtomicUsize::new(0));
    let gather = Gather::new(Counting(Arc::clone(&turns)));
    for round in 1..=3 {
        let asking: Vec<_> = (0..10).map(|_| spawn(gather.ask(batch()))).collect();
        for asked in asking {
            assert_eq!(text(&asked.await.unwrap()), "10");
        }
        assert_eq!(turns.load(Ordering::Relaxed), round);
    }
    assert_eq!(text(&gather.ask(batch()).await), "1");
}

#[tokio::test]
async fn a_connection_that_ends_leaves_the_others_their_answers() {
    let gather = Gather::new(Counting::default());
    for polled in [false, true] {
        let first = spawn(gather.ask(batch()));
        let second = gather.ask(batch());
        if polled {
            yield_now().await;
        }
        first.abort();
        assert_eq!(text(&second.await), "2");
    }
}
