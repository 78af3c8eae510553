//! The endpoints below `/gov`.

use std::sync::Arc;

use coco_app::{
    Call, Context, Description, Endpoint, Manifest, Method, Reject, Response, RestAdapter, Schema, media,
    openapi::Content,
};
use coco_crypto::LedgerSecret;
use coco_kv::Tx;
use coco_tables::Tables;

use crate::{
    acks,
    authority::Authority,
    ballots, console, documents,
    gate::{ApiVersion, Demand, Signed, Standing, request_of},
    identities, join_policy, proposals, recovery, service,
};

/// Governance at work.
#[derive(Clone)]
pub(crate) struct Governance {
    pub(crate) authority: Arc<Authority>,
    pub(crate) tables: Arc<Tables>,
}

impl Governance {
    /// Longest text told of one refusal.
    const MAX_TOLD_BYTES: usize = 4096;

    /// Tells operators what a member was refused; nobody else can make the node say so.
    fn tell(&self, call: &Call, reject: &Reject) {
        let request = request_of(call);
        let (method, path, status) = (request.method, request.path(), reject.status.0);
        let text = format!("{method} {path} returning error {status}: {}", reject.message);
        (self.authority.refused)(&text[..text.floor_char_boundary(Self::MAX_TOLD_BYTES)]);
    }
}

type ReadHandler = fn(&Governance, &Call, &mut Context<'_>) -> Result<Response, Reject>;
type WriteHandler = fn(&Governance, &Signed<'_>, &mut Context<'_>) -> Result<Response, Reject>;

/// What an endpoint answers with.
#[derive(Clone, Copy)]
enum Answer {
    Json,
    Script,
}

/// The adapter for the mount `/gov`. Requests that may write run scripts and public-key cryptography: they are heavy.
#[must_use]
pub fn adapter(authority: Arc<Authority>) -> RestAdapter {
    let governance = Governance { authority, tables: Arc::default() };
    let manifest = Manifest { name: "gov", ..Manifest::default() };
    let endpoints: Vec<_> = writes(&governance).into_iter().chain(reads(&governance)).collect();
    // What is ours belongs to no version of the API.
    let mut adapter =
        RestAdapter::new(manifest, documents::info("4.8.0")).with(console::endpoint(&governance));
    for (_, endpoint) in &endpoints {
        adapter = adapter.with(endpoint.clone());
    }
    documents::serve(adapter, &endpoints)
}

/// All that may write, with the version since when.
fn writes(governance: &Governance) -> Vec<(ApiVersion, Endpoint)> {
    let demand = |message_type, standing| Demand { message_type, standing };
    let write = |path, demand, summary, handler| {
        (ApiVersion::Preview, write(governance, path, demand, summary, handler))
    };
    vec![
        write(
            "/members/proposals:create",
            demand("proposal", Standing::Active),
            "Propose actions",
            proposals::create,
        ),
        write(
            "/members/proposals/{proposalId}:withdraw",
            demand("withdrawal", Standing::Active),
            "Withdraw one's own proposal",
            proposals::withdraw,
        ),
        write(
            "/members/proposals/{proposalId}/ballots/{memberId}:submit",
            demand("ballot", Standing::Active),
            "Vote on a proposal",
            ballots::submit,
        ),
        write(
            "/members/state-digests/{memberId}:update",
            demand("state_digest", Standing::Known),
            "Ask for the state to acknowledge",
            acks::update,
        ),
        write(
            "/members/state-digests/{memberId}:ack",
            demand("ack", Standing::Known),
            "Acknowledge the state",
            acks::ack,
        ),
        write(
            "/recovery/members/{memberId}:recover",
            demand("recovery_share", Standing::Active),
            "Submit a recovery share",
            recovery::submit,
        ),
    ]
}

/// All that only read, with the version since when.
fn reads(governance: &Governance) -> Vec<(ApiVersion, Endpoint)> {
    use Answer::{Json, Script};
    use ApiVersion::{First, Preview};
    let reads: [(&'static str, ApiVersion, Answer, &'static str, ReadHandler); 21] = [
        ("/members/proposals", Preview, Json, "All proposals", proposals::list),
        ("/members/proposals/{proposalId}", Preview, Json, "A proposal", proposals::get),
        ("/members/proposals/{proposalId}/actions", Preview, Json, "What is proposed", proposals::actions),
        (
            "/members/proposals/{proposalId}/ballots/{memberId}",
            Preview,
            Script,
            "The ballot of a member",
            ballots::get,
        ),
        ("/members/state-digests/{memberId}", Preview, Json, "The state to acknowledge", acks::get),
        (
            "/recovery/encrypted-shares/{memberId}",
            Preview,
            Json,
            "The encrypted recovery share of a member",
            recovery::encrypted_share,
        ),
        ("/service/constitution", Preview, Script, "The constitution", service::constitution),
        ("/service/info", Preview, Json, "The service", service::info),
        ("/service/javascript-app", First, Json, "Endpoints of the application", service::javascript_app),
        ("/service/javascript-modules", First, Json, "Modules of the application", service::modules),
        (
            "/service/javascript-modules/{moduleName}",
            First,
            Script,
            "A module of the application",
            service::module,
        ),
        ("/service/join-policy", Preview, Json, "What may run a node", join_policy::get),
        ("/service/jwk", Preview, Json, "Issuers of tokens and their keys", service::jwk),
        ("/service/members", Preview, Json, "All members", identities::members),
        ("/service/members/{memberId}", Preview, Json, "A member", identities::member),
        ("/service/users", Preview, Json, "All users", identities::users),
        ("/service/users/{userId}", Preview, Json, "A user", identities::user),
        ("/service/nodes", Preview, Json, "All nodes", identities::nodes),
        ("/service/nodes/{nodeId}", Preview, Json, "A node", identities::node),
        (
            "/service/transactions/{transactionId}",
            Preview,
            Json,
            "Status of a transaction",
            service::transaction,
        ),
        ("/service/transactions/commit", Preview, Json, "The last committed transaction", service::commit),
    ];
    let read = |(path, least, answer, summary, handler)| {
        (least, read(governance, path, least, answer, summary, handler))
    };
    reads.into_iter().map(read).collect()
}

/// Makes a new ledger secret within a transaction, which hands it to the nodes that are trusted at its end.
///
/// The error says why not.
pub fn rekeying(
    authority: Arc<Authority>,
) -> impl Fn(&mut Tx) -> Result<LedgerSecret, String> + Send + Sync + 'static {
    let governance = Governance { authority, tables: Arc::default() };
    move |tx| {
        let secret = governance.rekey(tx);
        let handed = secret.and_then(|secret| governance.hand_out(tx, &secret).map(|()| secret));
        handed.map_err(|refusal| refusal.to_string())
    }
}

