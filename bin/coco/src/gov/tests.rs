use std::fs;

use clap::{Args, Command};
use serde_json::{Value, json};

use super::{
    action::{Action, Argument},
    actions::ACTIONS,
    draft,
    propose::ProposeArgs,
    words::{self, Words},
};
use crate::connection::ServiceError;

const ID: &str = "0101010101010101010101010101010101010101010101010101010101010101";

/// Splits a line at spaces; `_` stands for one within a word.
fn line(text: &str) -> Vec<String> {
    text.split(' ').map(|word| word.replace('_', " ").replace('~', "_")).collect()
}

fn command() -> Command {
    ProposeArgs::augment_args(Command::new("propose"))
}

fn split(words: &[String]) -> Result<Words, words::InvalidWords> {
    words::split(words, &command())
}

/// What is proposed by these words, and the options of the command among them.
fn proposed(words: &[String]) -> Result<(Value, Vec<String>), String> {
    let Words::Actions { drafts, own } = split(words).map_err(|error| error.to_string())? else {
        return Err("help".to_owned());
    };
    let proposal = draft::proposal(&drafts, &|| Err(ServiceError::NoCertificate));
    Ok((proposal.map_err(|error| error.to_string())?["actions"].clone(), own))
}

#[test]
fn words_become_actions() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.display().to_string().replace('_', "~")
    };
    let (pem, script, data) = (at("a.pem", "PEM\n"), at("a.js", "one;"), at("d.json", "[1]"));
    let cases = [
        ("remove~js~app".to_owned(), json!([{ "name": "remove_js_app" }])),
        (
            format!("set~user --cert {pem} --data {{\"a\":1}} set~user --cert={pem}"),
            json!([
                { "name": "set_user", "args": { "cert": "PEM\n", "user_data": { "a": 1 } } },
                { "name": "set_user", "args": { "cert": "PEM\n" } },
            ]),
        ),
        (
            format!("set~member --cert {pem} --encryption-pub-key {pem} --member-data @{data} --role Owner"),
            json!([{ "name": "set_member", "args": {
                "cert": "PEM\n", "encryption_pub_key": "PEM\n", "member_data": [1], "recovery_role": "Owner" } }]),
        ),
        (format!("remove~user --id {ID}"), json!([{ "name": "remove_user", "args": { "user_id": ID } }])),
        (
            "set~recovery~threshold --threshold 2".to_owned(),
            json!([{ "name": "set_recovery_threshold", "args": { "recovery_threshold": 2 } }]),
        ),
        (
            format!("set~constitution --constitution {script} --constitution {script}"),
            json!([{ "name": "set_constitution", "args": { "constitution": "one;one;" } }]),
        ),
        (
            "transition~node~to~trusted --id n --valid-from 20260101000000Z --days 90".to_owned(),
            json!([{ "name": "transition_node_to_trusted", "args": {
                "node_id": "n", "valid_from": "20260101000000Z", "validity_period_days": 90 } }]),
        ),
        (
            "set~jwt~issuer --issuer https://i --auto-refresh true --ca-bundle b".to_owned(),
            json!([{ "name": "set_jwt_issuer", "args": {
                "issuer": "https://i", "auto_refresh": true, "ca_cert_bundle_name": "b" } }]),
        ),
        (
            format!("my~action text=a_b=c number:=5 list:=@{data} script=@{script} empty= other~one x:=null"),
            json!([
                { "name": "my_action", "args": {
                    "text": "a b=c", "number": 5, "list": [1], "script": "one;", "empty": "" } },
                { "name": "other_one", "args": { "x": null } },
            ]),
        ),
        // Known actions take arguments by name, too.
        (
            format!("set~user cert=@{pem} user~data:={{}}"),
            json!([{ "name": "set_user", "args": { "cert": "PEM\n", "user_data": {} } }]),
        ),
    ];
    for (text, expected) in cases {
        let (proposal, own) = proposed(&line(&text)).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!((proposal, own), (expected, Vec::new()), "{text}");
    }
}

