//! Versions: that of CCF whose interfaces we have, and our own.

use coco_attest::Platform;

use crate::run::platform::of_machine;

/// The CCF release that a service behaves as.
pub(crate) const CCF: &str = "ccf-7.0.0";
/// Our own release.
pub(crate) const COCO: &str = env!("CARGO_PKG_VERSION");

/// What `--version` prints: CCF's two lines, then ours.
pub(crate) fn text() -> String {
    let platform = of_machine().map_or("Unknown", Platform::name);
    format!("CCF host: {CCF}\nPlatform: {platform}\nCoco: {COCO}\n")
}
