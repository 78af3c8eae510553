//! Nodes that had to leave, and majorities that members do not want.

use coco_tables::nodes::{Appraisal, Diversity, Eviction, Lease, NodeStatus, Reason};

use crate::{
    Case, check,
    ledger::{HOST_DATA, Joiner, Ledger, T},
};

const LEASE_S: u64 = 30;

/// A node that joins at [`T`], with a lease.
fn leased(it: &mut Ledger) -> Joiner {
    it.vote(|tables, tx| tables.nodes.lease.put(tx, &Lease { seconds: LEASE_S }));
    it.join_another(NodeStatus::Trusted, T)
}

/// The primary retires a node whose row was judged at `judged`, or says so.
fn evict(it: &mut Ledger, joiner: &mut Joiner, judged: u64, eviction: Eviction, status: NodeStatus) {
    joiner.info.status = status;
    let row = Appraisal { time: judged, renewal: None, eviction: Some(eviction) };
    it.write(|tables, tx| {
        tables.nodes.info.put(tx, &joiner.id(), &joiner.info);
        tables.nodes.appraisals.put(tx, &joiner.id(), &row);
    });
}

fn retire(it: &mut Ledger, joiner: &mut Joiner, time: u64, reason: Reason) {
    evict(it, joiner, T, Eviction { time, reason }, NodeStatus::Retired);
}

fn take_back(it: &mut Ledger) {
    it.vote(|tables, tx| tables.platforms.virtual_host_data.remove(tx, &HOST_DATA));
}

const RIGHT: [Case; 4] = [
    (
        "evidence that is too old",
        |it| {
            let mut joiner = leased(it);
            retire(it, &mut joiner, T + LEASE_S, Reason::Expired);
        },
        "becomes Retired by the primary: it has shown no new evidence in time\n",
    ),
    (
        "code that is taken back",
        |it| {
            let mut joiner = leased(it);
            take_back(it);
            retire(it, &mut joiner, T + 1, Reason::Unwelcome);
        },
        "becomes Retired by the primary: what it runs is no longer admitted\n",
    ),
    (
        "a lease",
        |it| drop(leased(it)),
        "policy lease added by proposal abababababababababababababababababababababababababababababababab: {\"seconds\":30}\n",
    ),
    (
        "a majority that nobody forbids",
        |it| {
            let rule = Diversity { vendors: false, clouds: false };
            it.vote(|tables, tx| tables.nodes.diversity.put(tx, &rule));
            it.join_another(NodeStatus::Trusted, T);
        },
        "policy diversity added",
    ),
];

#[test]
fn right_evictions() {
    for (case, write, text) in RIGHT {
        let mut ledger = Ledger::virtual_platform();
        write(&mut ledger);
        check(case, &mut ledger, &[], 0, text);
    }
}

const NO_REASON: &str = "DOES NOT HOLD: nothing in the tables is a reason for that";

const WRONG: [Case; 8] = [
    (
        "evidence that is not too old",
        |it| {
            let mut joiner = leased(it);
            retire(it, &mut joiner, T + LEASE_S - 1, Reason::Expired);
        },
        NO_REASON,
    ),
    (
        "code that is admitted",
        |it| {
            let mut joiner = leased(it);
            retire(it, &mut joiner, T + LEASE_S, Reason::Unwelcome);
        },
        NO_REASON,
    ),
    (
        "no lease",
        |it| {
            let mut joiner = it.join_another(NodeStatus::Trusted, T);
            retire(it, &mut joiner, T + LEASE_S, Reason::Expired);
        },
        NO_REASON,
    ),
    (
        "a time that goes back",
        |it| {
            let mut joiner = leased(it);
            take_back(it);
            retire(it, &mut joiner, T - 61, Reason::Unwelcome);
        },
        "DOES NOT HOLD: the recorded time is 61 seconds before that of an earlier decision",
    ),
    (
        "a node that stays",
        |it| {
            let mut joiner = leased(it);
            let eviction = Eviction { time: T + LEASE_S, reason: Reason::Expired };
            evict(it, &mut joiner, T, eviction, NodeStatus::Trusted);
        },
        "DOES NOT HOLD: it is said that it had to leave, and it did not",
    ),
    (
        "another time of its evidence",
        |it| {
            let mut joiner = leased(it);
            let eviction = Eviction { time: T + LEASE_S, reason: Reason::Expired };
            evict(it, &mut joiner, T - 1, eviction, NodeStatus::Retired);
        },
        "DOES NOT HOLD: an appraisal without evidence of a node that had joined before",
    ),
    (
        "a rule that is broken when it is made",
        |it| {
            let rule = Diversity { vendors: true, clouds: false };
            it.vote(|tables, tx| tables.nodes.diversity.put(tx, &rule));
        },
        "trusted nodes: DOES NOT HOLD: 1 of 1 nodes would be of the vendor nobody",
    ),
    (
        "evidence of a node that had to leave",
        |it| {
            let mut joiner = leased(it);
            retire(it, &mut joiner, T + LEASE_S, Reason::Expired);
            it.renew_of(joiner.id(), T + LEASE_S, 1);
        },
        "DOES NOT HOLD: an appraisal of a node that is Retired",
    ),
];

#[test]
fn wrong_evictions() {
    for (case, write, text) in WRONG {
        let mut ledger = Ledger::virtual_platform();
        write(&mut ledger);
        check(case, &mut ledger, &[], 1, text);
    }
}

#[test]
fn what_a_node_showed_last_counts() {
    let retired = |time: u64| {
        let mut ledger = Ledger::virtual_platform();
        let mut joiner = leased(&mut ledger);
        ledger.renew_of(joiner.id(), T + 20, 1);
        joiner.info.status = NodeStatus::Retired;
        let renewal = Some(ledger.renewal_of(joiner.id(), 1));
        let row =
            Appraisal { time: T + 20, renewal, eviction: Some(Eviction { time, reason: Reason::Expired }) };
        ledger.write(|tables, tx| {
            tables.nodes.info.put(tx, &joiner.id(), &joiner.info);
            tables.nodes.appraisals.put(tx, &joiner.id(), &row);
        });
        ledger
    };
    let text = "becomes Retired by the primary: it has shown no new evidence in time\n";
    check("too old", &mut retired(T + 20 + LEASE_S), &[], 0, text);
    check("renewed since", &mut retired(T + LEASE_S), &[], 1, NO_REASON);
}
