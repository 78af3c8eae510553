//! Downloads of snapshots and of the ledger, from the files of the host: for nodes that join, and for backups.
//!
//! Paths, ranges and errors are those of CCF 7 (`src/node/rpc/file_serving_handlers.h`). What is served is the host's word:
//! whoever downloads checks signatures and receipts. An interface serves them only if its configuration says so.

mod find;
mod get;
mod prefix;
mod range;

use coco_app::{
    Call, Context, Endpoint, EndpointMode, ErrorCode, Forwarding, Method, Reject, Response, Status,
};
use coco_boundary::FileName;
use coco_wire::{
    Seqno,
    chunk::{ChunkMark, ChunkName, ChunkPhase, PrefixName},
    snapshot::{SnapshotName, SnapshotPhase},
};

use self::{
    find::{Find, Otherwise},
    get::Get,
    prefix::{GetPrefix, unavailable},
    range::Range,
};
use super::{
    Admin, Handle,
    redirect::{to_node, to_primary, to_self},
    request_of,
};

/// Path of downloads of snapshots.
pub(crate) const SNAPSHOT: &str = "/node/snapshot";
/// Path of downloads of the ledger.
pub(crate) const CHUNK: &str = "/node/ledger-chunk";
/// Below it, of what is committed of open chunks.
const PREFIXES: &str = "/committed_prefix";
/// Query parameter by which these are wanted, too.
const INCLUDE_PREFIX: &str = "include_committed_prefix";

pub(super) fn endpoints(admin: &Admin) -> Vec<Endpoint> {
    let paths: [(&'static str, Handle); 5] = [
        ("/snapshot", find_snapshot),
        ("/snapshot/{snapshot_name}", get_snapshot),
        ("/ledger-chunk", find_chunk),
        ("/ledger-chunk/{chunk_name}", get_chunk),
        ("/ledger-chunk/committed_prefix/{chunk_name}", get_prefix),
    ];
    let both = |(path, handle): (&'static str, Handle)| {
        [Method::Head, Method::Get].map(|method| {
            admin.read(method, path, handle).mode(EndpointMode::Host).forwarding(Forwarding::Never).hidden()
        })
    };
    paths.into_iter().flat_map(both).collect()
}

fn find_snapshot(admin: &Admin, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let since = since(call)?.unwrap_or(Seqno::ZERO);
    // The primary is who will be asked to let a node in. If there is none, this node's best is better than nothing.
    if !admin.state().primary && admin.primary().is_some() {
        let query = if since == Seqno::ZERO { String::new() } else { format!("?since={since}") };
        let location = to_primary(admin, call, cx, &format!("{SNAPSHOT}{query}"))?;
        return Ok(sent_on(location, "Node is not primary; redirecting for preferable snapshot"));
    }
    let base = to_self(admin, call, SNAPSHOT)?;
    cx.download = Some(Box::new(Find::snapshot(since, base)));
    Ok(Response::empty(Status::OK))
}

fn find_chunk(admin: &Admin, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let since = since(call)?.ok_or_else(|| {
        Reject::new(
            Status::BAD_REQUEST,
            ErrorCode::InvalidQueryParameterValue,
            "Missing required query parameter 'since'",
        )
    })?;
    let prefix = includes_prefix(call)?;
    let base = to_self(admin, call, CHUNK)?;
    let query = if prefix { format!("&{INCLUDE_PREFIX}=true") } else { String::new() };
    let path = format!("{CHUNK}?since={since}{query}");
    let otherwise = if since <= admin.shared.startup_seqno() {
        // This node never had it.
        let text = "Node does not have ledger chunk; redirecting to next node".to_owned();
        next_node(admin, cx)?.map(|node| (to_node(admin, call, cx, &node, &path), text))
    } else if admin.state().primary || admin.primary().is_none() {
        None
    } else {
        let text = format!("Ledger chunk including index {since} not found locally; redirecting to primary");
        Some((to_primary(admin, call, cx, &path), text))
    };
    let otherwise = match otherwise {
        Some((location, text)) => Otherwise::Redirect(location?, text),
        None => Otherwise::NotFound,
    };
    let find = Find::chunk(since, base, otherwise);
    let find = if prefix { find.or_prefix(admin.state().chain.committed.seqno) } else { find };
    cx.download = Some(Box::new(find));
    Ok(Response::empty(Status::OK))
}

/// The node whose name follows this one's.
fn next_node(admin: &Admin, cx: &Context<'_>) -> Result<Option<coco_wire::Digest>, Reject> {
    let own = admin.node_id();
    let mut others = Vec::new();
    for row in admin.tables.nodes.info.iter(&*cx.tx) {
        let (node, _) = row?;
        if node != own {
            others.push(node);
        }
    }
    others.sort_unstable();
    Ok(others.iter().find(|node| **node > own).or(others.first()).copied())
}

fn get_snapshot(_: &Admin, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let name = call.parameter(0)?;
    let committed = |name: &SnapshotName| name.phase == SnapshotPhase::Committed;
    let file = name.parse().ok().filter(committed).map(FileName::Snapshot);
    let file = file.ok_or_else(|| get::absent_snapshot(&name))?;
    begin(file, call, cx)
}

fn get_chunk(_: &Admin, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let name = call.parameter(0)?;
    let committed =
        |name: &ChunkName| matches!(name.phase, ChunkPhase::Committed { .. }) && name.mark == ChunkMark::None;
    let file = name.parse().ok().filter(committed).map(FileName::Chunk);
    let file = file.ok_or_else(|| get::absent_chunk(&name))?;
    begin(file, call, cx)
}

fn get_prefix(admin: &Admin, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    let name = call.parameter(0)?;
    let name: PrefixName = name.parse().map_err(|_| {
        let text = format!("{name} is not a valid committed ledger prefix name");
        Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidResourceName, text)
    })?;
    if name.last > admin.state().chain.committed.seqno {
        return Ok(is_temporary(unavailable(name)));
    }
    let get = Get::new(FileName::Chunk(name.chunk()), range(call)?, request_of(call));
    cx.download = Some(Box::new(GetPrefix::new(name, get)));
    Ok(Response::empty(Status::OK))
}

