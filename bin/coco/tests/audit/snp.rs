//! Decisions about nodes on SEV-SNP, whose evidence has dates.

use coco_imitated::{
    der::day,
    snp::{Machine, at},
};
use coco_tables::{
    nodes::NodeStatus,
    platforms::{CodeStatus, SnpDemands},
};
use coco_wire::{Digest, signature::SINGLETON_KEY};

use crate::{
    Case, check,
    ledger::{Ground, Ledger, T, appraised, require},
};

fn milan() -> Ground {
    Ground::Snp(Box::new(Machine::milan()))
}

/// The day after certificates have expired.
fn too_late() -> u64 {
    day(101).0.unsigned_abs()
}

fn other_guest() -> Ground {
    let mut machine = Machine::milan();
    machine.put(at::MEASUREMENT, &[0x3f; 48]);
    Ground::Snp(Box::new(machine))
}

const WRONG: [Case; 10] = [
    (
        "a certificate that had expired",
        |it| drop(it.join_another(NodeStatus::Trusted, too_late())),
        "joined, Trusted, on SNP: DOES NOT HOLD: SEV-SNP: the end certificate has expired [SevSnp(Expired(End))]",
    ),
    (
        "a certificate that was not valid yet",
        |it| drop(it.join_another(NodeStatus::Trusted, day(0).0.unsigned_abs() - 1)),
        "before that of an earlier decision; SEV-SNP: the end certificate is not valid yet [SevSnp(NotYetValid(End))]",
    ),
    (
        "a guest that was admitted only later",
        |it| {
            let joiner = it.joiner(&other_guest(), NodeStatus::Trusted);
            it.join(&joiner, appraised(T));
            it.vote(|tables, tx| {
                let measurement = "3f".repeat(48);
                tables.platforms.snp_measurements.put(tx, &measurement, &CodeStatus::AllowedToJoin);
            });
        },
        "DOES NOT HOLD: its measurement was not admitted then; measurement 3f3f",
    ),
    (
        "a configuration that was dropped before",
        |it| {
            it.vote(|tables, tx| tables.platforms.snp_host_data.remove(tx, &Digest([0x40; 32])));
            it.join_another(NodeStatus::Trusted, T);
        },
        "DOES NOT HOLD: its host data was not admitted then",
    ),
    (
        "firmware below the minimum of then",
        |it| {
            it.vote(|tables, tx| require(tables, tx, 220));
            it.join_another(NodeStatus::Trusted, T);
            it.vote(|tables, tx| require(tables, tx, 219));
        },
        "joined, Trusted, on SNP: DOES NOT HOLD: SEV-SNP: the ",
    ),
    (
        "a guest that may be debugged",
        |it| {
            let mut machine = Machine::milan();
            machine.put(at::POLICY + 2, &[0x0b]);
            let joiner = it.joiner(&Ground::Snp(Box::new(machine)), NodeStatus::Trusted);
            it.join(&joiner, appraised(T));
        },
        "[SevSnp(Debug)]; by its own word measurement 3e3e",
    ),
    (
        "a chip that is not listed",
        |it| {
            let demands = SnpDemands { listed_chip: true, ..SnpDemands::default() };
            it.vote(|tables, tx| tables.platforms.snp_demands.put(tx, &demands));
            it.join_another(NodeStatus::Trusted, T);
        },
        "DOES NOT HOLD: its chip was not admitted then; measurement 3e3e",
    ),
    (
        "demands that nobody can read",
        |it| {
            let table = it.tables.platforms.snp_demands.name().clone();
            it.vote(|_, tx| tx.put(&table, SINGLETON_KEY.as_slice(), b"{".as_slice()));
            it.join_another(NodeStatus::Trusted, T);
        },
        "DOES NOT HOLD: nobody can tell what the members demanded then",
    ),
    (
        "a provider that was not admitted",
        |it| {
            let machine = Machine::of_provider("CN=cloud");
            let joiner = it.joiner(&Ground::Snp(Box::new(machine)), NodeStatus::Trusted);
            it.join(&joiner, appraised(T));
        },
        "[SevSnp(Provider)]",
    ),
    (
        "no time",
        |it| {
            let joiner = it.joiner(&milan(), NodeStatus::Trusted);
            it.join(&joiner, None);
        },
        "no time is recorded, as it was with earlier decisions; no time is recorded, without which",
    ),
];

#[test]
fn wrong_decisions() {
    for (case, write, text) in WRONG {
        let mut ledger = Ledger::on(milan());
        write(&mut ledger);
        check(case, &mut ledger, &["--root", "root.der"], 1, text);
    }
}

#[test]
fn right_decisions() {
    let mut ledger = Ledger::on(milan());
    ledger.join_another(NodeStatus::Trusted, T + 1);
    ledger.renew(T + 2, ledger.lease(1), 1);
    ledger.vote(|tables, tx| require(tables, tx, 220));
    let text = "showed fresh evidence, Trusted, on SNP: welcome; measurement 3e3e";
    check("with the root", &mut ledger, &["--root", "root.der"], 0, text);
    check("as AMD's", &mut ledger, &[], 1, "DOES NOT HOLD: ");

    let mut ledger = Ledger::founded(milan(), None, |_, _| ());
    let arguments = ["--root", "root.der"];
    check("without time", &mut ledger, &arguments, 1, "DOES NOT HOLD: no time is recorded, without which");
    let at = |day: u64| coco_crypto::x509::UnixTime(i64::try_from(day).unwrap()).to_string();
    check("at a time", &mut ledger, &[arguments.as_slice(), &["--at", &at(T)]].concat(), 0, "welcome");
    let expired = at(too_late());
    let late = [arguments.as_slice(), &["--at", &expired]].concat();
    check("at a late time", &mut ledger, &late, 1, "DOES NOT HOLD: ");
}
