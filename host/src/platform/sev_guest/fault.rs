//! Why the device gives no report, in words.

use std::io::{self, ErrorKind};

use super::Asked;

/// What the host says if there is not enough room for its table (`SNP_GUEST_VMM_ERR_INVALID_LEN`).
const INVALID_LEN: u32 = 1;
/// What it says if it has no time (`SNP_GUEST_VMM_ERR_BUSY`).
const BUSY: u32 = 2;
/// What kernels put there before they ask anybody.
const NOT_ASKED: [u32; 2] = [0xff, u32::MAX];

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The host's table of certificates needs so many bytes.
    #[error("the host's table of certificates has {_0} bytes")]
    Room(usize),
    /// The host has no time.
    #[error("the host is busy, again and again")]
    Busy,
    /// The host refuses.
    #[error("the host refuses the question: {_0}")]
    Host(u32),
    /// The firmware refuses.
    #[error("the firmware refuses the question: {} ({_0:#x})", words(*_0))]
    Firmware(u32),
    /// The firmware has taken the question and refuses the report.
    #[error("the firmware gives no report: {} ({_0:#x})", words(*_0))]
    Status(u32),
    /// The answer is no report.
    #[error("the answer of the firmware is malformed")]
    Answer,
    /// Nobody was asked.
    #[error(transparent)]
    System(io::Error),
}

impl Fault {
    /// None if a question was answered.
    pub(super) fn of(asked: Asked) -> Option<Self> {
        let [f0, f1, f2, f3, h0, h1, h2, h3] = asked.exit_info.to_le_bytes();
        let (firmware, host) = (u32::from_le_bytes([f0, f1, f2, f3]), u32::from_le_bytes([h0, h1, h2, h3]));
        let not_asked = NOT_ASKED.contains(&firmware);
        match (asked.result, host) {
            (Err(error), _) if not_asked => Some(Self::System(error)),
            (_, INVALID_LEN) => Some(Self::Room(asked.table_len)),
            (_, BUSY) => Some(Self::Busy),
            (Err(_), 1..) => Some(Self::Host(host)),
            (Err(_), 0) if firmware != 0 => Some(Self::Firmware(firmware)),
            (Err(error), _) => Some(Self::System(error)),
            (Ok(()), _) => None,
        }
    }

    /// Whether it may be otherwise in a moment.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Busy => true,
            Self::System(error) => {
                matches!(
                    error.kind(),
                    ErrorKind::WouldBlock | ErrorKind::ResourceBusy | ErrorKind::Interrupted
                )
            }
            _ => false,
        }
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::System(error) => error,
            other => Self::other(other),
        }
    }
}

/// What a status of the firmware means (AMD publication 56860, chapter 6).
fn words(status: u32) -> &'static str {
    match status {
        0x01 => "the platform is in the wrong state",
        0x02 => "the guest is in the wrong state",
        0x03 => "the configuration is wrong",
        0x04 => "a length is wrong",
        0x09 => "an address is wrong",
        0x0a => "a signature is wrong",
        0x10 => "no such guest",
        0x13 | 0x14 => "the hardware has failed",
        0x15 => "it is not supported",
        0x16 => "a parameter is wrong",
        0x17 => "a resource is exhausted",
        0x18 => "the message is not authentic",
        0x1d => "messages of this guest are used up until it is launched again",
        0x23 => "the platform must be shut down first",
        0x27 => "the signing key cannot be used",
        _ => "status",
    }
}
