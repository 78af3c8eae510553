//! Pages of memory.

use rustix::thread::{disable_transparent_huge_pages, transparent_huge_pages_are_disabled};

/// Keeps this process from huge pages as long as this lives. What a node only needs to start lies here and there: with a
/// page of 2 MiB at each place an idle one had 58 or 70 MB, by chance, in place of 42. Under load they are worth their room.
pub struct SmallPages {
    /// Huge pages are allowed afterwards.
    end: bool,
}

impl SmallPages {
    /// Where the system has no huge pages, or none for this process, nothing changes.
    #[must_use]
    pub fn begin() -> Self {
        let allowed = !transparent_huge_pages_are_disabled().unwrap_or(true);
        Self { end: allowed && disable_transparent_huge_pages(true).is_ok() }
    }
}

impl Drop for SmallPages {
    fn drop(&mut self) {
        if self.end {
            // If they are refused now the node is slower.
            disable_transparent_huge_pages(false).unwrap_or_default();
        }
    }
}
