//! Why a WebSocket ends (RFC 6455, section 7.4).

/// What we say when we end one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Close {
    /// As registered for WebSockets.
    pub(super) code: u16,
    /// In words, at most 123 bytes.
    pub(super) reason: &'static str,
}

impl Close {
    /// The node stops.
    pub(super) const GOING_AWAY: Self = Self { code: 1001, reason: "the node stops" };
    /// The client reads more slowly than it is told things, or follows too much.
    pub(super) const BEHIND: Self = Self { code: 1008, reason: "the client fell behind" };
    /// What the session saw may be undone.
    pub(super) const INCONSISTENT: Self = Self { code: 1012, reason: "the session lost its consistency" };

    /// Answers the client's own.
    pub(super) fn echo(code: u16) -> Self {
        Self { code, reason: "" }
    }
}

/// What a client did that it must not; the connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A bit is set that an extension would give a meaning.
    ReservedBit,
    /// There is no such frame.
    Opcode,
    /// A control frame in pieces.
    FragmentedControl,
    /// A control frame of more than 125 bytes.
    LongControl,
    /// A frame without a mask.
    Unmasked,
    /// A length that is not written in the shortest way, or has its highest bit set.
    Length,
    /// More of a message that has not begun.
    Continuation,
    /// A message inside another one.
    Interleaved,
    /// A close frame without the whole of a code, or with one that nobody may send.
    CloseCode,
    /// Text that is not UTF-8.
    Utf8,
    /// A message over the limit of bodies.
    TooLarge,
}

impl Violation {
    /// What the client is told.
    pub(super) fn close(self) -> Close {
        let (code, reason) = match self {
            Self::ReservedBit => (1002, "reserved bit"),
            Self::Opcode => (1002, "unknown opcode"),
            Self::FragmentedControl => (1002, "control frame in pieces"),
            Self::LongControl => (1002, "control frame too long"),
            Self::Unmasked => (1002, "frame without mask"),
            Self::Length => (1002, "invalid length"),
            Self::Continuation => (1002, "continuation of nothing"),
            Self::Interleaved => (1002, "message inside a message"),
            Self::CloseCode => (1002, "invalid close frame"),
            Self::Utf8 => (1007, "not UTF-8"),
            Self::TooLarge => (1009, "message too large"),
        };
        Close { code, reason }
    }
}

/// Whether an end of a connection may name this code.
pub(super) fn is_sendable(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
