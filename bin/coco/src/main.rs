//! The `coco` executable.

mod allocator;

use std::process::ExitCode;

fn main() -> ExitCode {
    allocator::keep_freed_memory();
    coco::main_with(&coco::Adapters::shipped())
}
