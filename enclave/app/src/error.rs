//! Errors as clients see them: a status, a code and a message.
//!
//! The JSON form is that of OData: `{"error":{"code":…,"message":…,"details":[…]}}`.

use std::{borrow::Cow, fmt};

use serde::Serialize;
use serde_json::json;

use crate::request::{Response, Status};

macro_rules! error_codes {
    ($($name:ident),* $(,)?) => {
        /// What went wrong, by the names that CCF's clients know (`include/ccf/odata_error.h`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        #[expect(missing_docs, reason = "each name says it")]
        pub enum ErrorCode { $($name),* }
    };
}

error_codes! {
    AuthorizationFailed, InternalError, NotImplemented, InvalidAuthenticationInfo, InvalidHeaderValue,
    InvalidInput, InvalidQueryParameterValue, InvalidResourceName, MissingRequiredHeader, ResourceNotFound,
    RequestNotSigned, UnsupportedHttpVerb, UnsupportedContentType, RequestBodyTooLarge, RequestHeaderTooLarge,
    PreconditionFailed, SessionCapExhausted, FrontendNotOpen, KeyNotFound, NodeAlreadyRecovering,
    ProposalNotOpen, ProposalNotFound, ProposalFailedToValidate, ServiceNotWaitingForRecoveryShares,
    StateDigestMismatch, TransactionNotFound, TransactionCommitAttemptsExceedLimit,
    TransactionReplicationFailed, UnknownCertificate, VoteNotFound, VoteAlreadyExists, NodeCannotHandleRequest,
    TransactionPendingOrUnknown, TransactionInvalid, PrimaryNotFound, BackupNotFound, RequestAlreadyForwarded,
    NodeNotRetiredCommitted, SessionConsistencyLost, ExecutorDispatchFailed, ProposalReplay,
    ProposalCreatedTooLongAgo, InvalidCreatedAt, JSException, TooManyPendingTransactions,
    MissingApiVersionParameter, UnsupportedApiVersionValue, ConsensusTypeMismatch, InvalidQuote,
    InvalidNodeState, NodeAlreadyExists, StartupSeqnoIsOld, CSRPublicKeyInvalid,
}

/// A refusal: the caller is wrong, and nothing was changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Reject {
    /// HTTP status.
    pub status: Status,
    /// What went wrong.
    pub code: ErrorCode,
    /// The same for people.
    pub message: Cow<'static, str>,
    /// Further objects, one for each thing wrong.
    pub details: Vec<serde_json::Value>,
}

impl Reject {
    /// No details.
    #[must_use]
    pub fn new(status: Status, code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code, message: message.into(), details: Vec::new() }
    }

    /// 400 `InvalidInput`.
    #[must_use]
    pub fn invalid_input(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::BAD_REQUEST, ErrorCode::InvalidInput, message)
    }

    /// 404 `ResourceNotFound`.
    #[must_use]
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::NOT_FOUND, ErrorCode::ResourceNotFound, message)
    }

    /// 500 `InternalError`.
    #[must_use]
    pub fn internal(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Status::INTERNAL_SERVER_ERROR, ErrorCode::InternalError, message)
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}: {}", self.status.0, self.code, self.message)
    }
}

impl From<coco_kv::Malformed> for Reject {
    fn from(malformed: coco_kv::Malformed) -> Self {
        Self::internal(malformed.to_string())
    }
}

impl From<Reject> for Response {
    fn from(reject: Reject) -> Self {
        let mut error = json!({ "code": reject.code, "message": reject.message });
        if !reject.details.is_empty() {
            error["details"] = reject.details.into();
        }
        Self::json(reject.status, &json!({ "error": error }))
    }
}
