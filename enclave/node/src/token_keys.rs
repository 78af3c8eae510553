//! Keys of token issuers, fetched again and again from those that publish them (OpenID Connect Discovery 1.0).
//!
//! For each issuer the primary reads a document that says where its keys are, then the keys, and has them stored by a
//! request to itself, in CCF's form (`src/node/jwt_key_auto_refresh.h`). What is read is from a stranger: until it is
//! stored it is at most some bytes that may be JSON. Connections are made by others; here is what is asked and why.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use coco_app::{
    Call, CallBody, Caller, Headers, Method, Request,
    jwt::{JsonWebKey, JsonWebKeySet},
    media,
};
use coco_crypto::Certificate;
use coco_kv::Snapshot;
use coco_tables::{Tables, value::JsonText};
use serde::{Deserialize, Serialize};

use crate::keys::Keys;

/// Where the first document is, below the issuer.
const DISCOVERY: &str = "/.well-known/openid-configuration";
/// Longest URL that is followed, in bytes.
const MAX_URL: usize = 2048;
/// The port of `https` (RFC 9110, section 4.2.2).
const HTTPS_PORT: u16 = 443;

/// An endpoint of this node, called by the primary alone, and by itself.
pub(crate) const PATH: &str = "/jwt_keys/refresh";

/// What is asked of an issuer next.
#[derive(Clone, Debug)]
pub struct Fetch {
    issuer: String,
    /// Certificates that its servers are checked against.
    roots: Vec<Certificate>,
    url: Url,
    step: Step,
}

#[derive(Clone, Debug)]
enum Step {
    /// Where are the keys?
    Discovery,
    /// Which are they? With the issuer that the first document named, whose tokens they verify.
    Keys { constraint: Option<String> },
}

/// What follows from an answer.
#[derive(Debug)]
pub enum Next {
    /// Another question.
    Ask(Fetch),
    /// The node is to be asked to store what was found.
    Store(Refresh),
}

/// Why there are no keys, although somebody answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The members removed the bundle.
    #[error("there is no bundle of certificates for it")]
    NoBundle,
    /// The bundle cannot be read.
    #[error("its bundle of certificates cannot be used")]
    Bundle,
    /// Neither the issuer's URL nor that of its keys is one of https.
    #[error("a URL of it cannot be followed")]
    Url,
    /// It answered with another status than 200.
    #[error("it answered with status {0}")]
    Status(u16),
    /// What it answered is no discovery document.
    #[error("its document does not say where its keys are")]
    Discovery,
    /// What it answered is no key set.
    #[error("what it calls keys is no key set")]
    KeySet,
}

/// Body of the node's request to itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refresh {
    /// Whose keys they are.
    pub issuer: String,
    /// The keys.
    pub jwks: JsonWebKeySet,
}

/// The discovery document; other members are not looked at.
#[derive(Deserialize)]
struct Document {
    jwks_uri: String,
    #[serde(default)]
    issuer: Option<String>,
}

impl Fetch {
    /// What is to be asked of each issuer whose keys are to be fetched, or why that is of no use.
    #[must_use]
    pub fn due(tables: &Tables, state: &Snapshot) -> Vec<(String, Result<Self, Failure>)> {
        // Rows that cannot be read are of no issuer; governance does not write any.
        let issuers = tables.jwt.issuers.iter(state).filter_map(Result::ok);
        let refreshed = issuers.filter(|(_, issuer)| issuer.auto_refresh);
        refreshed
            .map(|(name, issuer)| {
                let bundle = issuer.ca_cert_bundle_name.as_deref();
                let fetch = bundle.ok_or(Failure::NoBundle).and_then(|bundle| {
                    let JsonText(pem) = tables
                        .ca_bundles
                        .0
                        .get(state, bundle)
                        .map_err(|_| Failure::Bundle)?
                        .ok_or(Failure::NoBundle)?;
                    Self::begin(&name, &pem)
                });
                (name, fetch)
            })
            .collect()
    }

    fn begin(issuer: &str, bundle: &str) -> Result<Self, Failure> {
        Ok(Self {
            roots: Certificate::bundle_from_pem(bundle).map_err(|_| Failure::Bundle)?,
            url: Url::parse(&format!("{issuer}{DISCOVERY}")).ok_or(Failure::Url)?,
            issuer: issuer.to_owned(),
            step: Step::Discovery,
        })
    }

