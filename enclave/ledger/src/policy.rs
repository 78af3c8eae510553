//! When to sign.

/// How often signatures are made. Nothing is committed before it is signed, so this decides the time to commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningPolicy {
    /// Adapting to load, or as CCF.
    pub timing: Timing,
    /// This many unsigned entries are signed whatever else holds (CCF `ledger_signatures.tx_count`).
    pub tx_count: u64,
    /// Entries are not left unsigned for longer than this (CCF `ledger_signatures.delay`).
    pub delay_ms: u64,
}

/// What makes a signature due before `tx_count` or `delay`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// At once when idle; under load as soon as the previous signature is committed, so that signatures are as
    /// frequent as disk and peers can follow.
    Adaptive {
        /// Least time between two signatures; it bounds what making and checking them costs.
        min_interval_ms: u64,
    },
    /// Nothing.
    Fixed,
}

impl Timing {
    /// At most 100 signatures a second: 3 % of a core, 6 % of one of each node that checks them.
    pub const ADAPTIVE: Self = Self::Adaptive { min_interval_ms: 10 };
}

/// What the decision depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SigningState {
    /// The time.
    pub now_ms: u64,
    /// Entries after the previous signature.
    pub unsigned: u64,
    /// How far the previous signature is.
    pub previous: PreviousSignature,
    /// When the previous signature was reserved; zero before the first.
    pub previous_ms: u64,
}

/// The life of a signature. Before the first one, everything (that is, nothing) is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreviousSignature {
    /// Being made.
    Signing,
    /// In the ledger.
    Appended,
    /// On the disks of a quorum.
    Committed,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningDecision {
    /// Reserve a signature now.
    Sign,
    /// Decide again at this time, in milliseconds, or when the state changes.
    At(u64),
    /// Decide again when the state changes.
    Wait,
}

impl SigningPolicy {
    /// Decides for a leader. A new leader signs at once, without asking.
    #[must_use]
    pub fn decide(&self, state: &SigningState) -> SigningDecision {
        if state.unsigned == 0 || state.previous == PreviousSignature::Signing {
            return SigningDecision::Wait;
        }
        let latest = state.previous_ms.saturating_add(self.delay_ms);
        let due = match self.timing {
            _ if state.unsigned >= self.tx_count => state.now_ms,
            Timing::Adaptive { min_interval_ms } if state.previous == PreviousSignature::Committed => {
                latest.min(state.previous_ms.saturating_add(min_interval_ms))
            }
            Timing::Adaptive { .. } | Timing::Fixed => latest,
        };
        if due <= state.now_ms { SigningDecision::Sign } else { SigningDecision::At(due) }
    }
}

#[cfg(test)]
mod tests;
