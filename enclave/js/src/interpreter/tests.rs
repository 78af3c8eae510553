use std::{
    cell::RefCell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use coco_crypto::SystemEntropy;
use coco_kv::{Store, Tx};
use coco_tables::Context;
use coco_wire::Seqno;
use serde_json::Value;

use super::{Capabilities, Environment, Finished, Script, execute};
use crate::{GovernanceHost, HostRefusal, Limits};

mod api;
mod bounds;
mod constitutions;
mod hostile;
mod keys;
mod ranges;
mod snp;

/// Surroundings in which a script has `time`.
fn environment(context: Context, limits: Limits, time: Duration) -> Environment {
    let start = Instant::now();
    Environment {
        context,
        limits,
        capabilities: Capabilities {
            deadline: Rc::new(move || start.elapsed() >= time),
            entropy: Arc::new(SystemEntropy),
            untrusted_now_ms: 1_700_000_000_123,
        },
        modules: Arc::default(),
        governance: None,
    }
}

fn generous(context: Context) -> Environment {
    environment(context, Limits::default(), Duration::from_secs(60))
}

fn empty_tx() -> Tx {
    Tx::new(Store::new().latest())
}

/// Runs the function `f` of a module.
fn run_in(environment: &Environment, source: &str, tx: Tx) -> Finished {
    execute(Script { name: "test", source }, "f", &[], environment, tx)
}

/// What came of a script, in one line.
fn summary(finished: &Finished) -> String {
    match &finished.outcome {
        Ok(returned) => returned.json.to_string(),
        Err(error) => format!("{:?}: {error}", error.kind),
    }
}

/// Notes what it is asked for; refuses a new certificate of the service.
#[derive(Default)]
struct Recorder {
    calls: Vec<String>,
}

impl Recorder {
    fn shared() -> Rc<RefCell<Self>> {
        Rc::default()
    }

    fn note(&mut self, call: impl Into<String>) -> Result<(), HostRefusal> {
        self.calls.push(call.into());
        Ok(())
    }
}

impl GovernanceHost for Recorder {
    fn rekey_ledger(&mut self, _: &mut Tx) -> Result<(), HostRefusal> {
        self.note("rekey")
    }

    fn transition_service_to_open(
        &mut self,
        _: &mut Tx,
        previous_identity: Option<&str>,
        next_identity: &str,
    ) -> Result<(), HostRefusal> {
        self.note(format!("open {} {}", previous_identity.is_some(), next_identity.len()))
    }

    fn refresh_recovery_shares(&mut self, _: &mut Tx) -> Result<(), HostRefusal> {
        self.note("refresh shares")
    }

    fn trigger_ledger_chunk(&mut self, _: &mut Tx) -> Result<(), HostRefusal> {
        self.note("chunk")
    }

    fn trigger_snapshot(&mut self, _: &mut Tx) -> Result<(), HostRefusal> {
        self.note("snapshot")
    }

    fn latest_ledger_secret_seqno(&mut self, _: &mut Tx) -> Result<Seqno, HostRefusal> {
        Ok(Seqno(7))
    }

    fn endorse_certificate(&mut self, csr: &str, from: &str, days: u32) -> Result<String, HostRefusal> {
        Ok(format!("endorsed {csr} {from} {days}"))
    }

    fn renew_service_certificate(&mut self, from: &str, days: u32) -> Result<String, HostRefusal> {
        match from {
            "never" => Err(HostRefusal::Unsupported),
            _ => Err(HostRefusal::Refused(format!("not from {from} for {days} days"))),
        }
    }

    fn refresh_app_bytecode_cache(&mut self, _: &mut Tx) -> Result<(), HostRefusal> {
        self.note("refresh bytecode")
    }

    fn set_jwt_public_signing_keys(
        &mut self,
        _: &mut Tx,
        issuer: &str,
        metadata: &Value,
        key_set: &Value,
    ) -> Result<(), HostRefusal> {
        self.note(format!("keys {issuer} {metadata} {key_set}"))
    }

    fn remove_jwt_public_signing_keys(&mut self, _: &mut Tx, issuer: &str) -> Result<(), HostRefusal> {
        self.note(format!("no keys {issuer}"))
    }
}
