//! Evidence that nodes that take part show again, and those that have to leave.

use coco_attest::binding::LeaseProof;
use coco_crypto::x509::UnixTime;
use coco_kv::{Decode, Reader};
use coco_tables::nodes::{Appraisal, Eviction, NodeStatus, Reason, Renewal};
use coco_wire::Digest;

use super::{Replay, Step};
use crate::attest::audit::{
    event::{Act, Decision, Event, What},
    examine::{Exhibit, Rules},
    fault::Fault,
    rows::Node,
};

/// How far a recorded time may lie before an earlier one, in seconds: primaries change, and so do their clocks.
const CLOCKS_DIFFER_S: i64 = 60;

impl Replay {
    pub(super) fn appraisals(&mut self, step: &Step, events: &mut Vec<Event>) {
        let (info, appraisals) =
            (self.tables.nodes.info.name().clone(), self.tables.nodes.appraisals.name().clone());
        for (key, value) in step.rows(&appraisals) {
            let before = step.before.get(&appraisals, key);
            if before.as_ref() == value {
                continue;
            }
            let node = step.after.get(&info, key).and_then(|row| Node::read(&row));
            let (Some(value), Some(id)) = (value, Digest::decode(key)) else {
                let takes_part = node.is_some_and(|node| node.status != NodeStatus::Retired);
                let fault = if value.is_some() { Fault::Malformed } else { Fault::AppraisalRemoved };
                if value.is_some() || takes_part {
                    events.push(step.node("nodes.appraisals", key, fault));
                }
                continue;
            };
            let joins = !step.before.has(&info, key);
            match (Appraisal::decode(value), node) {
                // Said where it was judged.
                (None, Some(_)) if joins => {}
                (None, _) => events.push(step.node("nodes.appraisals", key, Fault::Malformed)),
                (Some(appraisal), None) => {
                    let mut faults = vec![Fault::UnknownNode];
                    let time = Some(self.time(appraisal.time, &mut faults));
                    let what = What::Node { table: "nodes.appraisals", node: id.to_hex() };
                    events.push(Event { at: step.at, time, what, faults });
                }
                (Some(Appraisal { renewal: None, eviction: None, .. }), Some(_)) if joins => {}
                (Some(Appraisal { eviction: Some(_), .. }), Some(node)) => {
                    let was = step.before.get(&info, key).and_then(|row| Node::read(&row));
                    let trusted = was.is_some_and(|was| was.status == NodeStatus::Trusted);
                    // Said where it was retired.
                    if !(trusted && node.status == NodeStatus::Retired) {
                        events.push(step.node("nodes.appraisals", key, Fault::NotRetired));
                    }
                }
                (Some(appraisal), Some(node)) => {
                    let before = before.and_then(|row| Appraisal::decode(&row));
                    events.push(self.renewed(step, id, &node, (before, &appraisal)));
                }
            }
        }
    }

    /// Judges the evidence by which a node renewed its lease.
    fn renewed(
        &mut self,
        step: &Step,
        id: Digest,
        node: &Node,
        (before, appraisal): (Option<Appraisal>, &Appraisal),
    ) -> Event {
        let mut faults = Vec::new();
        let time = Some(self.time(appraisal.time, &mut faults));
        if node.status != NodeStatus::Trusted {
            faults.push(Fault::NotTrusted(node.status));
        }
        let (Some(renewal), Some(service)) = (&appraisal.renewal, step.is) else {
            faults.push(if step.is.is_some() { Fault::NothingShown } else { Fault::NoService });
            return step.decided(time, step.unread(id, Act::Renewed, node), faults);
        };
        let last = before.and_then(|before| before.renewal).map(|renewal| renewal.challenge);
        if last == Some(renewal.challenge) {
            faults.push(Fault::OldChallenge);
        }
        let report_data = of_lease(service.identity, id, renewal);
        let exhibit = Exhibit { quote: &renewal.quote_info, time, report_data };
        let examined = self.examiner.examine(&exhibit, Rules::Members, (&self.tables, &step.before));
        faults.extend(examined.faults);
        let decision = Decision { node: id, act: Act::Renewed, status: node.status, shown: examined.shown };
        step.decided(time, decision, faults)
    }

    /// Why a node that is retired had to leave, if the primary decided that, and when.
    pub(super) fn evicted(
        &mut self,
        step: &Step,
        id: Digest,
        node: &Node,
    ) -> Option<(UnixTime, Reason, Vec<Fault>)> {
        let row = step.appraisal_of(&self.tables, &id)??;
        let Eviction { time, reason } = row.eviction?;
        let was = self.tables.nodes.appraisals.get(&step.before, &id).ok().flatten();
        let unchanged = match &was {
            Some(was) => (was.time, &was.renewal) == (row.time, &row.renewal),
            None => (row.time, &row.renewal) == (0, &None),
        };
        let mut faults = Vec::new();
        let at = self.time(time, &mut faults);
        if !unchanged {
            faults.push(Fault::NothingShown);
        }
        let lease = self.tables.nodes.lease.get(&step.before).ok().flatten();
        let due = lease.is_some_and(|lease| match reason {
            Reason::Expired => was.is_none_or(|was| was.time.saturating_add(lease.seconds) <= time),
            Reason::Unwelcome => !self.is_welcome(step, id, node, (was.as_ref(), at)),
        });
        if !due {
            faults.push(Fault::NoReason);
        }
        Some((at, reason, faults))
    }

    /// Whether the evidence of a node that was judged last is admitted still, as of then.
    fn is_welcome(
        &self,
        step: &Step,
        id: Digest,
        node: &Node,
        (was, at): (Option<&Appraisal>, UnixTime),
    ) -> bool {
        let renewal = was.and_then(|was| was.renewal.as_ref()).zip(step.is);
        let (quote, report_data) = match renewal {
            Some((renewal, service)) => {
                (Some(renewal.quote_info.clone()), of_lease(service.identity, id, renewal))
            }
            None => (node.quote(), id),
        };
        quote.is_some_and(|quote| {
            let time = Some(was.map_or(at, |was| recorded(was.time)));
            let exhibit = Exhibit { quote: &quote, time, report_data };
            let examined = self.examiner.examine(&exhibit, Rules::Members, (&self.tables, &step.before));
            examined.faults.is_empty()
        })
    }

    /// When something was judged, held against when others were.
    pub(super) fn time(&mut self, seconds: u64, faults: &mut Vec<Fault>) -> UnixTime {
        let time = recorded(seconds);
        let back = self.latest.map_or(0, |latest| latest.0.saturating_sub(time.0));
        if back > CLOCKS_DIFFER_S {
            faults.push(Fault::TimeBack(back));
        }
        self.latest = self.latest.max(Some(time));
        time
    }
}

/// What evidence must be bound to by which a node renewed its lease.
fn of_lease(service: Digest, node: Digest, renewal: &Renewal) -> Digest {
    LeaseProof { service, node, challenge: renewal.challenge }.report_data().0
}

/// A time of the ledger, in seconds since 1970.
pub(super) fn recorded(seconds: u64) -> UnixTime {
    UnixTime(i64::try_from(seconds).unwrap_or(i64::MAX))
}
