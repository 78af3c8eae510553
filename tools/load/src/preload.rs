//! Writing every key once before a run that reads them.

use std::time::Duration;

use crate::error::Error;
use crate::http1::Connection;
use crate::plan::Plan;
use crate::target::Target;
use crate::workload::{Request, Requests};

/// Connections that write side by side.
const CONNECTIONS: u64 = 8;
/// Writes in flight on each.
const DEPTH: u64 = 32;

/// Status by which a service says that too many writes wait for commit.
const BUSY: u16 = 503;
/// How long to wait then.
const PAUSE: Duration = Duration::from_millis(20);
/// How often to wait before giving up: about a minute in all.
const MAX_REFUSALS: u32 = 3000;

/// Writes every key of the plan. A service that is busy is given time; any other refusal is an error.
pub(crate) fn preload(target: &Target, plan: &Plan) -> Result<(), Error> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::io("runtime"))?;
    runtime.block_on(async {
        let mut parts = tokio::task::JoinSet::new();
        let step = plan.keys.div_ceil(CONNECTIONS).max(1);
        for first in (0..plan.keys).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            let requests = Requests::new(plan, &target.authority, 0);
            parts.spawn(fill(target.clone(), requests, first..plan.keys.min(first + step)));
        }
        while let Some(part) = parts.join_next().await {
            part.unwrap_or(Err(Error::Thread))?;
        }
        Ok(())
    })
}

async fn fill(target: Target, requests: Requests, keys: std::ops::Range<u64>) -> Result<(), Error> {
    let mut connection = Connection::open(&target).await?;
    let mut out = Vec::new();
    let mut next = keys.start;
    let mut refusals = 0;
    while next < keys.end {
        let last = keys.end.min(next + DEPTH);
        out.clear();
        for key in next..last {
            requests.encode(Request::Write(key), &mut out);
        }
        connection.send(&out).await?;
        let mut missing = last - next;
        let mut busy = false;
        while missing > 0 {
            connection.fill().await?;
            while let Some(answer) = connection.next()? {
                match answer.status {
                    200..300 => {}
                    BUSY => busy = true,
                    status => return Err(Error::Preload(status)),
                }
                missing = missing.checked_sub(1).ok_or(Error::Answer("nobody asked"))?;
            }
        }
        if busy {
            // Too many writes wait for commit: these are sent again, a little later.
            refusals += 1;
            if refusals > MAX_REFUSALS {
                return Err(Error::Preload(BUSY));
            }
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        next = last;
    }
    Ok(())
}
