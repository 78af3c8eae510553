//! Long acceptance runs by name, each resumable from a seed or a round.

use std::process::Command;
use std::time::Instant;

/// A run that is too long for the gate.
struct Run {
    name: &'static str,
    about: &'static str,
    /// Commands run in order from the root of the workspace; the first that fails ends the run.
    steps: &'static [&'static [&'static str]],
}

/// Where a run continues: its commands read the first seed or round from this variable.
const FROM: &str = "COCO_FROM";

/// Tests of a package in their full size: which of its targets, and what these are told.
macro_rules! full {
    ($package:literal, [$($target:literal),*], [$($told:literal),*]) => {
        &[
            "env", "COCO_FULL=1", "cargo", "test", "--profile", "long", "--package", $package, $($target,)* "--",
            $($told,)* "--nocapture",
        ]
    };
}

/// An end-to-end test in its full size, also if the gate leaves it out.
macro_rules! end_to_end {
    ($test:literal) => {
        full!("coco-e2e", ["--test", $test], ["--include-ignored"])
    };
}

/// One line for each run.
const RUNS: &[Run] = &[
    Run {
        name: "speed",
        about: "throughput, latency and server CPU beside the ceiling, medians of 5 rounds",
        steps: &[
            &["cargo", "build", "--release", "--package", "coco", "--package", "coco-load"],
            &["target/release/coco", "sandbox", "--nodes", "1", "--exec", "target/release/coco-load suite"],
        ],
    },
    Run {
        name: "speed3",
        about: "three nodes beside one: writes, time to commit, reads, catching up, outage, idle; medians of 5 rounds",
        steps: &[end_to_end!("speed3")],
    },
    Run {
        name: "join",
        about: "a node joins a service of 1,000,000 entries under load, from the first one and from a snapshot",
        steps: &[end_to_end!("join")],
    },
    Run {
        name: "crash",
        about: "loss of power after more than 1,000 calls of one disk, and at 1,000 moments of three",
        steps: &[end_to_end!("crash")],
    },
    Run {
        name: "reads",
        about: "linearizable reads on every node of three, each after a committed write, 2,000 times",
        steps: &[end_to_end!("reads")],
    },
    Run {
        name: "upgrade",
        about: "all nodes replaced by others that run other code, under load, 20 times",
        steps: &[end_to_end!("upgrade")],
    },
    Run { name: "kill", about: "kill -9 under load, 50 times", steps: &[end_to_end!("kill")] },
    Run {
        name: "cluster",
        about: "of three processes the primary is killed under load, 200 times, and paused, 50 times",
        steps: &[end_to_end!("cluster")],
    },
    Run {
        name: "together",
        about: "three processes killed at once under load, 50 times, and disks that are full, 20 times",
        steps: &[end_to_end!("together")],
    },
    Run {
        name: "histories",
        about: "what clients see through pauses, partitions and kills is linearizable, 40 times",
        steps: &[end_to_end!("histories")],
    },
    Run {
        name: "tamper",
        about: "every bit of a ledger inverted, every file cut to every length",
        steps: &[end_to_end!("tamper")],
    },
    Run {
        name: "hostile",
        about: "hostile requests, senders included that take more than a minute",
        steps: &[end_to_end!("hostile")],
    },
    Run {
        name: "scripts",
        about: "hostile scripts, 16 at a time, beside requests of others whose p99 may be three times that without",
        steps: &[end_to_end!("hostile_scripts")],
    },
    Run {
        name: "receipts",
        about: "every bit of every field of receipts inverted",
        steps: &[end_to_end!("receipts")],
    },
    Run {
        name: "vectors",
        about: "how genuine evidence is judged, a line for each piece; COCO_VECTORS names where it is",
        steps: &[full!("coco-attest", ["--lib"], ["vectors::", "--test-threads=1"])],
    },
    Run {
        name: "mutations",
        about: "every byte of evidence of every platform changed, and every beginning of it",
        steps: &[full!("coco-attest", ["--lib"], ["mutations::"])],
    },
    Run {
        name: "python",
        about: "CCF's Python package verifies a ledger of 100,000 transactions",
        steps: &[end_to_end!("python_ccf")],
    },
    Run {
        name: "sim",
        about: "300,000 clusters of whole nodes under every fault, each from its seed",
        steps: &[&[
            "cargo",
            "run",
            "--release",
            "--package",
            "coco-sim",
            "--",
            "--seeds",
            "1000000..1300000",
        ]],
    },
    Run {
        name: "fuzz",
        about: "every parser of evidence and frames 10,000,000 times with changed inputs, every verifier 100,000 times or more",
        steps: &[full!("coco-attest", ["--lib"], ["::fuzz::"]), full!("coco-http", ["--lib"], ["::fuzz::"])],
    },
    Run {
        name: "planted",
        about: "every planted bug is found by the simulator, each within a minute",
        steps: &[&["cargo", "xtask", "planted"]],
    },
    Run {
        name: "spec",
        about: "every state of the larger models of the specification, and 2,000 seeds judged by it",
        steps: &[&[
            "env",
            "COCO_FULL=1",
            "cargo",
            "test",
            "--package",
            "coco-spec",
            "--",
            "--include-ignored",
            "--nocapture",
        ]],
    },
    Run {
        name: "footprint",
        about: "memory, ledger bytes, time to start, and throughput with a million keys",
        steps: &[end_to_end!("footprint")],
    },
];

/// Prints the names of the runs.
pub(crate) fn list() {
    for run in RUNS {
        println!("{:12} {}", run.name, run.about);
    }
}

/// Runs `name`, from seed or round `from` if given.
pub(crate) fn run(name: &str, from: Option<&str>) -> Result<(), String> {
    let run = RUNS.iter().find(|run| run.name == name).ok_or_else(|| {
        let names: Vec<&str> = RUNS.iter().map(|run| run.name).collect();
        format!("no long run is called {name}; there are: {}", names.join(", "))
    })?;
    if let Some(from) = from {
        from.parse::<u64>().map_err(|_| format!("--from wants a number, not {from}"))?;
    }
    let start = Instant::now();
    for step in run.steps {
        let (program, args) = step.split_first().expect("a step names its program");
        println!("── {name}: {}", step.join(" "));
        let mut command = Command::new(program);
        command.args(args);
        if let Some(from) = from {
            command.env(FROM, from);
        }
        let status = command.status().map_err(|error| format!("{program}: {error}"))?;
        if !status.success() {
            return Err(format!("── FAILED: {name}: `{}` {status}", step.join(" ")));
        }
    }
    println!("── {name}: ok in {} s", start.elapsed().as_secs());
    Ok(())
}
