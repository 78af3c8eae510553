//! Reports of hardware, whichever way the kernel gives them.

use std::io;

/// An answer of the hardware.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    /// Who answers, such as `sev_guest`.
    pub provider: String,
    /// What the hardware signed.
    pub quote: Vec<u8>,
    /// What goes with it; may be empty.
    pub auxiliary: Vec<u8>,
}

/// Gives reports.
pub trait Reports: Send + Sync {
    /// A report with this report data.
    ///
    /// # Errors
    /// If the kernel, the host or the hardware gives none.
    fn report(&self, report_data: &[u8; 64]) -> io::Result<Report>;
}
