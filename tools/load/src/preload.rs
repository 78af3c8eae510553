//! Writing every key once before a run that reads them.

use crate::error::Error;
use crate::http1::Connection;
use crate::plan::Plan;
use crate::target::Target;
use crate::workload::{Request, Requests};

/// Connections that write side by side.
const CONNECTIONS: u64 = 8;
/// Writes in flight on each.
const DEPTH: u64 = 32;

/// Writes every key of the plan; any refusal is an error.
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
    while next < keys.end {
        let last = keys.end.min(next + DEPTH);
        out.clear();
        for key in next..last {
            requests.encode(Request::Write(key), &mut out);
        }
        connection.send(&out).await?;
        let mut missing = last - next;
        while missing > 0 {
            connection.fill().await?;
            while let Some(answer) = connection.next()? {
                if !(200..300).contains(&answer.status) {
                    return Err(Error::Preload(answer.status));
                }
                missing = missing.checked_sub(1).ok_or(Error::Answer("nobody asked"))?;
            }
        }
        next = last;
    }
    Ok(())
}
