use clap::{CommandFactory, Parser, error::ErrorKind};

use super::{ApplicationCli, Cli};

#[test]
fn the_definitions_are_consistent() {
    Cli::command().debug_assert();
    ApplicationCli::command().debug_assert();
}

#[test]
fn good_arguments() {
    let good = [
        "--version",
        "-v",
        "node --config a.json",
        "node -c a.json --check --config-timeout 10s --log-level TRACE --app x",
        "node --version",
        "sandbox",
        "sandbox --nodes 3 --app ./mine --dir d --members 5 --port 8000 --exec true",
        "gov propose --dry-run --constitution a set_user --cert u.pem --url a:1",
        "gov propose --file - --json --dir d --member member1",
        "gov vote 0101010101010101010101010101010101010101010101010101010101010101 --for --sign-with x",
        "gov withdraw 0101010101010101010101010101010101010101010101010101010101010101 --prepare f",
        "gov show 0101010101010101010101010101010101010101010101010101010101010101 --json",
        "gov list --open --url https://127.0.0.1:8000 --service-cert s.pem",
        "gov ack --recorded --member-cert c --member-key k",
        "gov watch --interval 1s --timeout 10min",
        "gov finish --prepared p --signature -",
        "app init a --language ts",
        "app build a --out - --lenient",
        "app deploy b.json --vote own --url a:1 --service-cert s.pem --member-cert c --member-key k --json",
        "app logs --follow --endpoint GET/a --limit 3 --interval 1s --dir d --member member1 --json",
        "network status --url https://127.0.0.1:8000 --ca s.pem --timeout 500ms --json",
        "ledger verify a b --at-least 2.14 --json",
        "ledger show a --table public: --from 1 --to 2",
        "receipt verify - --service-cert s.pem --claims c",
        "attest show a - --json --platform event-log",
        "attest verify a --endorsements b --endorsements c --uvm-endorsements d --collateral e --root f --json",
        "attest verify - --at 2026-11-30T12:00:00Z --report-data 0A --nonce 01 --register 8=00 --accept sha1 --key k",
        "keygen --name member0 --gen-enc-key --curve secp256r1 --force",
    ];
    for line in good {
        Cli::try_parse_from(format!("coco {line}").split(' ')).map(drop).unwrap();
    }
}

#[test]
fn bad_arguments() {
    let bad = [
        ("node", ErrorKind::MissingRequiredArgument),
        ("node -c a.json --config-timeout soon", ErrorKind::ValueValidation),
        ("node -c a.json --log-level loud", ErrorKind::ValueValidation),
        ("ledger verify", ErrorKind::MissingRequiredArgument),
        ("ledger verify a --at-least 14", ErrorKind::ValueValidation),
        ("receipt verify r", ErrorKind::MissingRequiredArgument),
        ("receipt verify r --service-cert s --claims c --claims-digest 00", ErrorKind::ValueValidation),
        ("attest show", ErrorKind::MissingRequiredArgument),
        ("attest show a --platform sparc", ErrorKind::InvalidValue),
        ("attest verify a --at noon", ErrorKind::ValueValidation),
        ("attest verify a --measurement xyz", ErrorKind::ValueValidation),
        ("attest verify a --register 0", ErrorKind::ValueValidation),
        ("attest verify a --register 32=00", ErrorKind::ValueValidation),
        ("attest verify a --key k --root r", ErrorKind::ArgumentConflict),
        ("keygen", ErrorKind::MissingRequiredArgument),
        ("keygen --name a --curve p521", ErrorKind::InvalidValue),
        ("sandbox --members 0", ErrorKind::ValueValidation),
        ("sandbox --nodes 17", ErrorKind::ValueValidation),
        ("network status --ca s.pem", ErrorKind::MissingRequiredArgument),
        ("network status --url http://a:1 --ca s.pem", ErrorKind::ValueValidation),
        ("app init a --language rust", ErrorKind::InvalidValue),
        ("app logs --limit 0", ErrorKind::ValueValidation),
        ("gov vote 01 --for", ErrorKind::ValueValidation),
        (
            "gov vote 0101010101010101010101010101010101010101010101010101010101010101",
            ErrorKind::MissingRequiredArgument,
        ),
        (
            "gov vote 0101010101010101010101010101010101010101010101010101010101010101 --for --against",
            ErrorKind::ArgumentConflict,
        ),
        ("gov ack --sign-with x --prepare f", ErrorKind::ArgumentConflict),
        ("gov ack --member m --member-cert c", ErrorKind::ArgumentConflict),
        ("gov propose --file p.json set_user", ErrorKind::ArgumentConflict),
        ("gov finish --prepared p", ErrorKind::MissingRequiredArgument),
        ("gov vote --help", ErrorKind::DisplayHelp),
        ("dance", ErrorKind::InvalidSubcommand),
        ("node --help", ErrorKind::DisplayHelp),
        ("ledger show --help", ErrorKind::DisplayHelp),
    ];
    for (line, expected) in bad {
        let error = Cli::try_parse_from(format!("coco {line}").split(' ')).err().unwrap();
        assert_eq!(error.kind(), expected, "{line}: {error}");
    }
}

/// The arguments that CCF's test infrastructure passes.
#[test]
fn arguments_of_ccf() {
    for line in ["--config 0.config.json --log-level info", "-c a --check", "--config=a --check", "-v"] {
        ApplicationCli::try_parse_from(format!("./logging {line}").split(' ')).map(drop).unwrap();
    }
    assert!(ApplicationCli::try_parse_from(["logging", "--app", "x", "-c", "a"]).is_err());
}
