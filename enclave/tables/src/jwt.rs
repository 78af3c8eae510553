//! Issuers of JSON Web Tokens and their keys.

use coco_kv::{JsonValue, Table};
use coco_wire::text::Base64;
use serde::{Deserialize, Serialize};

use crate::value::is_default;

/// Name of the table of issuers.
pub const ISSUERS: &str = "public:ccf.gov.jwt.issuers";

/// Tables of token issuers.
pub struct Jwt {
    /// `jwt.issuers`: by the issuer's URL or name. Written by `set_jwt_issuer` and `remove_jwt_issuer`.
    pub issuers: Table<String, Issuer>,
    /// `jwt.public_signing_keys_metadata_v2`: by key ID. Written by `set_jwt_issuer`, `set_jwt_public_signing_keys`,
    /// `remove_jwt_issuer`, and the primary when it fetched an issuer's keys.
    pub signing_keys: Table<String, SigningKeys>,
}

impl Default for Jwt {
    fn default() -> Self {
        Self {
            issuers: Table::new(ISSUERS),
            signing_keys: Table::new("public:ccf.gov.jwt.public_signing_keys_metadata_v2"),
        }
    }
}

/// An issuer of tokens. Source: CCF `include/ccf/service/tables/jwt.h`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issuer {
    /// Bundle that the issuer's server is checked against.
    #[serde(default, skip_serializing_if = "is_default")]
    pub ca_cert_bundle_name: Option<String>,
    /// Whether its keys are fetched again and again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub auto_refresh: bool,
}

impl JsonValue for Issuer {}

/// Keys of one ID, of one or more issuers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SigningKeys(pub Vec<SigningKey>);

impl JsonValue for SigningKeys {}

/// Key of an issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SigningKey {
    /// Issuer that it was set for.
    pub issuer: String,
    /// Public key (DER of SubjectPublicKeyInfo).
    pub public_key: Base64,
    /// What the `iss` claim of a token must match.
    #[serde(default, skip_serializing_if = "is_default")]
    pub constraint: Option<String>,
}
