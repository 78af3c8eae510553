//! Users of the application.

use coco_kv::{JsonValue, Table};
use coco_wire::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Tables of users, by the digest of their certificate (DER).
pub struct Users {
    /// `users.certs`: PEM certificate. Written by `set_user` and `remove_user`.
    pub certs: Table<Digest, String>,
    /// `users.info`: data of a user; only of those who have any. Written by `set_user`, `set_user_data` and
    /// `remove_user`.
    pub info: Table<Digest, UserInfo>,
}

impl Default for Users {
    fn default() -> Self {
        Self {
            certs: Table::new("public:ccf.gov.users.certs"),
            info: Table::new("public:ccf.gov.users.info"),
        }
    }
}

/// What is known of a user. Source: CCF `UserDetails`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserInfo {
    /// Whatever the consortium noted; written even if null.
    pub user_data: Value,
}

impl JsonValue for UserInfo {}