fn begin(file: FileName, call: &Call, cx: &mut Context<'_>) -> Result<Response, Reject> {
    cx.download = Some(Box::new(Get::new(file, range(call)?, request_of(call))));
    Ok(Response::empty(Status::OK))
}

fn range(call: &Call) -> Result<Option<Range>, Reject> {
    request_of(call).headers.text("range").map(Range::parse).transpose()
}

/// Whether the client also takes what is committed of open chunks.
fn includes_prefix(call: &Call) -> Result<bool, Reject> {
    let Some(text) = request_of(call).parameter(INCLUDE_PREFIX) else { return Ok(false) };
    text.parse().map_err(|_| {
        let message = format!("Unable to parse value '{text}' in parameter '{INCLUDE_PREFIX}'");
        Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidQueryParameterValue, message)
    })
}

/// Marks an answer that will soon be another.
fn is_temporary(response: Response) -> Response {
    let is_permanent = response.status == Status::PERMANENT_REDIRECT;
    let status = if is_permanent { Status::TEMPORARY_REDIRECT } else { response.status };
    Response { status, ..response }.header("cache-control", "no-store")
}

/// The entry that query parameter `since` names.
fn since(call: &Call) -> Result<Option<Seqno>, Reject> {
    let Some(text) = request_of(call).parameter("since") else { return Ok(None) };
    text.parse().map(|seqno| Some(Seqno(seqno))).map_err(|_| {
        let message = format!("Unable to parse value '{text}' in parameter 'since'");
        Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidQueryParameterValue, message)
    })
}

fn sent_on(location: String, text: impl Into<std::borrow::Cow<'static, str>>) -> Response {
    let reject = Reject::new(Status::PERMANENT_REDIRECT, ErrorCode::NodeCannotHandleRequest, text);
    Response::from(reject).header("location", location)
}
