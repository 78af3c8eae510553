//! The system call: raw memory, as the kernel is told addresses.
#![expect(unsafe_code, reason = "the kernel is given addresses of what it reads and writes")]

use std::{fs::File, io, path::PathBuf};

use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

use super::{Channel, MAX_RESPONSE_LEN};

/// `NSM_IOCTL_RAW`
const ASK: Opcode = opcode::read_write::<Message>(0x0a, 0);

/// `struct nsm_iovec`
#[repr(C)]
struct Part {
    address: u64,
    len: u64,
}

/// `struct nsm_raw`
#[repr(C)]
struct Message {
    request: Part,
    response: Part,
}

const _: () = assert!(size_of::<Message>() == 32);

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
}

impl Channel for Kernel {
    fn ask(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let device = File::options().read(true).write(true).open(&self.path)?;
        let mut response = vec![0; MAX_RESPONSE_LEN];
        let len = |bytes: &[u8]| u64::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput);
        let mut message = Message {
            request: Part { address: request.as_ptr().expose_provenance() as u64, len: len(request)? },
            response: Part {
                address: response.as_mut_ptr().expose_provenance() as u64,
                len: len(&response)?,
            },
        };
        // SAFETY: the opcode is that of `nsm.h`, for a message of this layout. The kernel reads the request, and writes no
        // more of the response than the message says there is, and the message itself; all are borrowed until this returns,
        // those that are written mutably.
        unsafe { ioctl(&device, Updater::<ASK, Message>::new(&mut message)) }?;
        response.truncate(usize::try_from(message.response.len).unwrap_or(usize::MAX));
        Ok(response)
    }
}
