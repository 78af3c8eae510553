//! Decisions about nodes on machines of Intel's, whose evidence brings what Intel published then.

use coco_imitated::{
    der::day,
    intel::{Kind, Machine, domain_at, enclave_at},
};
use coco_tables::{nodes::NodeStatus, value::Registers};

use crate::{
    Case, check,
    ledger::{Ground, Ledger, T, demand},
};

fn on(kind: Kind) -> Ground {
    let mut machine = Machine::new(kind);
    if kind.is_tdx() {
        machine.put(domain_at::CONFIG_ID, &[0x40; 48]);
    } else {
        machine.put(enclave_at::CONFIG_ID, &[0x40; 64]);
    }
    Ground::Intel(Box::new(machine))
}

#[test]
fn right_decisions() {
    for (kind, name) in [(Kind::Tdx15, "TDX"), (Kind::Sgx, "SGX")] {
        let mut ledger = Ledger::on(on(kind));
        ledger.join_another(NodeStatus::Trusted, T + 1);
        ledger.renew(T + 2, ledger.lease(1), 1);
        ledger.vote(|tables, tx| demand(tables, tx, 18));
        let text = format!("showed fresh evidence, Trusted, on {name}: welcome; measurement 3e3e");
        check(name, &mut ledger, &["--root", "root.der"], 0, &text);
        check("as Intel's", &mut ledger, &[], 1, "DOES NOT HOLD: ");
    }
}

const WRONG: [Case; 4] = [
    (
        "documents that had expired",
        |it| drop(it.join_another(NodeStatus::Trusted, day(101).0.unsigned_abs())),
        "joined, Trusted, on TDX: DOES NOT HOLD: ",
    ),
    (
        "documents of an older evaluation than the members demanded",
        |it| {
            it.vote(|tables, tx| demand(tables, tx, 18));
            it.join_another(NodeStatus::Trusted, T);
            it.vote(|tables, tx| demand(tables, tx, 17));
        },
        "[Intel(Evaluation(17))]; measurement 3e3e",
    ),
    (
        "a configuration that was dropped before",
        |it| {
            it.vote(|tables, tx| tables.intel.tdx_host_data.remove(tx, &"40".repeat(48)));
            it.join_another(NodeStatus::Trusted, T);
        },
        "DOES NOT HOLD: its host data was not admitted then; measurement 3e3e",
    ),
    (
        "another register",
        |it| {
            let values = Registers(vec!["11".repeat(48)]);
            it.vote(|tables, tx| tables.intel.tdx_registers.put(tx, &"1".to_owned(), &values));
            it.join_another(NodeStatus::Trusted, T);
        },
        "DOES NOT HOLD: its registers were not admitted then",
    ),
];

#[test]
fn wrong_decisions() {
    for (case, write, text) in WRONG {
        let mut ledger = Ledger::on(on(Kind::Tdx15));
        write(&mut ledger);
        check(case, &mut ledger, &["--root", "root.der"], 1, text);
    }
}
