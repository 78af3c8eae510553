//! The constitution and ballots, run here: what the service would say, without asking it.
//!
//! Scripts see the tables of members and the service as far as anyone may read them; all others are empty.

use std::{rc::Rc, sync::Arc, time::Instant};

use coco_client::governance::{Member, ServiceRecord, now};
use coco_crypto::SystemEntropy;
use coco_gov::Verdict;
use coco_js::{Capabilities, Environment, Limits, Modules, Returned, Script, ScriptError, execute};
use coco_kv::{Store, Tx};
use coco_tables::Context;
use coco_wire::{Digest, TableName};
use serde_json::{Value, json};

/// The key of a table's only row.
const SINGLETON: [u8; 8] = [0; 8];

/// Rows that scripts see.
#[derive(Default)]
pub(super) struct Rows(Vec<(&'static str, Vec<u8>, Vec<u8>)>);

/// Why a proposal is not valid.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Objection {
    /// The constitution says why.
    #[error("{0}")]
    Refused(String),
    /// The constitution throws.
    #[error("the constitution fails: {0}")]
    Failed(#[from] ScriptError),
    /// It returned something else than a verdict.
    #[error("the constitution does not say whether the proposal is valid")]
    NoVerdict,
}

/// A member and what its ballot says.
pub(super) type Votes = Vec<(Digest, bool)>;

impl Rows {
    pub(super) fn service(mut self, service: &ServiceRecord) -> Self {
        let info = json!({ "cert": service.certificate, "status": service.status });
        self.put("public:ccf.gov.service.info", &SINGLETON, info.to_string());
        self
    }

    pub(super) fn members(mut self, members: &[Member]) -> Self {
        for member in members {
            let id = member.member_id.to_string();
            let mut info = json!({ "status": member.status, "recovery_role": member.recovery_role });
            if !member.member_data.is_null() {
                info["member_data"] = member.member_data.clone();
            }
            self.put("public:ccf.gov.members.info", id.as_bytes(), info.to_string());
            if let Some(certificate) = &member.certificate {
                self.put("public:ccf.gov.members.certs", id.as_bytes(), certificate.clone());
            }
            if let Some(key) = &member.public_encryption_key {
                self.put("public:ccf.gov.members.encryption_public_keys", id.as_bytes(), key.clone());
            }
        }
        self
    }

    fn put(&mut self, table: &'static str, key: &[u8], value: String) {
        self.0.push((table, key.to_vec(), value.into_bytes()));
    }

    /// Whether a constitution finds a proposal valid.
    pub(super) fn validate(&self, constitution: &str, proposal: &str) -> Result<(), Objection> {
        let script = Script { name: "constitution", source: constitution };
        match Verdict::read(&self.call(script, "validate", &[proposal.into()])?.json) {
            None => Err(Objection::NoVerdict),
            Some(Verdict::Valid) => Ok(()),
            Some(Verdict::Invalid(description)) => Err(Objection::Refused(description)),
        }
    }

    /// What a ballot says of a proposal.
    pub(super) fn vote(&self, ballot: &str, proposal: &str, proposer: &Digest) -> Result<bool, ScriptError> {
        let script = Script { name: "ballot", source: ballot };
        Ok(self.call(script, "vote", &[proposal.into(), json!(proposer)])?.is_truthy)
    }

    /// What a constitution makes of votes: `Open`, `Accepted` or `Rejected`.
    pub(super) fn resolve(
        &self,
        constitution: &str,
        proposal: (&str, &str, &Digest),
        votes: &Votes,
    ) -> Result<Value, ScriptError> {
        let (id, text, proposer) = proposal;
        let votes: Vec<_> =
            votes.iter().map(|(member, vote)| json!({ "member_id": member, "vote": vote })).collect();
        let script = Script { name: "constitution", source: constitution };
        Ok(self.call(script, "resolve", &[text.into(), json!(proposer), votes.into(), id.into()])?.json)
    }

    fn call(&self, script: Script<'_>, function: &str, arguments: &[Value]) -> Result<Returned, ScriptError> {
        let mut tx = Tx::new(Store::new().latest());
        for (table, key, value) in &self.0 {
            tx.put(&TableName::new(table), key.as_slice(), value.as_slice());
        }
        let limits = Limits::default();
        let began = Instant::now();
        let environment = Environment {
            context: Context::GovernanceReadOnly,
            limits,
            capabilities: Capabilities {
                deadline: Rc::new(move || began.elapsed().as_millis() > u128::from(limits.execution_ms)),
                entropy: Arc::new(SystemEntropy),
                untrusted_now_ms: u64::try_from(now().0).unwrap_or_default().saturating_mul(1000),
            },
            modules: Arc::new(Modules::default()),
            governance: None,
        };
        execute(script, function, arguments, &environment, tx).outcome
    }
}

#[cfg(test)]
mod tests;
