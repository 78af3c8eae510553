//! The `coco` executable.

use std::process::ExitCode;

fn main() -> ExitCode {
    coco::main_with(&coco::Adapters::shipped())
}
