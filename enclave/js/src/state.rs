//! What the native functions of one execution share.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};

use coco_crypto::Entropy;
use coco_kv::Tx;
use coco_tables::Context;
use rquickjs::{Ctx, Exception, Result};

use crate::{Capabilities, Limits, api::kv::OpenTable, budget::Budget, console::Console};

/// State of one execution, owned by the closures of its runtime.
pub(crate) struct State {
    pub(crate) context: Context,
    pub(crate) limits: Limits,
    pub(crate) budget: Rc<Budget>,
    entropy: Arc<dyn Entropy>,
    pub(crate) untrusted_now_ms: u64,
    shows_untrusted_time: Cell<bool>,
    /// Lent for the duration of the execution.
    tx: RefCell<Option<Tx>>,
    /// Tables that the script has named; their numbers are their positions.
    pub(crate) tables: RefCell<Vec<OpenTable>>,
    pub(crate) console: RefCell<Console>,
}

impl State {
    pub(crate) fn new(
        context: Context,
        limits: Limits,
        capabilities: &Capabilities,
        tx: Option<Tx>,
    ) -> Rc<Self> {
        Rc::new(Self {
            context,
            limits,
            budget: Rc::new(Budget::new(capabilities.deadline.clone(), limits.heap_bytes)),
            entropy: capabilities.entropy.clone(),
            untrusted_now_ms: capabilities.untrusted_now_ms,
            shows_untrusted_time: Cell::new(false),
            tx: RefCell::new(tx),
            tables: RefCell::default(),
            console: RefCell::default(),
        })
    }

    /// Capabilities like those it was made with.
    pub(crate) fn capabilities(&self) -> Capabilities {
        Capabilities {
            deadline: self.budget.deadline().clone(),
            entropy: self.entropy.clone(),
            untrusted_now_ms: self.untrusted_now_ms,
        }
    }

    /// Throws if so many bytes more may not be kept outside of the script's heap.
    pub(crate) fn keep(&self, ctx: &Ctx<'_>, bytes: usize) -> Result<()> {
        if self.budget.keep(bytes) { Ok(()) } else { Err(Exception::throw_internal(ctx, "out of memory")) }
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

    /// What a script is told of the time, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> f64 {
        // Exact until the year 287396.
        if self.shows_untrusted_time.get() { self.untrusted_now_ms as f64 } else { 0.0 }
    }

    /// Whether to show the host's time from now on; returns what was so before.
    pub(crate) fn show_untrusted_time(&self, show: bool) -> bool {
        self.shows_untrusted_time.replace(show)
    }

    /// Uniform in [0, 1), with 53 random bits.
    pub(crate) fn random(&self) -> f64 {
        let mut bytes = [0; 8];
        self.entropy.fill(&mut bytes);
        (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
