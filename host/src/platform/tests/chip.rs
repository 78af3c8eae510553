//! The TPM of a machine, which understands what the host asks, and nothing more.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use coco_imitated::tpm::Tpm;

use crate::platform::tpm::Channel;

/// Numbers of commands.
pub(super) const NV_READ_PUBLIC: u32 = 0x169;
const NV_READ: u32 = 0x14e;
const READ_PUBLIC: u32 = 0x173;
const PCR_READ: u32 = 0x17e;
pub(super) const QUOTE: u32 = 0x158;

pub(super) struct Chip {
    pub(super) tpm: Tpm,
    /// Handle of the key.
    pub(super) key: u32,
    /// A data area: its index, and what it has.
    pub(super) area: (u32, Vec<u8>),
    /// The number of a command that it refuses.
    pub(super) refuses: Option<u32>,
    /// Whether it is gone.
    pub(super) gone: Arc<AtomicBool>,
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat()
}

fn answer(tag: u16, rest: &[u8]) -> Vec<u8> {
    let size = u32::try_from(10 + rest.len()).unwrap();
    [&tag.to_be_bytes()[..], &size.to_be_bytes(), &[0; 4], rest].concat()
}

/// An answer to a command with a session.
fn of_session(parameters: &[u8]) -> Vec<u8> {
    let size = u32::try_from(parameters.len()).unwrap().to_be_bytes();
    answer(0x8002, &[&size[..], parameters, &[0; 5]].concat())
}

impl Chip {
    pub(super) fn new(tpm: Tpm, key: u32) -> Self {
        Self { tpm, key, area: (0, Vec::new()), refuses: None, gone: Arc::default() }
    }

    /// The values of the PCRs with these bits.
    fn pcrs(&self, selected: [u8; 3]) -> Vec<u8> {
        let tpm = Tpm { selected, ..self.tpm.clone() };
        let values: Vec<Vec<u8>> = tpm.values().chunks(32).map(sized).collect();
        let count = u32::try_from(values.len()).unwrap().to_be_bytes();
        let selection = [&[0, 0, 0, 1, 0, 0x0b, 3][..], &selected].concat();
        [&[0; 4][..], &selection, &count, &values.concat()].concat()
    }
}

impl Channel for Chip {
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        let number = |at: usize| u32::from_be_bytes(command[at..at + 4].try_into().unwrap());
        let half = |at: usize| usize::from(u16::from_be_bytes(command[at..at + 2].try_into().unwrap()));
        let code = number(6);
        if self.gone.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if self.refuses == Some(code) {
            return Ok([&[0x80, 1, 0, 0, 0, 10, 0, 0][..], &[0x01, 0x8b]].concat());
        }
        let (index, area) = &self.area;
        Ok(match code {
            NV_READ_PUBLIC => {
                assert_eq!(number(10), *index);
                let size = u16::try_from(area.len()).unwrap().to_be_bytes();
                let public = [&index.to_be_bytes()[..], &[0, 0x0b], &[0; 4], &[0, 0], &size].concat();
                answer(0x8001, &[sized(&public), sized(&[])].concat())
            }
            NV_READ => {
                let (size, offset) = (half(command.len() - 4), half(command.len() - 2));
                of_session(&sized(&area[offset..(offset + size.min(1024)).min(area.len())]))
            }
            READ_PUBLIC => {
                assert_eq!(number(10), self.key);
                answer(0x8001, &[self.tpm.show().public, sized(&[]), sized(&[])].concat())
            }
            PCR_READ => answer(0x8001, &self.pcrs(command[command.len() - 3..].try_into().unwrap())),
            QUOTE => {
                let mut tpm = self.tpm.clone();
                // Header, handle, session with its length, then the nonce.
                let at = 10 + 4 + 4 + usize::try_from(number(14)).unwrap();
                tpm.nonce = command[at + 2..at + 2 + half(at)].to_vec();
                tpm.selected = command[command.len() - 3..].try_into().unwrap();
                let shown = tpm.show();
                of_session(&[sized(&shown.message), shown.signature].concat())
            }
            other => panic!("command {other:#x}"),
        })
    }
}
