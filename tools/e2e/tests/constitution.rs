//! A constitution is replaced, and what it prints is in the log.

use std::fs;

use coco_client::governance;
use coco_e2e::{Consortium, Node, process::constitution};
use serde_json::json;

/// An action that prints, added to the default constitution, which itself prints when it is evaluated.
const ADDED: &str = r#"
action("just_log", {}, () => {
  console.info("noted in apply");
  console.warn("warned in apply");
}, () => {
  console.info("noted in validate");
  console.error("warned in validate");
  return true;
});
console.log("evaluated");
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_constitution_may_print_wherever_it_runs() {
    let (consortium, directory) = (Consortium::default(), tempfile::tempdir().unwrap());
    let node = Node::start(&consortium, &directory.path().join("node"), &json!({}));
    node.open(&consortium).await;
    let (mut client, members) = (node.client(None), consortium.signers());
    let mut amended: String = constitution().iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    amended += ADDED;
    let printed = |level: &str, text: &str| {
        let out = fs::read_to_string(node.directory.join("out")).unwrap();
        out.lines().filter(|line| line.contains(level) && line.contains(text)).count()
    };
    let actions = json!([{ "name": "set_constitution", "args": { "constitution": amended } }]);
    governance::decide(&mut client, &members, &actions).await.unwrap();
    assert_eq!(printed("[info ]", "evaluated"), 0, "it was checked, but not in force");

    let actions = json!([{ "name": "just_log", "args": {} }]);
    governance::decide(&mut client, &members, &actions).await.unwrap();
    for (level, text, times) in [
        ("[info ]", "noted in validate", 1),
        ("[fail ]", "warned in validate", 1),
        ("[info ]", "noted in apply", 1),
        ("[fail ]", "warned in apply", 1),
        // To validate, to resolve when it is proposed and after each ballot, and to apply.
        ("[info ]", "evaluated", 1 + 1 + members.len() + 1),
    ] {
        assert_eq!(printed(level, text), times, "{text}\n{}", node.log());
    }
}
