//! How much of the node a script may use.

use coco_tables::scripts::RuntimeOptions;

/// Bounds of one execution (CCF `JSRuntimeOptions`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory of the script, in bytes. One value may take an eighth of it.
    pub heap_bytes: usize,
    /// Depth of its calls, in bytes of the thread's stack, which must have this much and 256 KiB left.
    /// The engine takes bounds from 64 KiB to 16 MiB.
    pub stack_bytes: usize,
    /// Wall time in milliseconds, for whoever makes the [deadline](crate::Capabilities::deadline).
    pub execution_ms: u64,
}

impl Default for Limits {
    /// Those of a service that has set none: 100 MiB, 1 MiB, 5 s.
    fn default() -> Self {
        Self::from(&RuntimeOptions::default())
    }
}

impl From<&RuntimeOptions> for Limits {
    fn from(options: &RuntimeOptions) -> Self {
        let bytes = |count| usize::try_from(count).unwrap_or(usize::MAX);
        Self {
            heap_bytes: bytes(options.max_heap_bytes),
            stack_bytes: bytes(options.max_stack_bytes),
            execution_ms: options.max_execution_time_ms,
        }
    }
}

impl Limits {
    /// No bounds.
    pub const UNBOUNDED: Self =
        Self { heap_bytes: usize::MAX, stack_bytes: usize::MAX, execution_ms: u64::MAX };

    const MIN_STACK_BYTES: usize = 64 << 10;
    const MAX_STACK_BYTES: usize = 16 << 20;

    /// Raised to the defaults where below: what a constitution gets, so that members cannot lock
    /// themselves out by setting the limits too low.
    #[must_use]
    pub fn no_lower_than_default(self) -> Self {
        let default = Self::default();
        Self {
            heap_bytes: self.heap_bytes.max(default.heap_bytes),
            stack_bytes: self.stack_bytes.max(default.stack_bytes),
            execution_ms: self.execution_ms.max(default.execution_ms),
        }
    }

    /// Lowered to `ceiling` where above.
    #[must_use]
    pub fn no_higher_than(self, ceiling: Self) -> Self {
        Self {
            heap_bytes: self.heap_bytes.min(ceiling.heap_bytes),
            stack_bytes: self.stack_bytes.min(ceiling.stack_bytes),
            execution_ms: self.execution_ms.min(ceiling.execution_ms),
        }
    }

    /// What the engine is told; it takes zero and larger numbers as "no limit".
    pub(crate) fn engine_stack_bytes(self) -> usize {
        self.stack_bytes.clamp(Self::MIN_STACK_BYTES, Self::MAX_STACK_BYTES)
    }
}