    /// `host:port` of whom to ask.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.url.address
    }

    /// Path and query to ask for.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.url.target
    }

    /// What its certificate must lead to.
    #[must_use]
    pub fn roots(&self) -> &[Certificate] {
        &self.roots
    }

    /// Takes in an answer.
    ///
    /// # Errors
    /// If it is of no use.
    pub fn answered(self, status: u16, body: &[u8]) -> Result<Next, Failure> {
        if status != 200 {
            return Err(Failure::Status(status));
        }
        match self.step {
            Step::Discovery => {
                let Document { jwks_uri, issuer: constraint } =
                    serde_json::from_slice(body).map_err(|_| Failure::Discovery)?;
                let url = Url::parse(&jwks_uri).ok_or(Failure::Url)?;
                Ok(Next::Ask(Self { url, step: Step::Keys { constraint }, ..self }))
            }
            Step::Keys { constraint } => {
                let mut jwks: JsonWebKeySet = serde_json::from_slice(body).map_err(|_| Failure::KeySet)?;
                for JsonWebKey { issuer, .. } in &mut jwks.keys {
                    if issuer.is_none() {
                        issuer.clone_from(&constraint);
                    }
                }
                Ok(Next::Store(Refresh { issuer: self.issuer, jwks }))
            }
        }
    }
}

/// A URL of https that can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Url {
    /// `host:port`
    address: String,
    /// Path and query.
    target: String,
}

impl Url {
    fn parse(text: &str) -> Option<Self> {
        let visible = text.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
        let rest = text.strip_prefix("https://").filter(|_| visible && text.len() <= MAX_URL)?;
        let rest = rest.split('#').next()?;
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let bracket = authority.rfind(']').unwrap_or(0);
        let (host, port) = match authority[bracket..].find(':') {
            Some(colon) => (&authority[..bracket + colon], &authority[bracket + colon + 1..]),
            None => (authority, ""),
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte);
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = if port.is_empty() { Some(HTTPS_PORT) } else { port.parse().ok().filter(|_| digits) };
        let slash = if target.starts_with('/') { "" } else { "/" };
        (!host.is_empty() && host.bytes().all(allowed)).then_some(())?;
        Some(Self { address: format!("{host}:{}", port?), target: format!("{slash}{target}") })
    }
}

/// The call by which this node has `refresh` stored, or counts a failure if there is none: as CCF, it then sends what is
/// refused.
#[must_use]
pub fn call_of_itself(keys: &Keys, refresh: Option<&Refresh>) -> Call {
    let body = serde_json::to_vec(&refresh).expect("a key set has a JSON form");
    let headers = Headers::from_pairs([(&b"content-type"[..], media::JSON.as_bytes())]);
    let own = keys.self_signed.load();
    let caller = Caller::AnyCertificate(own.fingerprint(), own.der().to_vec(), None);
    let request = Request::new(Method::Post, format!("/node{PATH}"), headers, body.into());
    Call {
        caller,
        route: format!("{} {PATH}", Method::Post).into(),
        body: CallBody::Http(request, Vec::new()),
    }
}

/// What this node did for it, and whether there is more to do.
#[derive(Debug, Default)]
pub struct Refreshing {
    /// Whether the table of issuers was written.
    written: AtomicBool,
    attempts: AtomicU64,
    successes: AtomicU64,
    failures: AtomicU64,
}

/// Counts since the node began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct RefreshMetrics {
    /// Issuers that answered, and those that cannot be asked.
    pub attempts: u64,
    /// Those whose keys were stored, or were stored already.
    pub successes: u64,
    /// The others.
    pub failures: u64,
}

impl Refreshing {
    /// The table of issuers was written.
    pub(crate) fn note_written(&self) {
        self.written.store(true, Ordering::Release);
    }

    /// Whether the table of issuers was written since this was asked last.
    #[must_use]
    pub fn take_written(&self) -> bool {
        self.written.load(Ordering::Relaxed) && self.written.swap(false, Ordering::AcqRel)
    }

    /// Counts an attempt by the status of its answer.
    pub fn count(&self, success: bool) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        let counter = if success { &self.successes } else { &self.failures };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts.
    #[must_use]
    pub fn metrics(&self) -> RefreshMetrics {
        RefreshMetrics {
            attempts: self.attempts.load(Ordering::Relaxed),
            successes: self.successes.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests;
