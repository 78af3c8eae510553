//! Runs that never were: one step is left out or forged, so that the specification must refuse them.

use std::mem::discriminant;

use coco_wire::{Seqno, View};

use super::{
    Steps,
    act::{Act, Kind, Written},
};

impl Steps {
    /// The same run many times, each time with one step wrong, for every kind of step that it has.
    #[must_use]
    pub fn tampered(&self) -> Vec<Self> {
        let mut seen = Vec::new();
        let mut runs = Vec::new();
        // The later ones of a kind are of a richer state.
        for (at, (_, act)) in self.steps.iter().enumerate().rev() {
            let repeats = matches!(act, Act::Hear { .. } | Act::Accept { .. } | Act::Join(_));
            let has_effect = !repeats && self.has_effect(at);
            let kind = discriminant(act);
            if !seen.contains(&(kind, false)) && has_effect {
                seen.push((kind, false));
                runs.push(self.changed(at, None));
            }
            if !seen.contains(&(kind, true))
                && let Some(forged) = forged(act)
            {
                seen.push((kind, true));
                runs.push(self.changed(at, Some(forged)));
            }
        }
        runs
    }

    /// Whether the state that follows differs from what the node was before, in what the step changes.
    fn has_effect(&self, at: usize) -> bool {
        let (node, act) = &self.steps[at];
        let state = |act: &Act| if let Act::Is(state) = act { Some(state.clone()) } else { None };
        let before = self.steps[..at].iter().rev().filter(|(other, _)| other == node);
        let after = self.steps[at..].iter().filter(|(other, _)| other == node);
        let before = before.filter_map(|(_, act)| state(act)).next();
        let after = after.filter_map(|(_, act)| state(act)).next();
        let (Some(before), Some(after)) = (before, after) else { return false };
        match act {
            Act::Take { .. } => before.last != after.last,
            Act::Follow(_) | Act::Campaign => before.view != after.view,
            // A node may campaign without asking before.
            Act::Stand => before.role != after.role && after.role == Kind::PreCandidate,
            Act::Lead => before.role != after.role,
            Act::Propose(_) | Act::Persist(_) | Act::Commit(_) => before != after,
            _ => false,
        }
    }

    fn changed(&self, at: usize, to: Option<Act>) -> Self {
        let mut run = self.clone();
        let (node, act) = run.steps[at].clone();
        match to {
            Some(forged) => {
                run.name = format!("{}: not {} but {}", self.name, act.text(node), forged.text(node));
                run.steps[at].1 = forged;
            }
            None => {
                run.name = format!("{}: without {}", self.name, act.text(node));
                run.steps.remove(at);
            }
        }
        run.name = run.name.replace('"', "'");
        run
    }
}

/// Something that was not so.
fn forged(act: &Act) -> Option<Act> {
    Some(match act.clone() {
        Act::Follow(View(view)) => Act::Follow(View(view + 1000)),
        Act::Vote(to) => Act::Vote(to + 1),
        Act::Take { from, mut header, mut entries } => {
            entries.pop()?;
            entries.push(Written::Mark(header.last.view, vec![0]));
            header.committed = Seqno::ZERO;
            Act::Take { from, header, entries }
        }
        Act::Accept { to, view, last } => Act::Accept { to, view, last: Seqno(last.0 + 1000) },
        Act::Persist(seqno) => Act::Persist(Seqno(seqno.0 + 1000)),
        Act::Commit(seqno) => Act::Commit(seqno.previous()),
        Act::Is(mut state) if state.role == Kind::Leader && !state.held.is_empty() => {
            state.held[0].1 = state.last.seqno.next();
            Act::Is(state)
        }
        _ => return None,
    })
}
