//! The logging application: records of text under numbers, in private and in public tables.
//!
//! An application is a list of [`Endpoint`]s. Each has a method, a path, the identities that it accepts and a handler:
//! a function of the call and of a [`Context`](coco_app::Context) that reads and writes tables. The node does the rest:
//! it authenticates, orders the writes, replicates them and proves them by receipts. Begin with `private`; `public`
//! adds entity tags, `history` and `receipts` read what was committed, `identities` and `custom_auth` are about
//! callers, `committed` keeps an index of its own. The endpoints are those of CCF's sample of the same name.

mod committed;
mod custom_auth;
mod etag;
mod history;
mod identities;
mod private;
mod public;
mod receipts;
mod records;

use std::sync::Arc;

use coco_app::{ApiInfo, Endpoint, Manifest, Policy, Reject, Response, RestAdapter};
use coco_crypto::hash::sha256;
use coco_kv::Tx;
use coco_tables::scripts::Scripts;
use coco_wire::Digest;

use crate::committed::CommittedRecords;

/// Users, by the certificate of their connection or by signing the request, and holders of a token.
const USERS: &[Policy] = &[Policy::Jwt, Policy::UserCert, Policy::UserCoseSign1];

/// Endpoints for everyone.
const ANYONE: &[Policy] = &[];

/// What a handler answers.
type Answer = Result<Response, Reject>;

/// The application.
#[must_use]
pub fn adapter() -> RestAdapter {
    let manifest = Manifest { name: "logging", indexed_tables: vec![records::PUBLIC], ..Manifest::default() };
    let info = ApiInfo {
        mount: "/app",
        title: "CCF Sample Logging App",
        description: "This CCF sample app implements a simple logging application, securely recording messages at \
                      client-specified IDs. It demonstrates most of the features available to CCF apps.",
        version: "2.8.0",
    };
    let committed = Arc::new(CommittedRecords::default());
    let endpoints: [Vec<Endpoint>; 7] = [
        private::endpoints(),
        public::endpoints(),
        history::endpoints(),
        receipts::endpoints(),
        identities::endpoints(),
        custom_auth::endpoints(),
        committed::endpoints(&committed),
    ];
    endpoints
        .into_iter()
        .flatten()
        .fold(RestAdapter::new(manifest, info), RestAdapter::with)
        .observed_by(committed)
        .at_genesis(claim_constitution)
        .with_api()
}

/// The receipt of the first transaction shows under which constitution the service began.
fn claim_constitution(tx: &mut Tx) -> Result<Digest, Reject> {
    let constitution = Scripts::default().constitution.get(tx)?;
    Ok(constitution.map_or(Digest::ZERO, |text| sha256(text.0.as_bytes())))
}
