//! Windows of adapters with blocks, and timers: what the node itself has an adapter write.

use coco_app::{Context, Reject, Window};
use coco_boundary::Monotonic;
use coco_kv::Tx;
use coco_wire::TxId;

use super::Core;
use crate::call::{CallServices, Mount, Write};

/// The window that is open, and when a signature last closed one.
#[derive(Default)]
pub(super) struct Windows {
    open: Option<Window>,
    closed_at: Option<Monotonic>,
}

impl Windows {
    /// Forgets the open window: its transactions have lost their places.
    pub(super) fn rolled_back(&mut self) {
        self.open = None;
    }
}

impl Core {
    /// Counts a transaction of the application, and closes the window it fills.
    pub(super) fn count_for_window(&mut self, txid: TxId) {
        let app = &self.view.mounts.app;
        let Some(rule) = app.manifest().window else { return };
        let window = self.windows.open.get_or_insert(Window { first: txid, last: txid, calls: 0 });
        window.last = txid;
        window.calls += 1;
        if window.calls >= rule.max_calls || app.is_full() {
            self.close_window();
        }
    }

    /// When the open window may be closed by a signature, if one is open.
    pub(super) fn window_closes_at(&self) -> Option<Monotonic> {
        let (rule, _) = self.view.mounts.app.manifest().window.zip(self.windows.open)?;
        let closed_at = self.windows.closed_at?;
        Some(Monotonic(closed_at.0.saturating_add(rule.interval_ms)))
    }

    /// Closes the open window, if one is, for the signature that comes next.
    pub(super) fn close_window_to_sign(&mut self, now: Monotonic) {
        if self.windows.open.is_some() {
            self.windows.closed_at = Some(now);
            self.close_window();
        }
    }

    pub(super) fn run_timer_if_due(&mut self, now: Monotonic) {
        let Some(interval_ms) = self.view.mounts.app.manifest().timer_ms else { return };
        let due = self.timer_at.is_none_or(|at| at <= now);
        if due && self.open && self.is_primary() {
            self.timer_at = Some(Monotonic(now.0.saturating_add(interval_ms)));
            let app = std::sync::Arc::clone(&self.view.mounts.app);
            self.write_as_app(|cx| app.timer(cx));
        }
    }

    fn close_window(&mut self) {
        if !self.is_primary() {
            return;
        }
        let Some(window) = self.windows.open.take() else { return };
        let app = std::sync::Arc::clone(&self.view.mounts.app);
        if !self.write_as_app(|cx| app.close_window(&window, cx)) {
            self.windows.open = Some(window);
        }
    }

    /// Runs part of the application on the latest state and keeps what it writes; says whether it agreed.
    fn write_as_app(&mut self, run: impl FnOnce(&mut Context<'_>) -> Result<(), Reject>) -> bool {
        let committed = self.view.shared.state.load().committed.clone();
        let state = self.state(self.kv.latest(), committed);
        let mut tx = Tx::new(state.latest.clone());
        let services = CallServices { shared: &self.view.shared, state: &state };
        let mut cx = Context::new(&mut tx, &services, None);
        let agreed = run(&mut cx).is_ok();
        let (claims, requests) = (cx.claims.unwrap_or_default(), cx.requests);
        if agreed && !tx.is_read_only() {
            let write = Write { executed: tx.finish(), claims, requests, mount: Mount::App };
            self.place(&write).expect("nothing comes between the latest state and this");
        }
        agreed
    }
}
