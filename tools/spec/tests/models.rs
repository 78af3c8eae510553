//! Every state of the models in `spec/*.cfg`, and that a wrong rule is found out.

use std::{collections::BTreeMap, fs, path::Path, time::Instant};

use coco_spec::{Flaw, Model, Rules, explore};

/// No model has as many states.
const MANY: usize = 50_000_000;

/// What a file says of its model.
struct Said {
    model: Model,
    states: usize,
    is_long: bool,
}

fn read(name: &str) -> Said {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../spec/{name}.cfg"));
    let text = fs::read_to_string(&path).expect("a model");
    let says = text.lines().next().unwrap_or_default();
    let pairs = text.lines().filter_map(|line| line.trim().split_once(" = "));
    let constants: BTreeMap<&str, &str> = pairs.collect();
    let number = |of: &str| constants[of].parse().expect("a number");
    let count = |of: &str| constants[of].split(',').count();
    let small = |of: &str| u16::try_from(number(of)).expect("a small number");
    let has = |replaced: &str| text.contains(replaced);
    let model = Model {
        nodes: count("Node"),
        founders: count("Founders"),
        max_view: small("MaxView"),
        max_length: small("MaxLength"),
        max_data: number("MaxData"),
        max_signatures: number("MaxSignatures"),
        max_configurations: number("MaxConfigurations"),
        max_marks: number("MaxMarks"),
        rules: Rules {
            at_once: has("OnDisk <- AtOnce"),
            no_stand: has("Stand <- Never"),
            no_join: has("Join <- NoJoin"),
            flaw: None,
        },
    };
    let states = says.split_whitespace().nth(1).and_then(|count| count.parse().ok());
    Said { model, states: states.expect("how many states"), is_long: says.contains("long") }
}

fn holds(name: &str) {
    let Said { model, states, .. } = read(name);
    let begun = Instant::now();
    let explored = explore(&model, MANY).unwrap_or_else(|broken| panic!("{name}: {broken}"));
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{name}: {} states, {} steps, depth {}, {seconds:.1} s",
        explored.states, explored.steps, explored.depth
    );
    assert_eq!(explored.states, states, "{name}");
}

#[test]
fn elections() {
    holds("elections");
}

#[test]
fn disk() {
    holds("disk");
}

#[test]
fn leaving() {
    holds("leaving");
}

#[test]
fn small() {
    holds("small");
}

#[test]
fn retirement() {
    holds("retirement");
}

#[test]
fn joining() {
    holds("joining");
}

#[test]
#[ignore = "minutes: `cargo xtask long spec`"]
fn long_models() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spec");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let models = files.filter(|path| path.extension().is_some_and(|end| end == "cfg"));
    let names = models.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned());
    let long: Vec<String> =
        names.filter(|name| name != "validate").filter(|name| read(name).is_long).collect();
    assert!(!long.is_empty());
    long.iter().for_each(|name| holds(name));
}

/// Each wrong rule breaks what it should, in few steps.
#[test]
fn flaws_are_found() {
    let cases = [
        (Flaw::CommitOfAnyView, "elections", "OwnView"),
        (Flaw::AnyCandidate, "elections", "LeaderCompleteness"),
        (Flaw::ManyVotes, "elections", "OneVote"),
        (Flaw::LongEnough, "elections", "LeaderCompleteness"),
        (Flaw::CutAfterMessage, "unsigned", "BackToSignature"),
        (Flaw::KeepUnsigned, "unsigned", "ViewsGoUp"),
        (Flaw::CommitUnmatched, "unsigned", "CommittedAgree"),
        (Flaw::CountUnwritten, "disk", "Replicated"),
        (Flaw::QuorumOfUnion, "reconfiguration", "Replicated"),
        (Flaw::NewestOnly, "retirement", "Replicated"),
        (Flaw::CommittedOnly, "elections", "Replicated"),
        (Flaw::StandWhenGone, "retirement", "Turns"),
    ];
    for (flaw, name, property) in cases {
        // Some need an entry or a configuration more than the model has.
        let Said { model, .. } = read(name);
        let rules = Rules { flaw: Some(flaw), ..model.rules };
        let (max_length, max_configurations) = (model.max_length.max(4), model.max_configurations.max(2));
        let model = Model { rules, max_length, max_configurations, ..model };
        let broken = explore(&model, MANY).expect_err("a flaw breaks something");
        println!("{flaw:?} breaks {} in {} steps", broken.property, broken.actions.len());
        assert_eq!(broken.property, property, "{flaw:?}: {broken}");
    }
}
