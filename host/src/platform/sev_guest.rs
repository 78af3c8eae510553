//! Reports of SEV-SNP through the device of the guest, for kernels without [`super::tsm`]: Linux from 5.19 to 6.6.
//!
//! Sources: Linux, `include/uapi/linux/sev-guest.h` and `Documentation/virt/coco/sev-guest.rst`; AMD publication 56860,
//! sections 7.3 and 8.26; AMD publication 56421, section 4.1.8, for the table of certificates.

mod device;
mod fault;

use std::{io, path::Path};

pub use device::Kernel;
pub use fault::Fault;

use super::report::{Report, Reports};

/// The device, below the root of all paths.
pub(super) const DEVICE: &str = "dev/sev-guest";
/// Who answers, by the name that the kernel gives it elsewhere.
pub(super) const PROVIDER: &str = "sev_guest";
/// Bytes of a question: report data, privilege level, zeros (`struct snp_report_req`).
pub const QUESTION_LEN: usize = 96;
/// Bytes of an answer (`struct snp_report_resp`).
pub const ANSWER_LEN: usize = 4000;
/// Where the report begins in an answer, behind status and length.
const REPORT_AT: usize = 32;
/// Room for a table of certificates at first: as much as Linux lets there be.
const TABLE_LEN: usize = 16 * 1024;
/// Most room, in bytes, and what it is a multiple of.
const MAX_TABLE_LEN: usize = 1 << 20;
const PAGE_LEN: usize = 4096;
/// How often a question is put that the host or the kernel does not take at once.
pub(super) const ATTEMPTS: u32 = 10;

/// What came of a question.
#[derive(Debug)]
pub struct Asked {
    /// What the system call says.
    pub result: io::Result<()>,
    /// What the firmware (low 32 bits) and the host (high 32 bits) say.
    pub exit_info: u64,
    /// How long the host's table of certificates is, in bytes; as long as the room unless that was too little.
    pub table_len: usize,
}

/// The device: in tests another kernel answers.
pub trait Device: Send + Sync {
    /// Puts a question: `SNP_GET_EXT_REPORT` with room for a table, `SNP_GET_REPORT` without.
    fn ask(
        &self,
        question: &[u8; QUESTION_LEN],
        table: Option<&mut [u8]>,
        answer: &mut [u8; ANSWER_LEN],
    ) -> Asked;

    /// Waits a moment, as somebody else is served.
    fn pause(&self);
}

/// The device of a guest.
pub struct SevGuest {
    device: Box<dyn Device>,
}

impl SevGuest {
    /// Reports of a device.
    #[must_use]
    pub fn new(device: Box<dyn Device>) -> Self {
        Self { device }
    }

    /// The kernel's device; `root` is the root of all paths.
    #[must_use]
    pub fn of_kernel(root: &Path) -> Self {
        Self::new(Box::new(Kernel::new(root.join(DEVICE))))
    }

    /// With the host's table of certificates, if it has one that can be had.
    fn ask_for_both(&self, question: &[u8; QUESTION_LEN]) -> Result<(Vec<u8>, Vec<u8>), Fault> {
        let mut table = vec![0; TABLE_LEN];
        let first = self.ask(question, Some(&mut table));
        let (quote, table) = match first {
            Ok(quote) => (quote, table),
            Err(Fault::Room(wanted)) if is_room(wanted) => {
                let mut table = vec![0; wanted];
                (self.ask(question, Some(&mut table))?, table)
            }
            Err(fault) => return Err(fault),
        };
        Ok((quote, table))
    }

    /// Puts a question until it is taken, which may be never.
    fn ask(&self, question: &[u8; QUESTION_LEN], mut table: Option<&mut [u8]>) -> Result<Vec<u8>, Fault> {
        let mut attempt = 1;
        loop {
            let mut answer = [0; ANSWER_LEN];
            let asked = self.device.ask(question, table.as_deref_mut(), &mut answer);
            match Fault::of(asked) {
                None => return read(&answer),
                Some(fault) if fault.is_passing() && attempt < ATTEMPTS => self.device.pause(),
                Some(fault) => return Err(fault),
            }
            attempt += 1;
        }
    }
}

impl Reports for SevGuest {
    fn report(&self, report_data: &[u8; 64]) -> io::Result<Report> {
        let mut question = [0; QUESTION_LEN];
        question[..report_data.len()].copy_from_slice(report_data);
        // Hosts need not have certificates, nor know what to do with a question for them.
        let (quote, auxiliary) = match self.ask_for_both(&question) {
            Ok(both) => both,
            Err(_) => (self.ask(&question, None)?, Vec::new()),
        };
        Ok(Report { provider: PROVIDER.to_owned(), quote, auxiliary })
    }
}

/// Whether a table that does not fit in the first room may have this length.
fn is_room(wanted: usize) -> bool {
    (TABLE_LEN + 1..=MAX_TABLE_LEN).contains(&wanted) && wanted.is_multiple_of(PAGE_LEN)
}

/// The report of an answer (`MSG_REPORT_RSP`).
fn read(answer: &[u8; ANSWER_LEN]) -> Result<Vec<u8>, Fault> {
    let [s0, s1, s2, s3, l0, l1, l2, l3, ..] = *answer;
    match u32::from_le_bytes([s0, s1, s2, s3]) {
        0 => {}
        status => return Err(Fault::Status(status)),
    }
    let length = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).ok();
    let report = length.and_then(|length| answer[REPORT_AT..].get(..length));
    report.filter(|report| !report.is_empty()).map(<[u8]>::to_vec).ok_or(Fault::Answer)
}