#[test]
fn options_of_the_command_stand_anywhere() {
    let words = line("remove~js~app --dry-run --url https://a:1 trigger~snapshot --dir=d --json");
    let (proposal, own) = proposed(&words).unwrap();
    assert_eq!(proposal, json!([{ "name": "remove_js_app" }, { "name": "trigger_snapshot" }]));
    assert_eq!(own, ["--dry-run", "--url", "https://a:1", "--dir", "d", "--json"]);
}

#[test]
fn words_that_make_no_sense() {
    for (text, expected) in [
        ("cert=a", "`cert=a` stands in front of the name of an action"),
        ("--cert a", "`--cert` stands in front of the name of an action"),
        ("set-user", "`set-user` is neither the name of an action nor"),
        ("set~user a-b=c", "`a-b=c` is neither the name of an action nor"),
        ("set~user --cert", "--cert: a value is needed"),
        ("remove~user --url", "--url: a value is needed"),
        (
            "set~user --dance a",
            "set_user has no option --dance; it is: set_user --cert FILE.pem [--data JSON|@FILE]",
        ),
        ("mine --dance a", "mine is not among the actions with options: give its arguments as key=text"),
        ("set~user", "set_user: --cert is missing; it is: set_user --cert FILE.pem"),
        ("set~user --cert /absent.pem", "/absent.pem: No such file"),
        ("mine a=1 a=2", "mine: a is given twice"),
        ("set~recovery~threshold --threshold two", "--recovery-threshold two: not an integer"),
        ("set~js~app --bundle b --disable-bytecode-cache yes", "b: No such file"),
        (
            "set~js~runtime~options --log-exception-details yes",
            "--log-exception-details yes: neither true nor",
        ),
        (
            "set~user~data --id a.pem",
            "--user-id a.pem: neither 64 hexadecimal digits nor a certificate: a.pem: No",
        ),
        ("set~service~certificate~validity --valid-from noon", "--valid-from noon: not a time"),
        ("mine a:={", "a:= {: not JSON: "),
        ("mine a=@/absent", "/absent: No such file"),
        ("transition~service~to~open", "by which certificate is the service known? Give --service-cert FILE"),
    ] {
        let error = proposed(&line(text)).expect_err(text);
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn help_of_an_action() {
    for text in ["set~user --help", "remove~js~app set~user --cert a -h"] {
        assert!(matches!(split(&line(text)), Ok(Words::Help(Action { name: "set_user", .. }))), "{text}");
    }
}

/// Every action of our constitution has options, and the other way round; names are told apart.
#[test]
fn the_table_is_that_of_the_constitution() {
    let script = include_str!("../../../../samples/constitutions/default/actions.js");
    for action in ACTIONS {
        let (verb, kind) = action.name.split_once('_').unwrap();
        // Functions of the script that make two actions each.
        let made = [
            ("trusted", ["add", "remove"], kind),
            ("singletonOf", ["set", "remove"], kind),
            ("registers", ["add", "remove"], kind.strip_suffix("_register").unwrap_or("none")),
        ];
        let is_there = script.contains(&format!("action(\"{}\"", action.name))
            || made.iter().any(|(function, verbs, kind)| {
                verbs.contains(&verb) && script.contains(&format!("\n{function}(\"{kind}\""))
            });
        assert!(is_there, "{}", action.name);
        for argument in action.arguments {
            assert!(script.contains(argument.key), "{}: {}", action.name, argument.key);
        }
        let mut options: Vec<_> = action.arguments.iter().map(Argument::option).collect();
        options.extend(action.arguments.iter().filter_map(|it| it.also.map(str::to_owned)));
        let count = options.len();
        options.sort_unstable();
        options.dedup();
        assert_eq!(options.len(), count, "{}", action.name);
    }
    let named = |function: &'static str| {
        script.lines().filter_map(move |line| line.strip_prefix(function)?.split('"').next())
    };
    for name in named("action(\"") {
        assert!(Action::find(name).is_some(), "{name}");
    }
    for (function, verbs, end) in [
        ("trusted(\"", ["add", "remove"], ""),
        ("singletonOf(\"", ["set", "remove"], ""),
        ("registers(\"", ["add", "remove"], "_register"),
    ] {
        for name in named(function).flat_map(|kind| verbs.map(|verb| format!("{verb}_{kind}{end}"))) {
            assert!(Action::find(&name).is_some(), "{name}");
        }
    }
}
