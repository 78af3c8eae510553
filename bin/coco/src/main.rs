//! The `coco` executable.

mod allocator;

use std::process::ExitCode;

fn main() -> ExitCode {
    allocator::keep_freed_memory();
    coco_host::rest::before(allocator::give_back);
    coco::main_with(&coco::Adapters::shipped())
}
