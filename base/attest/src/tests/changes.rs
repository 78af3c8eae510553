//! Evidence with anything in it changed.

/// Calls `check` with every bit of `bytes` changed, all bits of every byte, and every shorter beginning.
pub(crate) fn each_change(bytes: &[u8], bits: &[u8], check: impl FnMut(String, Vec<u8>)) {
    each_nth_change(bytes, bits, 1, check);
}

/// The same for one place of `step`, beginning anywhere.
pub(crate) fn each_nth_change(
    bytes: &[u8],
    bits: &[u8],
    step: usize,
    mut check: impl FnMut(String, Vec<u8>),
) {
    let first = bytes.len() % step;
    for at in (first..bytes.len()).step_by(step) {
        for bits in bits {
            let mut changed = bytes.to_vec();
            changed[at] ^= bits;
            check(format!("byte {at:#x} ^ {bits:#04x}"), changed);
        }
    }
    for length in (first..bytes.len()).step_by(step) {
        check(format!("{length} bytes"), bytes[..length].to_vec());
    }
}

/// Whether tests are to leave nothing out: `COCO_FULL`.
pub(crate) fn is_full() -> bool {
    std::env::var_os("COCO_FULL").is_some()
}

/// Changes drawn from the seed that `COCO_SEED` says, or 1.
pub(crate) struct Random {
    pub(crate) seed: u64,
    state: u64,
}

impl Random {
    pub(crate) fn new() -> Self {
        let seed = std::env::var("COCO_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
        Self { seed, state: seed }
    }

    pub(crate) fn draw(&mut self, below: usize) -> usize {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.state >> 33).unwrap() % below
    }

    /// Changes, swaps or moves some of the bytes.
    pub(crate) fn change(&mut self, bytes: &mut [u8]) {
        for _ in 0..=self.draw(4) {
            let (from, to) = (self.draw(bytes.len()), self.draw(bytes.len()));
            match self.draw(3) {
                0 => bytes[from] = u8::try_from(self.draw(256)).unwrap(),
                1 => bytes.swap(from, to),
                _ => {
                    let length = self.draw(16).min(bytes.len() - from).min(bytes.len() - to);
                    bytes.copy_within(from..from + length, to);
                }
            }
        }
    }
}
