//! How often faults struck, and when: for the simulation of raft alone and that of whole nodes.

use std::{fmt, marker::PhantomData};

/// What the cluster is at when a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Somebody leads, with one configuration.
    Steady,
    /// Nobody leads, or a member stands for election.
    Electing,
    /// Who leads has several configurations, or nodes that are leaving.
    Reconfiguring,
}

/// The `N` kinds of faults of a simulation.
pub trait Kind<const N: usize>: fmt::Debug + Sized {
    /// All of them, in the order of the table.
    const ROWS: [Self; N];

    /// Where it stands there.
    fn row(self) -> usize;
}

/// How often each fault struck in each phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FaultTable<F, const N: usize>([[u64; 3]; N], PhantomData<F>);

impl<F, const N: usize> Default for FaultTable<F, N> {
    fn default() -> Self {
        Self([[0; 3]; N], PhantomData)
    }
}

impl<F: Kind<N>, const N: usize> FaultTable<F, N> {
    /// Counts one.
    pub fn count(&mut self, fault: F, phase: Phase) {
        self.0[fault.row()][phase as usize] += 1;
    }

    /// Adds another seed's.
    pub fn add(&mut self, other: &Self) {
        for (to, from) in self.0.as_flattened_mut().iter_mut().zip(other.0.as_flattened()) {
            *to += from;
        }
    }

    /// How often the rarest kind struck, in whatever phase.
    #[must_use]
    pub fn rarest(&self) -> u64 {
        self.0.iter().map(|phases| phases.iter().sum()).min().unwrap_or_default()
    }

    /// The smallest number in it.
    #[must_use]
    pub fn least(&self) -> u64 {
        self.0.as_flattened().iter().copied().min().unwrap_or_default()
    }
}

impl<F: Kind<N>, const N: usize> fmt::Display for FaultTable<F, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = F::ROWS.map(|fault| format!("{fault:?}"));
        let width = names.iter().map(|name| name.len() + 1).max().unwrap_or_default();
        writeln!(f, "{:<width$}{:>12}{:>12}{:>15}", "fault", "steady", "electing", "reconfiguring")?;
        for (name, [steady, electing, reconfiguring]) in names.iter().zip(self.0) {
            writeln!(f, "{name:<width$}{steady:>12}{electing:>12}{reconfiguring:>15}")?;
        }
        Ok(())
    }
}
