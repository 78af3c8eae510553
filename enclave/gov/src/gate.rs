//! What every request passes first: version of the API, kind and standing of its signer, names in its path.

use std::fmt;

use coco_app::{Call, Caller, Context, ErrorCode, Policy, Reject, Request, Response, SignedMessage, Status};
use coco_tables::{Tables, members::MemberStatus};
use coco_wire::Digest;
use serde_json::{Map, Value, json};

/// Versions of the governance API (CCF `src/node/gov/api_version.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ApiVersion {
    /// `2023-06-01-preview`
    Preview,
    /// `2024-07-01`
    First,
}

/// Whose signature an endpoint asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Any member's.
    Known,
    /// That of a member who has acknowledged the state.
    Active,
}

/// What an endpoint asks of a signed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Demand {
    /// Protected header `ccf.gov.msg.type`.
    pub(crate) message_type: &'static str,
    /// Who may sign it.
    pub(crate) standing: Standing,
}

/// A signed request that was admitted.
pub(crate) struct Signed<'a> {
    /// The request.
    pub(crate) call: &'a Call,
    /// Who signed it.
    pub(crate) member: Digest,
    /// What was signed.
    pub(crate) message: &'a SignedMessage,
}

impl ApiVersion {
    pub(crate) const ALL: [Self; 2] = [Self::Preview, Self::First];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Preview => "2023-06-01-preview",
            Self::First => "2024-07-01",
        }
    }

    /// The version that the request asks for, which must be at least this one.
    pub(crate) fn asked(self, call: &Call) -> Result<Self, Reject> {
        let accepted = Self::ALL.into_iter().filter(|version| *version >= self);
        let refuse = |code, what: String| {
            let names: Vec<_> = accepted.clone().map(Self::name).collect();
            let names = names.join(", ");
            let message = format!("{what} The supported api-versions are: {names}");
            Reject::new(Status::BAD_REQUEST, code, message)
        };
        let Some(asked) = request_of(call).parameter("api-version") else {
            let what = "The api-version query parameter (?api-version=) is required for all requests.";
            return Err(refuse(ErrorCode::MissingApiVersionParameter, what.into()));
        };
        accepted.clone().find(|version| version.name() == asked).ok_or_else(|| {
            refuse(ErrorCode::UnsupportedApiVersionValue, format!("Unsupported api-version '{asked}'."))
        })
    }
}

impl Standing {
    /// How the signer proves it.
    pub(crate) fn policy(self) -> Policy {
        match self {
            Self::Known => Policy::MemberCoseSign1,
            Self::Active => Policy::ActiveMemberCoseSign1,
        }
    }
}

impl<'a> Signed<'a> {
    /// Admits a request whose signature was verified, or says what is wrong with it.
    pub(crate) fn admit(
        tables: &Tables,
        call: &'a Call,
        cx: &Context<'_>,
        demand: Demand,
    ) -> Result<Self, Response> {
        let refuse = |reason: String| unauthorised(&demand.standing.policy(), &reason);
        let Caller::MemberSigned(member, message) = &call.caller else {
            return Err(refuse("The request is not signed by a member".into()));
        };
        let expected = format!("expected ccf.gov.msg.type to be {}", demand.message_type);
        match &message.message_type {
            Some(found) if found == demand.message_type => {}
            Some(found) => return Err(refuse(format!("Found ccf.gov.msg.type set to {found}, {expected}"))),
            None => return Err(refuse(format!("Missing ccf.gov.msg.type, {expected}"))),
        }
        if demand.standing == Standing::Active {
            let info =
                tables.members.info.get(&*cx.tx, member).map_err(|error| Response::from(internal(error)))?;
            if info.is_none_or(|info| info.status != MemberStatus::Active) {
                return Err(refuse("Signer is not an ACTIVE member".into()));
            }
        }
        Ok(Self { call, member: *member, message })
    }

    /// Checks that the member named in the path is the signer.
    pub(crate) fn check_member(&self, position: usize) -> Result<(), Reject> {
        if member_id(self.call, position)? == self.member {
            return Ok(());
        }
        Err(invalid_name("Authenticated member id does not match URL".into()))
    }

    /// The proposal named in the path, which must be the one that the signer meant.
    pub(crate) fn proposal_id(&self, position: usize) -> Result<String, Reject> {
        let id = proposal_id(self.call, position)?;
        if self.message.proposal_id.as_ref() == Some(&id) {
            return Ok(id);
        }
        Err(invalid_name("Authenticated proposal id does not match URL".into()))
    }

    /// A field of the signed content, which is a JSON object.
    pub(crate) fn text_field(&self, name: &str) -> Result<String, Reject> {
        let content: Option<Map<String, Value>> = serde_json::from_slice(&self.message.payload).ok();
        match content.and_then(|mut content| content.remove(name)) {
            Some(Value::String(text)) => Ok(text),
            _ => Err(Reject::invalid_input(format!(
                "Signed request body is not a JSON object containing required string field \"{name}\""
            ))),
        }
    }
}

/// The request of a call.
pub(crate) fn request_of(call: &Call) -> &Request {
    call.http().expect("routes of a REST adapter carry HTTP requests")
}

/// The member in the path.
pub(crate) fn member_id(call: &Call, position: usize) -> Result<Digest, Reject> {
    entity_id(call, position, "member")
}

/// The proposal in the path.
pub(crate) fn proposal_id(call: &Call, position: usize) -> Result<String, Reject> {
    Ok(entity_id(call, position, "proposal")?.to_hex())
}

/// What the path names by 64 hexadecimal digits.
pub(crate) fn entity_id(call: &Call, position: usize, noun: &str) -> Result<Digest, Reject> {
    let text = call.parameter(position)?;
    text.parse().map_err(|_| invalid_name(format!("'{text}' is not a valid hex-encoded {noun} ID")))
}

/// 500 for what should not be so.
pub(crate) fn internal(error: impl fmt::Display) -> Reject {
    Reject::internal(error.to_string())
}

fn invalid_name(message: String) -> Reject {
    Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidResourceName, message)
}

fn unauthorised(policy: &Policy, reason: &str) -> Response {
    let code = ErrorCode::InvalidAuthenticationInfo;
    let text = "Invalid authentication credentials.";
    let details = vec![json!({ "auth_policy": policy.name(), "code": code, "message": reason })];
    let response = Response::from(Reject { details, ..Reject::new(Status::UNAUTHORIZED, code, text) });
    match policy.challenge() {
        Some(challenge) => response.header("www-authenticate", challenge),
        None => response,
    }
}
