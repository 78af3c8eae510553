//! Clients write and read through every kind of failure: what they saw fits one order of what was committed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use coco_client::network;
use coco_e2e::{
    Cluster, Consortium, History, Load, Network, Random,
    cluster::{ELECTION_TIMEOUT, Plan},
    history::Truth,
    load::Mix,
    scale,
};
use rustix::process::Signal;
use serde_json::json;

const NODES: usize = 3;
/// Few records, so that clients meet.
const MIX: Mix = Mix { clients: 5, keys: 6, reads: 40, waits: 50 };
/// How long clients go on undisturbed before, between and after failures.
const QUIET: Duration = Duration::from_millis(700);
/// How long a round may take. Much, as the machine may be busy with other tests.
const LIMIT: Duration = Duration::from_secs(600);

/// What befalls a node, or its place in the network.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// SIGSTOP, then SIGCONT.
    PausePrimary,
    PauseBackup,
    /// Nothing reaches it, nor anybody from it; then all is well again.
    IsolatePrimary,
    IsolateBackup,
    /// Nothing that it sends arrives.
    SilencePrimary,
    /// Nothing arrives at it.
    DeafenPrimary,
    SilenceBackup,
    DeafenBackup,
    /// The primary and one backup do not reach each other; both reach the third.
    CutOneLink,
    /// SIGKILL.
    KillBackup,
    KillPrimary,
}

/// All that can be undone; one that cannot comes last.
const PASSING: [Fault; 9] = [
    Fault::PausePrimary,
    Fault::PauseBackup,
    Fault::IsolatePrimary,
    Fault::IsolateBackup,
    Fault::SilencePrimary,
    Fault::DeafenPrimary,
    Fault::SilenceBackup,
    Fault::DeafenBackup,
    Fault::CutOneLink,
];

struct World {
    cluster: Cluster,
    network: Network,
    random: Random,
}

impl World {
    /// Lets a fault begin, last for a while, and end if it can.
    async fn suffer(&mut self, fault: Fault) {
        let running = self.cluster.running();
        let primary = self.cluster.primary_among(&running).await;
        let others: Vec<usize> = running.into_iter().filter(|number| *number != primary).collect();
        let backup = others[usize::try_from(self.random.below(others.len() as u64)).unwrap()];
        let lasts = ELECTION_TIMEOUT + Duration::from_millis(500 + self.random.below(1500));
        println!("  {fault:?}: node {primary} leads, backup {backup}, for {lasts:?}");
        match fault {
            Fault::PausePrimary => self.cluster[primary].signal(Signal::STOP),
            Fault::PauseBackup => self.cluster[backup].signal(Signal::STOP),
            Fault::IsolatePrimary => self.isolate(primary),
            Fault::IsolateBackup => self.isolate(backup),
            Fault::SilencePrimary => self.network.silence(primary),
            Fault::DeafenPrimary => self.network.deafen(primary),
            Fault::SilenceBackup => self.network.silence(backup),
            Fault::DeafenBackup => self.network.deafen(backup),
            Fault::CutOneLink => {
                self.network.cut(primary, backup);
                self.network.cut(backup, primary);
            }
            Fault::KillBackup => self.cluster[backup].kill(),
            Fault::KillPrimary => self.cluster[primary].kill(),
        }
        tokio::time::sleep(lasts).await;
        match fault {
            Fault::PausePrimary => self.cluster[primary].signal(Signal::CONT),
            Fault::PauseBackup => self.cluster[backup].signal(Signal::CONT),
            _ => self.network.heal(),
        }
    }

    fn isolate(&self, number: usize) {
        self.network.silence(number);
        self.network.deafen(number);
    }
}

/// All faults that pass in an order that the seed decides, then one that does not.
fn schedule(random: &mut Random, length: usize) -> Vec<Fault> {
    let mut left = PASSING.to_vec();
    let mut faults = Vec::new();
    while faults.len() < length.min(PASSING.len()) {
        let at = random.below(left.len() as u64);
        faults.push(left.swap_remove(usize::try_from(at).unwrap()));
    }
    faults.push(if random.below(3) == 0 { Fault::KillBackup } else { Fault::KillPrimary });
    faults
}

async fn round(seed: u64, length: usize, consortium: &Consortium) {
    let directory = tempfile::tempdir().unwrap();
    let network = Network::new(NODES).await;
    let sections = json!({ "ledger": { "chunk_size": "20KB" } });
    let plan = Plan { network: Some(network.clone()), ..Plan::new(&sections) };
    let cluster = Cluster::open_as(consortium, directory.path(), NODES, plan).await;
    let mut world = World { cluster, network, random: Random(seed) };
    let load = Load::start(&world.cluster, consortium.user(), seed, MIX);
    println!("seed {seed}:");
    for fault in schedule(&mut world.random, length) {
        tokio::time::sleep(QUIET).await;
        world.suffer(fault).await;
    }
    let running = world.cluster.running();
    world.cluster.primary_among(&running).await;
    let healed = load.now();
    tokio::time::sleep(ELECTION_TIMEOUT + QUIET).await;
    let history = load.end().await;
    let resumed = history.acknowledged_after(healed);
    assert!(resumed > 0, "seed {seed}: nothing is committed after all\n{}", world.cluster.logs());
    check(seed, &mut world.cluster, &history).await;
}

/// Stops the survivors once they agree, and compares what clients saw with what each of them kept.
async fn check(seed: u64, cluster: &mut Cluster, history: &History) {
    let running = cluster.running();
    let newest = history.acknowledged().map(|(id, ..)| id).max_by_key(|id| id.seqno).unwrap();
    cluster.wait_for_commit(newest, &running).await;
    let primary = cluster.primary_among(&running).await;
    let last = network::committed(&mut cluster[primary].client(None)).await.unwrap();
    cluster.wait_for_commit(last, &running).await;
    for number in &running {
        assert!(cluster[*number].stop().success(), "seed {seed}: {}", cluster.logs());
    }
    for number in &running {
        let truth = Truth::upto(&cluster[*number].ledger(), last.seqno);
        let checked = history.check(&truth);
        let checked = checked.unwrap_or_else(|violation| panic!("seed {seed}: node {number}: {violation:?}"));
        println!("  node {number}: {} requests, {checked:?}", history.0.len());
        cluster.verify_ledger(*number, last);
    }
    println!("  {} committed files are the same", cluster.check_committed_files());
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_are_linearizable() {
    let consortium = Consortium::default();
    for seed in scale::rounds(1, 40) {
        let round = round(seed, scale::of(4, PASSING.len()), &consortium);
        tokio::time::timeout(LIMIT, round).await.unwrap();
    }
}