fn write(
    governance: &Governance,
    path: &'static str,
    demand: Demand,
    summary: &'static str,
    handler: WriteHandler,
) -> Endpoint {
    let governance = governance.clone();
    let signed = Content { media_type: media::COSE, schema: Schema::string() };
    let description = describe(Answer::Json, summary);
    Endpoint::write(Method::Post, path, &[demand.standing.policy()], move |call, cx| {
        let signed = match Signed::admit(&governance.tables, call, cx, demand) {
            Ok(signed) => signed,
            Err(refusal) => return Ok(refusal),
        };
        ApiVersion::Preview.asked(call)?;
        handler(&governance, &signed, cx).inspect_err(|reject| governance.tell(call, reject))
    })
    .describe(Description { request: Some(signed), ..description })
    .heavy()
}

fn read(
    governance: &Governance,
    path: &'static str,
    least: ApiVersion,
    answer: Answer,
    summary: &'static str,
    handler: ReadHandler,
) -> Endpoint {
    let governance = governance.clone();
    Endpoint::read(Method::Get, path, &[], move |call, cx| {
        least.asked(call)?;
        handler(&governance, call, cx)
    })
    .describe(describe(answer, summary))
}

fn describe(answer: Answer, summary: &'static str) -> Description {
    let (media_type, schema) = match answer {
        Answer::Json => (media::JSON, Schema::json()),
        Answer::Script => (media::JAVASCRIPT, Schema::string()),
    };
    Description { response: Some(Content { media_type, schema }), ..Description::default() }
        .says(summary, "")
        .query("api-version", Schema::string())
}
