//! Scenarios in the words of CCF's raft driver (`src/consensus/aft/test/driver.cpp`), played on the real raft.
//!
//! A scenario is a text: one command a line, its words separated by commas, comments after `#`. After each command that
//! can change anything, every node's commit is checked; at the end, all nodes must be able to agree.

mod checks;
mod command;
mod driver;
mod node;
mod trace;

pub use driver::{Driver, Failure};

/// Plays a scenario; what it did is in the driver.
///
/// # Errors
/// At the first command that is unknown, cannot be done, or asserts what is not so.
pub fn play(text: &str) -> Result<Driver, Failure> {
    let mut driver = Driver::default();
    let mut line = 0;
    for command in text.lines().map(bare) {
        line += 1;
        if command.starts_with("====") {
            break;
        }
        driver.perform(command).map_err(|reason| Failure { line, reason })?;
    }
    driver.loop_until_sync().map_err(|reason| Failure { line, reason })?;
    Ok(driver)
}

/// A line without its comment and what is blank before that.
fn bare(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim_end()
}
