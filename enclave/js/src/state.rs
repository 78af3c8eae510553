//! What the native functions of one interpreter share.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use coco_crypto::Entropy;
use coco_kv::Tx;
use coco_tables::Context;
use rquickjs::{Ctx, Exception, Function, Persistent, Result, Value};

use crate::{
    Capabilities, Deadline, Limits,
    api::{historical::Past, kv::OpenTables, rpc::Outcome},
    application::Extension,
    budget::Budget,
    clock::Clock,
    console::Console,
    ffi::Loan,
};

/// State of an interpreter, owned by the closures of its runtime.
pub(crate) struct State {
    pub(crate) context: Context,
    pub(crate) limits: Cell<Limits>,
    pub(crate) budget: Rc<Budget>,
    entropy: Arc<dyn Entropy>,
    pub(crate) clock: Clock,
    /// How its realm differs from others.
    pub(crate) extension: Cell<Extension>,
    /// Lent for the duration of an execution.
    tx: RefCell<Option<Tx>>,
    /// Tables that scripts have named.
    pub(crate) tables: RefCell<OpenTables>,
    pub(crate) console: RefCell<Console>,
    /// The call of an application that is executed.
    pub(crate) occasion: Loan,
    /// What stands for it.
    pub(crate) request: RefCell<Option<Persistent<Value<'static>>>>,
    /// Past transactions that it has been shown.
    pub(crate) past: RefCell<Past>,
    /// What it decided about its transaction.
    pub(crate) outcome: Outcome,
    /// Whether its calls are logged.
    pub(crate) logs_metrics: Cell<bool>,
    /// Modules that it imported, in the order in which they were there.
    pub(crate) imported: RefCell<Vec<String>>,
    /// Its native functions, if they are to be kept alive. Taken before the engine goes, which they are of.
    pub(crate) natives: RefCell<Option<Natives>>,
}

/// Native functions that are kept alive, whatever scripts do.
pub(crate) type Natives = Vec<Persistent<Function<'static>>>;

impl State {
    pub(crate) fn new(
        context: Context,
        limits: Limits,
        capabilities: &Capabilities,
        tx: Option<Tx>,
    ) -> Rc<Self> {
        Rc::new(Self {
            context,
            limits: Cell::new(limits),
            budget: Rc::new(Budget::new(capabilities.deadline.clone(), limits.heap_bytes)),
            entropy: capabilities.entropy.clone(),
            clock: Clock::new(context, capabilities.untrusted_now_ms),
            extension: Cell::default(),
            tx: RefCell::new(tx),
            tables: RefCell::default(),
            console: RefCell::default(),
            occasion: Loan::default(),
            request: RefCell::default(),
            past: RefCell::default(),
            outcome: Outcome::default(),
            logs_metrics: Cell::default(),
            imported: RefCell::default(),
            natives: RefCell::default(),
        })
    }

    /// Sets the bounds of what is executed next.
    pub(crate) fn rearm(&self, deadline: Deadline, limits: Limits) {
        self.limits.set(limits);
        self.budget.rearm(deadline, limits.heap_bytes);
    }

    /// Forgets what scripts did.
    pub(crate) fn forget(&self) {
        self.tables.take();
        self.console.take();
        self.past.take();
        self.outcome.keep_writes.take();
        self.outcome.claims.take();
        self.logs_metrics.take();
        self.imported.take();
    }

    /// Capabilities like those it was made with.
    pub(crate) fn capabilities(&self) -> Capabilities {
        Capabilities {
            deadline: self.budget.deadline(),
            entropy: self.entropy.clone(),
            untrusted_now_ms: self.clock.wall_ms(),
        }
    }

    /// Throws if so many bytes more may not be kept outside of the script's heap.
    pub(crate) fn keep(&self, ctx: &Ctx<'_>, bytes: usize) -> Result<()> {
        if self.budget.keep(bytes) { Ok(()) } else { Err(Exception::throw_internal(ctx, "out of memory")) }
    }

    /// Whether a value is the request object of the call that is executed.
    pub(crate) fn is_request<'js>(&self, ctx: &Ctx<'js>, value: &Value<'js>) -> Result<bool> {
        let request = self.request.borrow().clone();
        Ok(request.map(|request| request.restore(ctx)).transpose()?.as_ref() == Some(value))
    }

    /// Runs `body` on the transaction. No script may run meanwhile.
    pub(crate) fn with_tx<T>(&self, ctx: &Ctx<'_>, body: impl FnOnce(&mut Tx) -> T) -> Result<T> {
        match self.tx.borrow_mut().as_mut() {
            Some(tx) => Ok(body(tx)),
            None => Err(Exception::throw_internal(ctx, "No transaction available")),
        }
    }

    /// Ends the loan, or suspends it.
    pub(crate) fn take_tx(&self) -> Option<Tx> {
        self.tx.borrow_mut().take()
    }

    /// Lends the transaction again.
    pub(crate) fn lend_tx(&self, tx: Tx) {
        self.tx.replace(Some(tx));
    }

    /// Randomness of the enclave.
    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// Uniform in [0, 1), with 53 random bits.
    pub(crate) fn random(&self) -> f64 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
