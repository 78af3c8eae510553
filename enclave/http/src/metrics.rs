//! What happens on an interface, counted.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::interface::SessionCaps;

/// Counts of one interface, as `/node/metrics` shows them.
#[derive(Debug, Default)]
pub struct InterfaceMetrics {
    /// Its sessions.
    pub sessions: SessionCount,
    parsing: AtomicU64,
    payload_too_large: AtomicU64,
    header_too_large: AtomicU64,
}

impl InterfaceMetrics {
    /// Requests refused so far, by reason.
    #[must_use]
    pub fn errors(&self) -> RequestErrors {
        RequestErrors {
            parsing: self.parsing.load(Relaxed),
            request_payload_too_large: self.payload_too_large.load(Relaxed),
            request_header_too_large: self.header_too_large.load(Relaxed),
        }
    }

    pub(crate) fn count_parsing(&self) {
        self.parsing.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_payload_too_large(&self) {
        self.payload_too_large.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_header_too_large(&self) {
        self.header_too_large.fetch_add(1, Relaxed);
    }
}

/// Requests refused before they were dispatched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestErrors {
    /// Not HTTP, or not as strict as we ask.
    pub parsing: u64,
    /// Body over the limit.
    pub request_payload_too_large: u64,
    /// Header field over a limit, or too many of them.
    pub request_header_too_large: u64,
}

/// Sessions open now, and at most so far.
#[derive(Debug, Default)]
pub struct SessionCount {
    active: AtomicUsize,
    peak: AtomicUsize,
}

impl SessionCount {
    /// Sessions open now; those still in their TLS handshake are open.
    #[must_use]
    pub fn active(&self) -> usize {
        self.active.load(Relaxed)
    }

    /// The largest number open at a time.
    #[must_use]
    pub fn peak(&self) -> usize {
        self.peak.load(Relaxed)
    }

    /// One more, unless there are `cap` already; how many there were.
    fn enter(&self, cap: usize) -> Option<usize> {
        let more = |n| (n < cap).then(|| n + 1);
        let before = self.active.fetch_update(Relaxed, Relaxed, more).ok()?;
        self.peak.fetch_max(before + 1, Relaxed);
        Some(before)
    }

    fn leave(&self) {
        self.active.fetch_sub(1, Relaxed);
    }
}

/// One session's place among those of its interface and its node; given back when dropped.
pub(crate) struct SessionSlot<'a> {
    interface: &'a SessionCount,
    node: &'a SessionCount,
    /// Whether the soft cap was reached before this session.
    pub(crate) over_soft_cap: bool,
}

impl<'a> SessionSlot<'a> {
    pub(crate) fn take(
        interface: &'a SessionCount,
        node: &'a SessionCount,
        caps: SessionCaps,
    ) -> Option<Self> {
        let before = interface.enter(caps.hard)?;
        node.enter(usize::MAX);
        Some(Self { interface, node, over_soft_cap: before >= caps.soft })
    }
}

impl Drop for SessionSlot<'_> {
    fn drop(&mut self) {
        self.interface.leave();
        self.node.leave();
    }
}
