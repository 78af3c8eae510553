//! Messages that wait for a session.

use std::collections::VecDeque;

use coco_wire::peer::Draft;

use super::Limits;

/// Messages in order; the oldest give way, as consensus repeats what matters.
#[derive(Default)]
pub(super) struct Queue {
    drafts: VecDeque<Draft>,
    bytes: usize,
}

impl Queue {
    /// Puts `draft` behind the others and tells how many were dropped for it. The newest is always kept.
    pub(super) fn push(&mut self, draft: Draft, limits: &Limits) -> u64 {
        self.bytes += draft.message().len();
        self.drafts.push_back(draft);
        let mut dropped = 0;
        while self.drafts.len() > 1
            && (self.drafts.len() > limits.queue_messages || self.bytes > limits.queue_bytes)
        {
            self.pop();
            dropped += 1;
        }
        dropped
    }

    pub(super) fn pop(&mut self) -> Option<Draft> {
        let draft = self.drafts.pop_front()?;
        self.bytes -= draft.message().len();
        Some(draft)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }
}
