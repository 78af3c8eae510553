//! `coco attest audit`: what it says of decisions that were right, and of each way in which one can be wrong.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod evictions;
#[expect(dead_code, reason = "shared with the tests of the verifier, which use all of it")]
#[path = "../../../../base/audit/tests/forged/forge.rs"]
mod forge;
mod intel;
mod ledger;
mod services;
mod snapshot;
mod snp;
mod whole;

use std::{
    path::Path,
    process::{Command, Output},
};

use coco_kv::Tx;
use coco_tables::{Tables, nodes::NodeStatus, platforms::CodeStatus, value::Present};
use coco_wire::{Digest, text::Base64};
use serde_json::json;

use ledger::{Ground, HOST_DATA, Ledger, T, appraised};

const COCO: &str = env!("CARGO_BIN_EXE_coco");
const OTHER: Digest = Digest([8; 32]);

fn audit(arguments: &[&str], directory: &Path) -> Output {
    Command::new(COCO).args(["attest", "audit"]).args(arguments).current_dir(directory).output().unwrap()
}

/// What it said on either output.
fn said(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

/// Audits a ledger; the text must be said.
#[track_caller]
fn check(case: &str, ledger: &mut Ledger, arguments: &[&str], expected: i32, text: &str) {
    let directory = tempfile::tempdir().unwrap();
    ledger.save(directory.path());
    let output = audit(&[&["ledger"], arguments].concat(), directory.path());
    let said = said(&output);
    assert_eq!(output.status.code(), Some(expected), "{case}\n{said}");
    assert!(said.contains(text), "{case}: no `{text}` in\n{said}");
    let end = if expected == 0 { "All decisions about nodes hold: " } else { "REFUSED: " };
    assert!(said.lines().any(|line| line.starts_with(end)), "{case}\n{said}");
}

/// A case, what is written behind the beginning of a service, and what is said.
type Case = (&'static str, fn(&mut Ledger), &'static str);

fn admit(tables: &Tables, tx: &mut Tx, host_data: Digest) {
    tables.platforms.virtual_host_data.put(tx, &host_data, &Present);
}

const RIGHT: [Case; 11] = [
    ("nothing more", |_| (), "All decisions about nodes hold: 1, to 2.2.\n"),
    (
        "a node while the service opens",
        |it| drop(it.join_another(NodeStatus::Trusted, T + 1)),
        "joined, Trusted, on Virtual: welcome; measurement Insecure hard-coded virtual measurement v1, host data 0707",
    ),
    ("the service opens", Ledger::open, "service opens by proposal abab"),
    (
        "a node that members decide about",
        |it| {
            it.open();
            let mut joiner = it.join_another(NodeStatus::Pending, T);
            it.stand(&mut joiner, NodeStatus::Trusted, true);
            it.stand(&mut joiner, NodeStatus::Retired, true);
        },
        "becomes Trusted by proposal abab",
    ),
    (
        "a retirement without a proposal",
        |it| {
            let mut joiner = it.join_another(NodeStatus::Trusted, T);
            it.stand(&mut joiner, NodeStatus::Retired, false);
        },
        "becomes Retired by no proposal",
    ),
    (
        "code that was admitted before",
        |it| {
            it.vote(|tables, tx| admit(tables, tx, OTHER));
            let joiner = it.joiner(&Ground::Virtual(OTHER), NodeStatus::Trusted);
            it.join(&joiner, appraised(T));
        },
        "policy virtual.host_data 0808080808080808080808080808080808080808080808080808080808080808 added by proposal abab",
    ),
    (
        "code that is dropped later",
        |it| {
            it.join_another(NodeStatus::Trusted, T);
            it.vote(|tables, tx| tables.platforms.virtual_host_data.remove(tx, &HOST_DATA));
        },
        "0707 removed by proposal abab",
    ),
    ("clocks that differ", |it| drop(it.join_another(NodeStatus::Trusted, T - 60)), "welcome"),
    (
        "fresh evidence",
        |it| {
            for challenge in [1, 2] {
                it.renew(T + 100, it.lease(challenge), challenge);
            }
        },
        "showed fresh evidence, Trusted, on Virtual: welcome",
    ),
    (
        "an appraisal that leaves with its node",
        |it| {
            let mut joiner = it.join_another(NodeStatus::Trusted, T);
            it.stand(&mut joiner, NodeStatus::Retired, true);
            let id = joiner.id();
            it.write(|tables, tx| tables.nodes.appraisals.remove(tx, &id));
        },
        "becomes Retired",
    ),
    (
        "a row that is removed twice",
        |it| it.write(|tables, tx| tables.platforms.virtual_host_data.remove(tx, &OTHER)),
        "welcome",
    ),
];

#[test]
fn right_decisions() {
    for (case, write, text) in RIGHT {
        let mut ledger = Ledger::virtual_platform();
        write(&mut ledger);
        check(case, &mut ledger, &[], 0, text);
    }
}

const WRONG: [Case; 12] = [
    (
        "evidence for another key",
        |it| {
            let mut joiner = it.joiner(&it.ground, NodeStatus::Trusted);
            joiner.info.quote_info = it.ground.quote(it.forge.node.id());
            it.join(&joiner, appraised(T));
        },
        "DOES NOT HOLD: attestation evidence is bound to another key [ReportData]; by its own word measurement Insecure",
    ),
    (
        "evidence that is none",
        |it| {
            let mut joiner = it.joiner(&it.ground, NodeStatus::Trusted);
            joiner.info.quote_info.quote = Base64(b"{}".to_vec());
            it.join(&joiner, appraised(T));
        },
        "DOES NOT HOLD: malformed attestation evidence [Malformed]",
    ),
    (
        "no evidence",
        |it| {
            let mut joiner = it.joiner(&it.ground, NodeStatus::Trusted);
            joiner.info.quote_info.quote = Base64(Vec::new());
            it.join(&joiner, appraised(T));
        },
        "DOES NOT HOLD: there is no evidence",
    ),
    (
        "code that was admitted only later",
        |it| {
            let joiner = it.joiner(&Ground::Virtual(OTHER), NodeStatus::Trusted);
            it.join(&joiner, appraised(T));
            it.vote(|tables, tx| admit(tables, tx, OTHER));
        },
        "DOES NOT HOLD: its host data was not admitted then; measurement Insecure",
    ),
    (
        "code that was admitted in the same transaction",
        |it| {
            let joiner = it.joiner(&Ground::Virtual(OTHER), NodeStatus::Trusted);
            it.vote(|tables, tx| {
                admit(tables, tx, OTHER);
                tables.nodes.info.put(tx, &joiner.id(), &joiner.info);
                tables.nodes.appraisals.put(tx, &joiner.id(), &appraised(T).unwrap());
            });
        },
        "DOES NOT HOLD: its host data was not admitted then",
    ),
    (
        "a measurement that was dropped before",
        |it| {
            let measurement = ledger::MEASUREMENT.to_owned();
            it.vote(|tables, tx| tables.platforms.virtual_measurements.remove(tx, &measurement));
            it.join_another(NodeStatus::Trusted, T);
        },
        "DOES NOT HOLD: its measurement was not admitted then",
    ),
    (
        "trusted at once",
        |it| {
            it.open();
            it.join_another(NodeStatus::Trusted, T);
        },
        "DOES NOT HOLD: it is trusted at once though the service is open",
    ),
    (
        "trusted without a vote",
        |it| {
            it.open();
            let mut joiner = it.join_another(NodeStatus::Pending, T);
            it.stand(&mut joiner, NodeStatus::Trusted, false);
        },
        "becomes Trusted by no proposal: DOES NOT HOLD: no proposal was accepted in this transaction",
    ),
    (
        "a policy without a vote",
        |it| it.write(|tables, tx| admit(tables, tx, OTHER)),
        "0808 added by no proposal: DOES NOT HOLD: no proposal was accepted",
    ),
    ("open without a vote", Ledger::open_without_vote, "service opens by no proposal: DOES NOT HOLD"),
    (
        "evidence that is replaced",
        |it| {
            let mut joiner = it.join_another(NodeStatus::Trusted, T);
            joiner.info.quote_info = it.ground.quote(OTHER);
            it.stand(&mut joiner, NodeStatus::Trusted, true);
        },
        "DOES NOT HOLD: its evidence in nodes.info is another than it joined with",
    ),
    (
        "another code in the row",
        |it| {
            let mut joiner = it.joiner(&it.ground, NodeStatus::Trusted);
            joiner.info.code_digest = Some("abcd".to_owned());
            it.join(&joiner, appraised(T));
        },
        "DOES NOT HOLD: nodes.info names other code than its evidence: abcd",
    ),
];

#[test]
fn wrong_decisions() {
    for (case, write, text) in WRONG {
        let mut ledger = Ledger::virtual_platform();
        write(&mut ledger);
        check(case, &mut ledger, &[], 1, text);
    }
}

const APPRAISALS: [Case; 12] = [
    (
        "no time, as others have it",
        |it| {
            let joiner = it.joiner(&it.ground, NodeStatus::Trusted);
            it.join(&joiner, None);
        },
        "no time recorded         node",
    ),
    (
        "a time that goes back",
        |it| drop(it.join_another(NodeStatus::Trusted, T - 61)),
        "DOES NOT HOLD: the recorded time is 61 seconds before that of an earlier decision",
    ),
    (
        "a node that is not there",
        |it| it.write(|tables, tx| tables.nodes.appraisals.put(tx, &OTHER, &appraised(T).unwrap())),
        "DOES NOT HOLD: an appraisal of a node that is not in nodes.info",
    ),
    (
        "an appraisal that is gone",
        |it| {
            let id = it.forge.node.id();
            it.write(|tables, tx| tables.nodes.appraisals.remove(tx, &id));
        },
        "DOES NOT HOLD: its appraisal is removed though it takes part",
    ),
    (
        "another time, without evidence",
        |it| {
            let id = it.forge.node.id();
            it.write(|tables, tx| tables.nodes.appraisals.put(tx, &id, &appraised(T + 1).unwrap()));
        },
        "DOES NOT HOLD: an appraisal without evidence of a node that had joined before",
    ),
    (
        "a row that cannot be read",
        |it| {
            let (id, table) = (it.forge.node.id(), it.tables.nodes.appraisals.name().clone());
            it.write(|_, tx| tx.put(&table, id.to_hex().as_bytes(), b"{".as_slice()));
        },
        "DOES NOT HOLD: the row cannot be read",
    ),
    (
        "a name that cannot be read",
        |it| {
            let table = it.tables.nodes.appraisals.name().clone();
            it.write(|_, tx| tx.put(&table, b"\x1b[31m".as_slice(), b"{}".as_slice()));
        },
        "row of nodes.appraisals of node \u{fffd}[31m: DOES NOT HOLD: the row cannot be read",
    ),
    (
        "evidence for joining, shown again",
        |it| it.renew(T, it.forge.node.id(), 1),
        "showed fresh evidence, Trusted, on Virtual: DOES NOT HOLD: attestation evidence is bound to another key",
    ),
    (
        "evidence for another challenge",
        |it| it.renew(T, it.lease(2), 1),
        "DOES NOT HOLD: attestation evidence is bound to another key",
    ),
    (
        "the same challenge",
        |it| {
            for time in [T, T + 1] {
                it.renew(time, it.lease(1), 1);
            }
        },
        "DOES NOT HOLD: the challenge is that of its evidence before",
    ),
    (
        "code that is not admitted any more",
        |it| {
            it.vote(|tables, tx| tables.platforms.virtual_host_data.remove(tx, &HOST_DATA));
            it.renew(T, it.lease(1), 1);
        },
        "DOES NOT HOLD: its host data was not admitted then",
    ),
    (
        "evidence of a node that is not trusted",
        |it| {
            it.open();
            let joiner = it.join_another(NodeStatus::Pending, T);
            it.renew_of(joiner.id(), T, 1);
        },
        "DOES NOT HOLD: an appraisal of a node that is Pending",
    ),
];

#[test]
fn wrong_appraisals() {
    for (case, write, text) in APPRAISALS {
        let mut ledger = Ledger::virtual_platform();
        write(&mut ledger);
        check(case, &mut ledger, &[], 1, text);
    }
}

#[test]
fn first_nodes() {
    let ground = || Ground::Virtual(HOST_DATA);
    // As in ledgers of CCF, which know no appraisals.
    let mut ledger = Ledger::founded(ground(), None, |_, _| ());
    let joiner = ledger.joiner(&ground(), NodeStatus::Trusted);
    ledger.join(&joiner, None);
    let text = "no time recorded         node";
    check("no times at all", &mut ledger, &[], 0, text);

    let mut ledger = Ledger::founded(ground(), appraised(T), |tables, tx| {
        tables.platforms.virtual_host_data.remove(tx, &HOST_DATA);
    });
    let text = "began the service, Trusted, on Virtual: DOES NOT HOLD: its host data was not admitted then";
    check("it does not admit itself", &mut ledger, &[], 1, text);

    let mut ledger = Ledger::founded(ground(), appraised(T), |tables, tx| {
        let other = Ledger::founded(Ground::Virtual(HOST_DATA), None, |_, _| ());
        let joiner = other.joiner(&other.ground, NodeStatus::Trusted);
        tables.nodes.info.put(tx, &joiner.id(), &joiner.info);
        tables.nodes.appraisals.put(tx, &joiner.id(), &appraised(T).unwrap());
    });
    let text = "DOES NOT HOLD: a service begins with one node, and this one has others";
    check("two first nodes", &mut ledger, &[], 1, text);

    let mut ledger = Ledger::founded(ground(), appraised(T), |tables, tx| {
        tables.platforms.snp_measurements.put(tx, &"3e".repeat(48), &CodeStatus::AllowedToJoin);
    });
    let joiner = ledger.joiner(&Ground::Virtual(OTHER), NodeStatus::Trusted);
    let other = json!({ "id": joiner.id() });
    ledger.join(&joiner, appraised(T));
    check(&other.to_string(), &mut ledger, &[], 1, &format!("node {} joined, Trusted", joiner.id()));
}
