//! What scripts are told of the time.

use std::{
    cell::{Cell, RefCell},
    sync::Arc,
};

use coco_tables::Context;

/// Milliseconds since some fixed moment; never goes back.
pub type Elapsed = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The host's clock as the scripts of one interpreter see it.
pub(crate) struct Clock {
    /// When the execution began, in milliseconds since 1970.
    wall_ms: Cell<u64>,
    /// What goes on from there, and where that stood then; none if time stands still meanwhile.
    goes_on: RefCell<Option<(Elapsed, u64)>>,
    /// Whether it is shown; otherwise it is 1970.
    shown: Cell<bool>,
    /// Whether scripts decide that. Applications see it always, as in CCF 7.
    chosen: bool,
}

impl Clock {
    pub(crate) fn new(context: Context, wall_ms: u64) -> Self {
        let chosen = matches!(context, Context::Governance | Context::GovernanceReadOnly);
        Self { wall_ms: Cell::new(wall_ms), goes_on: RefCell::default(), shown: Cell::new(!chosen), chosen }
    }

    /// Sets it to what the host says, from where it goes on as `elapsed` does, which stands at `now_ms`.
    pub(crate) fn set(&self, wall_ms: u64, elapsed: &Elapsed, now_ms: u64) {
        self.wall_ms.set(wall_ms);
        self.goes_on.replace(Some((elapsed.clone(), now_ms)));
    }

    /// When the execution began, in milliseconds since 1970.
    pub(crate) fn wall_ms(&self) -> u64 {
        self.wall_ms.get()
    }

    /// What a script is told, in milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> f64 {
        if !self.shown.get() {
            return 0.0;
        }
        let since =
            self.goes_on.borrow().as_ref().map_or(0, |(elapsed, began)| elapsed().saturating_sub(*began));
        // Exact until the year 287396.
        self.wall_ms.get().saturating_add(since) as f64
    }

    /// Whether to show it from now on. Returns what was so before, or `show` to those who do not decide that.
    pub(crate) fn show(&self, show: bool) -> bool {
        if self.chosen { self.shown.replace(show) } else { show }
    }
}
