//! Windows of adapters with blocks, and timers: what the node itself has an adapter write.

use coco_app::{Context, Reject, Window};
use coco_boundary::Monotonic;
use coco_kv::Tx;
use coco_wire::TxId;

use super::Core;
use crate::call::{CallServices, Mount, Write};

/// Transactions since the last window was closed.
pub(super) struct OpenWindow {
    window: Window,
    opened_at: Monotonic,
}

impl Core {
    /// Counts a transaction of the application, and closes the window it fills.
    pub(super) fn count_for_window(&mut self, txid: TxId) {
        let Some(rule) = self.view.mounts.app.manifest().window else { return };
        let now = self.view.shared.clock.now();
        let open = self.window.get_or_insert(OpenWindow {
            window: Window { first: txid, last: txid, calls: 0 },
            opened_at: now,
        });
        open.window.last = txid;
        open.window.calls += 1;
        if open.window.calls >= rule.max_calls {
            self.close_window();
        }
    }

    pub(super) fn close_window_if_due(&mut self, now: Monotonic) {
        let (Some(rule), Some(open)) = (self.view.mounts.app.manifest().window, &self.window) else { return };
        if now.since_ms(open.opened_at) >= rule.max_ms {
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
        let Some(open) = self.window.take() else { return };
        let app = std::sync::Arc::clone(&self.view.mounts.app);
        if !self.write_as_app(|cx| app.close_window(&open.window, cx)) {
            self.window = Some(open);
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
