//! What the constitution may ask of the service while it carries out a decision.

use std::{fmt, sync::Arc};

use coco_app::{Context, NodeRequests, Reject};
use coco_crypto::{
    Certificate,
    x509::{Request, UnixTime, Validity, issue_endorsed, renew_self_signed},
};
use coco_js::{Capabilities, GovernanceHost, HostRefusal, Limits, Modules, check_modules};
use coco_kv::Tx;
use coco_tables::{signatures::ASKED_FOR, value::Present};
use coco_wire::Seqno;
use serde_json::Value;

use crate::{adapter::Governance, authority::Authority, gate::internal};

/// The service as `apply` sees it.
pub(crate) struct Host {
    governance: Governance,
    /// PEM certificate of the service when `apply` began.
    certificate: Option<String>,
    now_s: u64,
    requests: NodeRequests,
}

impl Host {
    /// For one execution within the transaction of `cx`.
    pub(crate) fn new(governance: &Governance, cx: &Context<'_>) -> Result<Self, Reject> {
        let info = governance.tables.service.info.get(&*cx.tx).map_err(internal)?;
        Ok(Self {
            governance: governance.clone(),
            certificate: info.map(|info| info.cert),
            now_s: cx.services.now_ms() / 1000,
            requests: NodeRequests::default(),
        })
    }

    /// Completes what the constitution asked for, once it asks for nothing more; gives what the node is to do if the
    /// transaction takes place.
    pub(crate) fn finish(&self, tx: &mut Tx) -> Result<NodeRequests, HostRefusal> {
        if let Some(secret) = &self.requests.ledger_secret {
            self.governance.hand_out(tx, secret)?;
        }
        Ok(self.requests.clone())
    }

    fn authority(&self) -> &Arc<Authority> {
        &self.governance.authority
    }

    fn service_certificate(&self) -> Result<Certificate, HostRefusal> {
        let pem = self.certificate.as_deref().ok_or_else(|| refused("there is no service certificate"))?;
        Certificate::from_pem(pem).map_err(refused)
    }
}

impl GovernanceHost for Host {
    fn rekey_ledger(&mut self, tx: &mut Tx) -> Result<(), HostRefusal> {
        self.requests.ledger_secret = Some(self.governance.rekey(tx)?);
        Ok(())
    }

    fn transition_service_to_open(
        &mut self,
        tx: &mut Tx,
        _previous_identity: Option<&str>,
        next_identity: &str,
    ) -> Result<(), HostRefusal> {
        self.governance.open_service(tx, next_identity, self.now_s)
    }

    fn refresh_recovery_shares(&mut self, tx: &mut Tx) -> Result<(), HostRefusal> {
        match &self.requests.ledger_secret {
            Some(new) => self.governance.issue_shares_of_new(tx, new),
            None => self.governance.refresh_shares(tx),
        }
    }

    fn trigger_ledger_chunk(&mut self, _: &mut Tx) -> Result<(), HostRefusal> {
        self.requests.ledger_chunk = true;
        Ok(())
    }

    fn trigger_snapshot(&mut self, tx: &mut Tx) -> Result<(), HostRefusal> {
        self.governance.tables.signatures.snapshot_requests.put(tx, ASKED_FOR, &Present);
        Ok(())
    }

    fn latest_ledger_secret_seqno(&mut self, tx: &mut Tx) -> Result<Seqno, HostRefusal> {
        Ok(self.governance.newest_secrets(tx).latest.0)
    }

    fn endorse_certificate(
        &mut self,
        request_pem: &str,
        valid_from: &str,
        validity_days: u32,
    ) -> Result<String, HostRefusal> {
        let request = Request::from_pem(request_pem).map_err(refused)?;
        let validity = validity(valid_from, validity_days)?;
        let issuer = self.service_certificate()?;
        let Authority { service_key, entropy, .. } = &**self.authority();
        Ok(issue_endorsed(&**service_key, &issuer, &request, validity, &**entropy).to_pem())
    }

    fn renew_service_certificate(
        &mut self,
        valid_from: &str,
        validity_days: u32,
    ) -> Result<String, HostRefusal> {
        let validity = validity(valid_from, validity_days)?;
        let current = self.service_certificate()?;
        let Authority { service_key, entropy, .. } = &**self.authority();
        Ok(renew_self_signed(&**service_key, &current, validity, &**entropy).to_pem())
    }

    /// There is no such cache, so that what is left of one goes; only the modules are checked, as when they are compiled.
    fn refresh_app_bytecode_cache(&mut self, tx: &mut Tx) -> Result<(), HostRefusal> {
        let scripts = &self.governance.tables.scripts;
        scripts.bytecode.clear(tx);
        scripts.bytecode_version.remove(tx);
        let modules = scripts.modules.iter(&*tx).map(|row| row.map(|(name, source)| (name, source.into())));
        let modules: Modules = modules.collect::<Result<_, _>>().map_err(refused)?;
        let capabilities = Capabilities {
            deadline: self.governance.deadline(Limits::default().execution_ms),
            entropy: self.authority().entropy.clone(),
            untrusted_now_ms: self.now_s * 1000,
        };
        check_modules(&modules, &capabilities).map_err(refused)
    }

    fn set_jwt_public_signing_keys(
        &mut self,
        tx: &mut Tx,
        issuer: &str,
        metadata: &Value,
        key_set: &Value,
    ) -> Result<(), HostRefusal> {
        self.governance.set_signing_keys(tx, issuer, metadata, key_set)
    }

    fn remove_jwt_public_signing_keys(&mut self, tx: &mut Tx, issuer: &str) -> Result<(), HostRefusal> {
        self.governance.remove_signing_keys(tx, issuer)
    }
}

fn validity(valid_from: &str, days: u32) -> Result<Validity, HostRefusal> {
    let from: UnixTime = valid_from.parse().map_err(refused)?;
    Validity::days(from, days).map_err(refused)
}

/// Refuses for a reason that the members are told.
pub(crate) fn refused(reason: impl fmt::Display) -> HostRefusal {
    HostRefusal::Refused(reason.to_string())
}
