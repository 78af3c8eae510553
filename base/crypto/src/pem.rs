//! PEM text (RFC 7468), read strictly.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// Longest text accepted, in bytes.
pub const MAX_LEN: usize = 1 << 20;
/// Most blocks accepted in one text.
pub const MAX_BLOCKS: usize = 512;

const LINE_LEN: usize = 64;

/// One block of a PEM text.
pub struct Block {
    /// What stands after `BEGIN`, as `CERTIFICATE`.
    pub label: String,
    /// The decoded bytes.
    pub der: Zeroizing<Vec<u8>>,
}

/// Text that is not the expected PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPem {
    /// Longer than [`MAX_LEN`] or more than [`MAX_BLOCKS`] blocks.
    #[error("PEM text too large")]
    TooLarge,
    /// A block does not end, ends under another label, or its content is not base64.
    #[error("malformed PEM block")]
    Malformed,
    /// No block of the expected label, or several where one is expected.
    #[error("not exactly one PEM block of the expected kind")]
    NotOne,
    /// Something stands outside the only block.
    #[error("text outside the PEM block")]
    Surrounded,
}

/// The PEM text of one block: lines of 64 characters, each ended by a line feed, as OpenSSL writes.
#[must_use]
pub fn encode(label: &str, der: &[u8]) -> String {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut text = String::with_capacity(body.len() + body.len() / LINE_LEN + 2 * label.len() + 36);
    text.push_str("-----BEGIN ");
    text.push_str(label);
    text.push_str("-----\n");
    for at in (0..body.len()).step_by(LINE_LEN) {
        text.push_str(&body[at..body.len().min(at + LINE_LEN)]);
        text.push('\n');
    }
    text.push_str("-----END ");
    text.push_str(label);
    text.push_str("-----\n");
    text
}

/// The bytes of a text that is one block labelled `label` and nothing else.
///
/// Line lengths are free and lines may end in CR LF; a caller who needs the one canonical text
/// compares with [`encode`].
///
/// # Errors
/// When the text is anything else.
pub fn decode(text: &str, label: &str) -> Result<Zeroizing<Vec<u8>>, InvalidPem> {
    let mut blocks = read(text, true)?;
    match (blocks.pop(), blocks.is_empty()) {
        (Some(block), true) if block.label == label => Ok(block.der),
        _ => Err(InvalidPem::NotOne),
    }
}

/// All blocks of a text, in order; text between blocks is skipped, as in bundles.
///
/// # Errors
/// When a block is malformed or a limit is passed.
pub fn blocks(text: &str) -> Result<Vec<Block>, InvalidPem> {
    read(text, false)
}

fn read(text: &str, nothing_outside: bool) -> Result<Vec<Block>, InvalidPem> {
    if text.len() > MAX_LEN {
        return Err(InvalidPem::TooLarge);
    }
    let mut blocks = Vec::new();
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    while let Some(line) = lines.next() {
        let Some(label) = boundary(line, "-----BEGIN ") else {
            if nothing_outside && !line.is_empty() {
                return Err(InvalidPem::Surrounded);
            }
            continue;
        };
        if blocks.len() == MAX_BLOCKS {
            return Err(InvalidPem::TooLarge);
        }
        let mut body = Zeroizing::new(String::with_capacity(text.len()));
        loop {
            let line = lines.next().ok_or(InvalidPem::Malformed)?;
            match boundary(line, "-----END ") {
                Some(end) if end == label => break,
                Some(_) => return Err(InvalidPem::Malformed),
                None => body.push_str(line),
            }
        }
        let der = STANDARD.decode(body.as_bytes()).map_err(|_| InvalidPem::Malformed)?;
        blocks.push(Block { label: label.to_owned(), der: Zeroizing::new(der) });
    }
    Ok(blocks)
}

fn boundary<'a>(line: &'a str, prefix: &str) -> Option<&'a str> {
    line.strip_prefix(prefix)?.strip_suffix("-----")
}

#[cfg(test)]
mod tests;
