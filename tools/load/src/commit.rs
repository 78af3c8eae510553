//! Writes that are followed until they are committed, one at a time on a connection.

use std::time::Instant;

use crate::arrivals::{Arrivals, Timer};
use crate::error::Error;
use crate::http1::Connection;
use crate::plan::Follow;
use crate::recorder::Shared;
use crate::workload::Requests;

/// Writes as requests are due; each counts as answered when its transaction is committed.
pub(crate) async fn drive(
    mut connection: Connection,
    mut requests: Requests,
    arrivals: Arrivals,
    recorder: Shared,
    follow: Follow,
) -> Result<(), Error> {
    let timer = Timer::new()?;
    let mut out = Vec::new();
    while let Some(intended) = arrivals.wait().await {
        let request = requests.draw();
        out.clear();
        requests.encode(request, &mut out);
        recorder.borrow_mut().sent(intended, Instant::now());
        let answer = connection.exchange(&out).await?;
        let mut status = answer.status;
        if let (Follow::Poll { every }, 200..300) = (follow, status) {
            let transaction = connection.transaction(&answer).ok_or(Error::Answer("no transaction id"))?;
            out.clear();
            requests.encode_status(&transaction, &mut out);
            loop {
                let answer = connection.exchange(&out).await?;
                status = answer.status;
                if status != 200 || says(connection.body(&answer), b"Committed") {
                    break;
                }
                if says(connection.body(&answer), b"Invalid") {
                    status = LOST;
                    break;
                }
                timer.until(Instant::now() + every).await?;
            }
        }
        recorder.borrow_mut().answered(intended, Instant::now(), status);
    }
    Ok(())
}

/// Counted for a transaction that a change of view undid: no status of HTTP.
const LOST: u16 = 999;

/// True if a status document holds `word` as its status.
fn says(body: &[u8], word: &[u8]) -> bool {
    body.windows(word.len()).any(|window| window == word)
}
