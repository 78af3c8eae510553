//! Our own scenarios, and what a scenario reports that goes wrong.

use std::{fs, path::Path};

use coco_sim::scenario::play;

#[test]
fn all() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut played = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let driver = play(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|failure| panic!("{}: {failure}", path.display()));
        let functions = driver.trace();
        assert!(functions.first().is_some_and(|line| line.contains("\"bootstrap\"")), "{}", path.display());
        played += 1;
    }
    assert_eq!(played, 5);
}

#[test]
fn what_is_wrong_is_told() {
    let cases = [
        ("fly,a", "line 1: no such command: fly,a"),
        ("\n# nothing\nstart_node,a\nassert_commit_idx,a,1", "line 4: a committed 0, not 1"),
        (
            "start_node,a\nassert_detail,a,leadership_state,Follower",
            "line 2: leadership_state of a is Leader",
        ),
        ("start_node,a\nreplicate,7,x", "line 2: nobody leads in view 7"),
        ("start_node,a\nstart_node,b", "line 2: there is a first node already"),
        ("start_node,a\nperiodic_one,b,10", "line 2: no node b"),
        ("start_node,a\nperiodic_one,a,soon", "line 2: not a number: soon"),
        ("start_node,a\nswap_nodes,2,b", "line 2: 'in' or 'out' is expected after the view"),
        ("create_new_node,a", "line 1: there is no leader that could bring all up to date"),
        ("start_node,a\n====\nfly", ""),
    ];
    for (text, expected) in cases {
        let told = play(text).err().map(|failure| failure.to_string()).unwrap_or_default();
        assert_eq!(told, expected, "{text}");
    }
}

#[test]
fn traces_speak_ccf() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/leader_leaves")).unwrap();
    let driver = play(&text).unwrap();
    let told = driver.trace().join("\n");
    for function in [
        "bootstrap",
        "replicate",
        "add_configuration",
        "send_append_entries",
        "recv_append_entries",
        "execute_append_entries_sync",
        "send_append_entries_response",
        "recv_append_entries_response",
        "commit",
        "recv_propose_request_vote",
        "become_candidate",
        "send_request_vote",
        "recv_request_vote",
        "recv_request_vote_response",
        "become_leader",
        "become_follower",
        "drop_pending_to",
    ] {
        assert!(told.contains(&format!("\"function\":\"{function}\"")), "{function}");
    }
    let repeated = play(&text).unwrap();
    assert_eq!(driver.trace(), repeated.trace(), "the same scenario has the same trace");
}
