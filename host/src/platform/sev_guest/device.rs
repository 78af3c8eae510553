//! The system call: the one place of the host with raw memory, as the kernel is told addresses.
#![expect(unsafe_code, reason = "the kernel is given addresses of what it reads and writes")]

use std::{fs::File, io, path::PathBuf, thread, time::Duration};

use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

use super::{ANSWER_LEN, Asked, Device, QUESTION_LEN};

/// `SNP_GET_REPORT`
const GET_REPORT: Opcode = opcode::read_write::<Message>(b'S', 0);
/// `SNP_GET_EXT_REPORT`
const GET_EXTENDED_REPORT: Opcode = opcode::read_write::<Message>(b'S', 2);
/// Version of messages.
const VERSION: u8 = 1;
/// How long others are given time.
const PAUSE: Duration = Duration::from_millis(200);

/// `struct snp_guest_request_ioctl`
#[repr(C)]
struct Message {
    version: u8,
    question: u64,
    answer: u64,
    exit_info: u64,
}

/// `struct snp_ext_report_req`
#[repr(C)]
struct Extended {
    question: [u8; QUESTION_LEN],
    table: u64,
    table_len: u32,
}

const _: () = assert!(size_of::<Message>() == 32 && size_of::<Extended>() == 112);

/// The kernel's device.
pub struct Kernel {
    path: PathBuf,
}

impl Kernel {
    /// The device at a path.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    fn call(&self, is_extended: bool, message: &mut Message) -> io::Result<()> {
        let device = File::options().read(true).write(true).open(&self.path)?;
        // SAFETY: the opcodes are those of `sev-guest.h`, for a message of this layout. The kernel reads the question and
        // writes the answer, the table and the message within the lengths that these opcodes and the question say;
        // `ask` keeps all of them borrowed, those that are written mutably, until this returns.
        let called = unsafe {
            if is_extended {
                ioctl(&device, Updater::<GET_EXTENDED_REPORT, Message>::new(message))
            } else {
                ioctl(&device, Updater::<GET_REPORT, Message>::new(message))
            }
        };
        called.map_err(io::Error::from)
    }
}

impl Device for Kernel {
    fn ask(
        &self,
        question: &[u8; QUESTION_LEN],
        table: Option<&mut [u8]>,
        answer: &mut [u8; ANSWER_LEN],
    ) -> Asked {
        let is_extended = table.is_some();
        let table = table.unwrap_or_default();
        let Ok(table_len) = u32::try_from(table.len()) else {
            let result = Err(io::ErrorKind::InvalidInput.into());
            return Asked { result, exit_info: u64::from(u32::MAX), table_len: 0 };
        };
        let mut extended = Extended { question: *question, table: address(table.as_mut_ptr()), table_len };
        let mut message = Message {
            version: VERSION,
            // A question without a table is how one with a table begins.
            question: address(&raw mut extended),
            answer: address(answer.as_mut_ptr()),
            exit_info: u64::from(u32::MAX),
        };
        let result = self.call(is_extended, &mut message);
        let table_len = usize::try_from(extended.table_len).unwrap_or(usize::MAX);
        Asked { result, exit_info: message.exit_info, table_len }
    }

    fn pause(&self) {
        thread::sleep(PAUSE);
    }
}

/// What the kernel is told of something that it may read and write.
fn address<T>(pointer: *mut T) -> u64 {
    pointer.expose_provenance() as u64
}
