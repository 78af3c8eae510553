//! What the host tells.

use coco_boundary::{Effect, Event, Evidence, Monotonic, StopReason};
use coco_raft::Input;

use super::{Changed, Core, Output};
use crate::view::Stage;

impl Core {
    /// Takes in one event. Of entries read back from the ledger, those that it asked for are for Core, all others for
    /// [`History`](crate::history::History).
    pub fn handle(&mut self, event: Event, out: &mut Output) {
        match event {
            Event::Tick { now, wall } => {
                self.view.shared.clock.set(now, wall);
                self.tick(now, out);
            }
            Event::Persisted { upto } => self.persisted(upto, out),
            Event::Quote { evidence, .. } => match evidence {
                Ok(evidence) => self.create_service(&evidence, out),
                Err(fault) => {
                    self.view.shared.log.fatal(format_args!("The platform gave no evidence: {fault}"));
                    self.stop(StopReason::Fault, out);
                }
            },
            Event::StopNotice => {
                self.stop_notice = true;
                self.changed = self.changed.max(Changed::Standing);
            }
            Event::Stop => self.stop(StopReason::Asked, out),
            Event::Fault(fault) => {
                self.view.shared.log.fatal(format_args!("The ledger cannot be written: {fault}"));
                self.stop(StopReason::Fault, out);
            }
            Event::Entries { request, entries } => self.entries_read(request, entries, out),
            Event::Files(event) => self.file_event(&event, out),
            Event::Frame(_) => {}
        }
        self.flush(out);
    }

    fn tick(&mut self, now: Monotonic, out: &mut Output) {
        if self.stage == Stage::PartOfNetwork {
            self.raft_input(Input::Tick { now_ms: now.0 }, out);
            self.run_timer_if_due(now);
        }
    }

    pub(super) fn stop(&mut self, reason: StopReason, out: &mut Output) {
        if !self.stopping {
            self.stopping = true;
            self.changed = self.changed.max(Changed::Standing);
            if self.is_leader() {
                self.drain(out);
            } else {
                // What a backup took in before the entry that it refuses.
                drop(self.write_out(out));
            }
            if reason == StopReason::Asked && self.has_successors() {
                self.leave();
            } else {
                out.effects.push(Effect::Stop { reason });
            }
        }
    }

    /// The first transaction, and a signature over it.
    fn create_service(&mut self, evidence: &Evidence, out: &mut Output) {
        let Some(genesis) = self.genesis.take() else { return };
        let now = self.view.shared.clock.now();
        // Alone in its configuration, the node elects itself.
        self.raft_input(Input::Tick { now_ms: now.0 }, out);
        self.stage = Stage::PartOfNetwork;
        let created = genesis
            .execute(&self.view, self.kv.latest(), evidence)
            .map_err(|reject| format!("{reject}"))
            .and_then(|write| self.place(&write).map_err(|refusal| refusal.to_string()));
        match created {
            Ok(txid) => {
                self.view.shared.log.info(format_args!("Created the service at {txid}"));
                self.drain(out);
            }
            Err(reason) => {
                self.view.shared.log.fatal(format_args!("The service cannot be created: {reason}"));
                self.stop(StopReason::Fault, out);
            }
        }
    }
}
