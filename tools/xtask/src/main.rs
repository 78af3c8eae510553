//! The project's own commands: gate, tidy, long runs.

mod ci;
mod long;
mod planted;
mod reproducible;
mod spec;
mod tables;
mod targets;
mod tidy;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask ci                    the gate: tidy, fmt, clippy, tests, docs, dependencies
cargo xtask tidy                  the rules that a compiler does not check
cargo xtask tables                the book's reference of tables, from the comments of their crate
cargo xtask spec                  TLC on the specification, and on what simulated nodes did
cargo xtask planted [NAME...]     bugs that the simulator must find, planted one after the other
cargo xtask reproducible [PACKAGE [PROFILE]]
                                  two builds of what is committed, byte by byte
cargo xtask targets               the enclave side, built for enclaves of SGX and for Windows
cargo xtask long [NAME [--from N]] a long acceptance run, or the list of them";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match args.as_slice() {
        ["ci"] => ci::run(),
        ["tidy"] => tidy::run(),
        ["tables"] => tables::write(),
        ["spec"] => spec::run(),
        ["planted", "--check"] => planted::check(),
        ["reproducible", args @ ..] => reproducible::run(args),
        ["planted", names @ ..] => planted::run(names),
        ["targets"] => targets::run(),
        ["long"] => {
            long::list();
            Ok(())
        }
        ["long", name] => long::run(name, None),
        ["long", name, "--from", from] => long::run(name, Some(from)),
        _ => Err(format!("usage:\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
