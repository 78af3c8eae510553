//! Text that others wrote, on a terminal.

/// On one line, and without characters that move the cursor or colour what follows.
pub(super) fn plain(text: &str) -> String {
    text.trim().chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}
