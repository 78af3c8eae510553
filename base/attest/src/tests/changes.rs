//! Evidence with anything in it changed.

/// Calls `check` with every bit of `bytes` changed, all bits of every byte, and every shorter beginning.
pub(crate) fn each_change(bytes: &[u8], bits: &[u8], mut check: impl FnMut(String, Vec<u8>)) {
    for at in 0..bytes.len() {
        for bits in bits {
            let mut changed = bytes.to_vec();
            changed[at] ^= bits;
            check(format!("byte {at:#x} ^ {bits:#04x}"), changed);
        }
    }
    for length in 0..bytes.len() {
        check(format!("{length} bytes"), bytes[..length].to_vec());
    }
}
