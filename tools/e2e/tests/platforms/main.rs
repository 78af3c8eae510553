//! One service on machines of three kinds, whose devices are imitated: whom it lets in, and how it parts with a kind.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod machines;

use std::{
    path::PathBuf,
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};

use coco_app::Method;
use coco_e2e::{
    Consortium, Embedded,
    embedded::{Writing, request},
};
use coco_host::disk::RealDisk;
use coco_node::view::Part;
use coco_tables::{
    Tables,
    nodes::{NodeStatus, Reason},
};
use coco_wire::TxId;
use serde_json::{Value, json};

use machines::{CPUID, FMSPC, Kind};

const WRITING: Writing = Writing::USUAL;

struct Service {
    consortium: Consortium,
    directory: tempfile::TempDir,
}

impl Service {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn start(&self, kind: Kind) -> Embedded {
        let ground = kind.ground(self.directory.path());
        Embedded::start_on(ground, &self.consortium, &self.path("first"), Arc::new(RealDisk), WRITING)
    }

    /// Asks `primary` to let a node in; why it does not, in the service's words.
    fn join(&self, primary: &Embedded, kind: Kind, name: &str) -> Result<Embedded, String> {
        let ground = kind.ground(self.directory.path());
        let joined = primary.join_on(ground, &self.path(name), Arc::new(RealDisk), WRITING);
        joined.map_err(|refusal| refusal.to_string())
    }

    #[track_caller]
    fn refused(&self, primary: &Embedded, kind: Kind, name: &str, expected: &str) {
        let refusal = self.join(primary, kind, name).err().expect("it is not let in");
        assert!(refusal.contains(expected), "{expected}: {refusal}");
    }

    fn write(&self, node: &Embedded, number: u64) -> TxId {
        let body = json!({ "id": number, "msg": "a secret" }).to_string();
        let write = request(Method::Post, "/app/log/private", &[("content-type", "application/json")], body);
        let answer = node.send(Some(self.consortium.user()), vec![write]).remove(0);
        assert!(answer.status.is_success(), "{}", String::from_utf8_lossy(&answer.body));
        answer.txid.unwrap()
    }
}

/// Actions by their names and arguments.
fn actions(list: &[(&str, Value)]) -> Value {
    list.iter().map(|(name, args)| json!({ "name": name, "args": args })).collect()
}

/// How many ledger secrets a node knows.
fn secrets(node: &Embedded) -> usize {
    node.driver.view().shared.secrets.load().unwrap().iter().count()
}

/// Waits until a node follows: it learns of another one that leads when that tells it.
fn wait_until_it_follows(node: &Embedded) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while node.driver.view().state().consensus.role != Part::Follower {
        assert!(Instant::now() < deadline, "it does not follow");
        sleep(Duration::from_millis(10));
    }
}

/// SEV-SNP, TDX and SGX.
fn network(service: &Service) -> [Embedded; 3] {
    let first = service.start(Kind::SevSnp);
    first.activate(&service.consortium);
    let (tdx, sgx) = (machines::tdx(), machines::sgx());
    let tables = [
        ("set_intel_tcb", json!({ "fmspc": FMSPC, "minimum_evaluation": 17 })),
        ("add_tdx_host_data", json!({ "host_data": tdx.host_data })),
        ("add_tdx_measurement", json!({ "measurement": tdx.measurement })),
        ("add_tdx_register", json!({ "register": 1, "value": tdx.registers })),
        ("add_tdx_register", json!({ "register": 2, "value": tdx.registers })),
        ("add_sgx_host_data", json!({ "host_data": sgx.host_data })),
        ("add_sgx_measurement", json!({ "measurement": sgx.measurement })),
    ];
    // Whatever is missing keeps them out, each with its words.
    let words = [
        "Quote is of a kind of machine that is not authorised",
        "Quote host data is not authorised",
        "Quote does not contain known enclave measurement",
        "Quote registers are not authorised",
        "Quote registers are not authorised",
    ];
    for (at, expected) in words.into_iter().enumerate() {
        service.refused(&first, Kind::Tdx, &format!("tdx-too-early-{at}"), expected);
        first.decide(&service.consortium, &actions(&tables[at..=at]));
    }
    service.refused(&first, Kind::Sgx, "sgx-too-early", words[1]);
    first.decide(&service.consortium, &actions(&tables[words.len()..]));
    let second = service.join(&first, Kind::Tdx, "second").unwrap();
    let third = service.join(&first, Kind::Sgx, "third").unwrap();
    first.open(&service.consortium);
    [first, second, third]
}

#[test]
fn three_kinds_of_machines_and_one_that_is_retired() {
    let service = Service { consortium: Consortium::default(), directory: tempfile::tempdir().unwrap() };
    let [first, second, third] = network(&service);
    let written = service.write(&first, 1);
    for node in [&first, &second, &third] {
        node.wait_for_commit(written);
    }
    // A machine that is not genuine is refused whatever the tables say.
    service.refused(&first, Kind::ForgedTdx, "forged", "Quote could not be verified");

    first.decide(
        &service.consortium,
        &actions(&[
            ("set_node_lease", json!({ "seconds": 3600 })),
            ("set_node_diversity", json!({ "vendors": false, "clouds": false })),
        ]),
    );
    for node in [&first, &second, &third] {
        node.renew();
    }
    assert_eq!(first.enforce().evicted, []);

    // The vote that retires a line of processors: the node on it, which leads, steps down and is retired by the next one.
    first.decide(
        &service.consortium,
        &actions(&[("remove_snp_minimum_tcb_version", json!({ "cpuid": CPUID }))]),
    );
    service.refused(
        &first,
        Kind::SevSnp,
        "snp-again",
        "Quote is of a processor without a minimum TCB version",
    );
    let done = first.enforce();
    let id = first.driver.view().shared.keys.node_id;
    assert_eq!((done.evicted, done.kept, done.steps_down), (vec![], vec![(id, Reason::Unwelcome)], true));
    first.driver.hand_over();
    let leader = wait_for_another(&[&second, &third]);
    wait_until_it_follows(&first);
    let before = [secrets(&second), secrets(&third), secrets(&first)];
    assert_eq!(leader.enforce().evicted, [(id, Reason::Unwelcome)]);

    let written = service.write(leader, 2);
    for node in [&second, &third] {
        node.wait_for_commit(written);
        assert_eq!(secrets(node), before[0] + 1, "the ledger is rekeyed");
    }
    let state = leader.driver.view().state();
    let row = Tables::default().nodes.info.get(&state.latest, &id).unwrap().unwrap();
    assert_eq!(row.status, NodeStatus::Retired);
    assert_eq!(secrets(&first), before[2], "whoever is retired is not given the secret");
    // Two are left, and both are needed.
    leader.decide(&service.consortium, &actions(&[("remove_intel_tcb", json!({ "fmspc": FMSPC }))]));
    let done = leader.enforce();
    assert_eq!((done.evicted.len(), done.kept.len(), done.steps_down), (0, 2, false));
}

/// The first of these nodes that leads.
fn wait_for_another<'a>(nodes: &[&'a Embedded]) -> &'a Embedded {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        assert!(Instant::now() < deadline, "no node leads");
        if let Some(leader) = nodes.iter().find(|node| node.driver.view().state().primary) {
            return leader;
        }
        sleep(Duration::from_millis(10));
    }
}
