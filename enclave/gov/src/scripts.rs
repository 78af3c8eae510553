//! Runs ballots and the constitution.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use coco_app::{Context, Reject};
use coco_js::{
    Capabilities, Deadline, Environment, GovernanceHost, Limits, Modules, Returned, Script, ScriptError,
    execute,
};
use coco_kv::{Store, Tx};
use coco_tables::{Context as Rights, proposals::Failure, scripts::RuntimeOptions, value::JsonText};
use serde_json::Value;

use crate::{adapter::Governance, gate::internal};

/// What a script may do.
pub(crate) enum Power {
    /// Read the tables of governance and of the service.
    Read,
    /// Write the tables of governance too, and ask the node for more.
    Act(Rc<RefCell<dyn GovernanceHost>>),
}

impl Governance {
    /// Source of the constitution; `cannot` says what fails without one.
    pub(crate) fn constitution(&self, tx: &Tx, cannot: &str) -> Result<String, Reject> {
        match self.tables.scripts.constitution.get(tx).map_err(internal)? {
            Some(JsonText(source)) => Ok(source),
            None => Err(internal(format!("No constitution is set - {cannot}"))),
        }
    }

    /// Calls a function of the constitution.
    pub(crate) fn call_constitution(
        &self,
        cx: &mut Context<'_>,
        source: &str,
        function: &str,
        arguments: &[Value],
        power: Power,
    ) -> Result<Returned, ScriptError> {
        let name = format!("{}[0]", self.tables.scripts.constitution.name().as_str());
        self.run(cx, Script { name: &name, source }, function, arguments, power)
    }

    /// Calls a function of a script within the transaction, which keeps what the script wrote before it failed.
    pub(crate) fn run(
        &self,
        cx: &mut Context<'_>,
        script: Script<'_>,
        function: &str,
        arguments: &[Value],
        power: Power,
    ) -> Result<Returned, ScriptError> {
        let limits = self.limits(cx.tx);
        let (context, governance) = match power {
            Power::Read => (Rights::GovernanceReadOnly, None),
            Power::Act(host) => (Rights::Governance, Some(host)),
        };
        let environment = Environment {
            context,
            limits,
            capabilities: Capabilities {
                deadline: self.deadline(limits.execution_ms),
                entropy: self.authority.entropy.clone(),
                untrusted_now_ms: cx.services.now_ms(),
            },
            modules: Arc::new(Modules::default()),
            governance,
        };
        let nothing = Tx::new(Store::new().latest());
        let lent = std::mem::replace(cx.tx, nothing);
        let finished = execute(script, function, arguments, &environment, lent);
        *cx.tx = finished.tx;
        for line in &finished.console.lines {
            (self.authority.console)(line);
        }
        finished.outcome
    }

    /// Limits that the members set. They cannot lock themselves out by setting them too low or wrongly.
    fn limits(&self, tx: &Tx) -> Limits {
        let options = self.tables.scripts.runtime_options.get(tx);
        let options: RuntimeOptions = options.ok().flatten().unwrap_or_default();
        let bytes = |number| usize::try_from(number).unwrap_or(usize::MAX);
        let limits = Limits {
            heap_bytes: bytes(options.max_heap_bytes),
            stack_bytes: bytes(options.max_stack_bytes),
            execution_ms: options.max_execution_time_ms,
        };
        let limits = limits.no_lower_than_default();
        Limits { stack_bytes: limits.stack_bytes.min(self.authority.script_stack_bytes), ..limits }
    }

    pub(crate) fn deadline(&self, within_ms: u64) -> Deadline {
        let elapsed_ms = self.authority.elapsed_ms.clone();
        let end_ms = elapsed_ms().saturating_add(within_ms);
        Rc::new(move || elapsed_ms() > end_ms)
    }
}

/// What is told and recorded of a failed script.
pub(crate) fn failure(error: ScriptError) -> Failure {
    Failure { reason: error.message, trace: error.trace }
}
