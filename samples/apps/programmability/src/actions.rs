//! What admins do to the application: authorised, recorded, and done once.

use coco_app::{Call, Caller, Context, ErrorCode, MessageKind, Policy, Reject, Status};
use coco_crypto::hash::sha256;
use coco_kv::{JsonValue, Singleton, Table, Tx};
use coco_tables::{
    users::Users,
    value::{JsonText, Present},
};
use coco_wire::{Digest, text::Base64};
use serde::{Deserialize, Serialize};

use crate::CUSTOM_ENDPOINTS;

const TYPE_HEADER: &str = "app.msg.type";
const CREATED_AT_HEADER: &str = "app.msg.created_at";

/// Most signed actions that are remembered.
const WINDOW: usize = 100;

/// A change of the application that an admin asks for.
pub(crate) struct Action<'a> {
    user: Digest,
    call: &'a Call,
}

/// Who did what in which form. Source: CCF `include/ccf/js/audit_format.h`.
#[derive(Serialize, Deserialize)]
struct AuditInfo {
    format: Format,
    user_id: String,
    action_name: String,
}

impl JsonValue for AuditInfo {}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Format {
    /// Signed by the admin.
    #[serde(rename = "COSE")]
    Cose,
    /// Sent over a connection of the admin.
    #[serde(rename = "JSON")]
    Json,
}

impl<'a> Action<'a> {
    /// Accepts a message that a user signed for this purpose.
    pub(crate) fn signed_as(message_type: &'static str) -> Policy {
        Policy::TypedUserCoseSign1(MessageKind {
            message_type,
            type_header: TYPE_HEADER,
            created_at_header: CREATED_AT_HEADER,
        })
    }

    /// The action that a call asks for, if its caller's data, which the members set, says `{"isAdmin": true}`.
    pub(crate) fn of_admin(call: &'a Call, cx: &Context<'_>) -> Result<Self, Reject> {
        let (Caller::User(user) | Caller::UserSigned(user, _)) = &call.caller else {
            return Err(Reject::new(Status::UNAUTHORIZED, ErrorCode::InternalError, "Failed to get user id"));
        };
        let info = Users::default().info.get(cx.tx, user)?;
        if info.is_none_or(|info| info.user_data["isAdmin"] != true) {
            let message = "Only admins may access this endpoint.";
            return Err(Reject::new(Status::FORBIDDEN, ErrorCode::AuthorizationFailed, message));
        }
        Ok(Self { user: *user, call })
    }

    /// Leaves the action in the ledger as it came. Of a signed one, sees that it is not done again.
    pub(crate) fn record(&self, cx: &mut Context<'_>) -> Result<(), Reject> {
        let request = self.call.request();
        let signed = self.call.caller.signed();
        let format = if signed.is_some() { Format::Cose } else { Format::Json };
        let input: Singleton<Base64> = Singleton::new(&format!("{CUSTOM_ENDPOINTS}.audit.input"));
        input.put(cx.tx, &Base64(request.body.to_vec()));
        let info: Singleton<AuditInfo> = Singleton::new(&format!("{CUSTOM_ENDPOINTS}.audit.info"));
        let action_name = format!("{} {}", request.method, request.path());
        info.put(cx.tx, &AuditInfo { format, user_id: self.user.to_hex(), action_name });
        let Some(signed) = signed else { return Ok(()) };
        let created_at_s = signed.created_at_s.and_then(|seconds| u64::try_from(seconds).ok());
        let created_at_s = created_at_s.ok_or_else(|| {
            let message = format!("Missing {CREATED_AT_HEADER} protected header");
            Reject::new(Status::BAD_REQUEST, ErrorCode::MissingRequiredHeader, message)
        })?;
        do_once(cx.tx, created_at_s, &request.body)
    }
}

/// Remembers a signed action. It must be none that is remembered, and no older than half of those.
fn do_once(tx: &mut Tx, created_at_s: u64, message: &[u8]) -> Result<(), Reject> {
    let recent: Table<JsonText, Present> = Table::new(&format!("{CUSTOM_ENDPOINTS}.recent_actions"));
    let key = JsonText(format!("{created_at_s:0>10}:{}", sha256(message).to_hex()));
    if recent.has(tx, &key) {
        return Err(Reject::invalid_input("Action was already applied"));
    }
    let keys = recent.iter(tx).map(|row| row.map(|(key, _)| (time_of(&key), key)));
    let mut known: Vec<_> = keys.collect::<Result<_, _>>()?;
    known.sort_by(|(a, first), (b, second)| (a, &first.0).cmp(&(b, &second.0)));
    if known.get(known.len() / 2).is_some_and(|(median_s, _)| created_at_s < *median_s) {
        return Err(Reject::invalid_input("Action created_at timestamp is too old"));
    }
    recent.put(tx, &key, &Present);
    for (_, oldest) in known.iter().take((known.len() + 1).saturating_sub(WINDOW)) {
        recent.remove(tx, oldest);
    }
    Ok(())
}

/// When a remembered action was signed.
fn time_of(key: &JsonText) -> u64 {
    key.0.split_once(':').and_then(|(seconds, _)| seconds.parse().ok()).unwrap_or(0)
}
