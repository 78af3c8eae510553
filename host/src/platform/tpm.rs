//! Quotes of a TPM 2.0 through the kernel's resource manager: three commands of its library (TPM 2.0 Library, part 3).
//!
//! The key that signs is made and certified by whoever set the machine up, and lies at a persistent handle.

mod command;

use std::{
    fs::OpenOptions,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use coco_attest::tpm::{Hash, PcrSet, Quote};

use self::command::{Command, Malformed, RETRIES};

/// The device, from the root of all paths on.
pub const DEVICE: &str = "dev/tpmrm0";
/// Most bytes of a command or of its answer (TPM 2.0 PC Client, section 5.1.2).
pub(super) const MAX_LEN: usize = 4096;
/// Most values in the answer to one question for PCRs.
const MAX_VALUES: usize = 8;
/// How often a quote is asked for while somebody extends PCRs.
const ATTEMPTS: u32 = 5;
/// How often a TPM that is busy is asked again, and how long it is left alone before.
const BUSY: (u32, Duration) = (50, Duration::from_millis(20));

/// Carries commands to a TPM.
pub trait Channel: Send {
    /// Sends a command, and waits for its answer, which is no longer than 4,096 bytes.
    ///
    /// # Errors
    /// Of the system.
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>>;
}

/// The kernel's resource manager, which keeps several users of a TPM apart.
pub struct Device(PathBuf);

/// A TPM.
pub struct Tpm(Mutex<Box<dyn Channel>>);

/// What a TPM signed, and what lies behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// `TPMS_ATTEST`.
    pub message: Vec<u8>,
    /// `TPMT_SIGNATURE`.
    pub signature: Vec<u8>,
    /// The values of the quoted PCRs, one behind the other.
    pub pcrs: Vec<u8>,
    /// `TPM2B_PUBLIC` of the key that signed.
    pub public: Vec<u8>,
}

/// Why a TPM shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum NotShown {
    /// The device.
    #[error("the TPM cannot be asked: {0}")]
    Device(#[from] io::Error),
    /// It refused a command.
    #[error("the TPM refuses {command}: response code {code:#x} (TPM 2.0 Library, part 2, section 6.6){}", hint(*code))]
    Refused {
        /// Which.
        command: &'static str,
        /// Why: `TPM_RC`.
        code: u32,
    },
    /// It answered what the command cannot have as its answer.
    #[error("the TPM answers something else to {0}")]
    Answer(&'static str),
    /// PCRs change all the time.
    #[error("the PCRs of the TPM change faster than they can be quoted")]
    Unsteady,
}

fn hint(code: u32) -> &'static str {
    match code {
        // TPM_RC_HANDLE or TPM_RC_VALUE of the first handle; a handle that is not there.
        0x18b | 0x184 | 0x28b => {
            ": it has no such key or data; is this machine of the kind that is configured?"
        }
        _ => "",
    }
}

impl Device {
    /// `root` is the root of all paths.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self(root.join(DEVICE))
    }
}

impl Channel for Device {
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        // Opened each time: what a user of the resource manager leaves behind goes with the file.
        let mut device = OpenOptions::new().read(true).write(true).open(&self.0)?;
        device.write_all(command)?;
        let mut answer = vec![0; MAX_LEN];
        let length = device.read(&mut answer)?;
        answer.truncate(length);
        Ok(answer)
    }
}

impl Tpm {
    /// One behind a channel.
    #[must_use]
    pub fn new(channel: Box<dyn Channel>) -> Self {
        Self(Mutex::new(channel))
    }

    /// Has the key at `handle` sign the values of these PCRs of the bank of SHA-256, and `nonce`: at most 32 bytes.
    ///
    /// # Errors
    /// See [`NotShown`].
    pub fn quote(&self, handle: u32, pcrs: PcrSet, nonce: &[u8]) -> Result<Shown, NotShown> {
        let mut channel = self.channel();
        let public = run(&mut **channel, &Command::read_public(handle))?;
        let public = public.sized().ok_or(NotShown::Answer("TPM2_ReadPublic"))?;
        for _ in 0..ATTEMPTS {
            let values = read_pcrs(&mut **channel, pcrs)?;
            let answer = run(&mut **channel, &Command::quote(handle, pcrs, nonce))?;
            let (message, signature) = answer.quote().ok_or(NotShown::Answer("TPM2_Quote"))?;
            let quote = Quote::read(&message).map_err(|_| NotShown::Answer("TPM2_Quote"))?;
            let digest = command::hash_of_signature(&signature).map(|hash| hash.digest(&values));
            if Some(&quote.digest) == digest.as_ref() {
                return Ok(Shown { message, signature, pcrs: values, public });
            }
        }
        Err(NotShown::Unsteady)
    }

    /// All of a data area of the TPM, of at most 16 KiB.
    ///
    /// # Errors
    /// See [`NotShown`].
    pub fn read_area(&self, index: u32) -> Result<Vec<u8>, NotShown> {
        let mut channel = self.channel();
        let size = run(&mut **channel, &Command::read_area_public(index))?;
        let size = size.area_len().ok_or(NotShown::Answer("TPM2_NV_ReadPublic"))?;
        let mut content = Vec::with_capacity(size.into());
        while content.len() < usize::from(size) {
            let at = u16::try_from(content.len()).map_err(|_| NotShown::Answer("TPM2_NV_Read"))?;
            let piece = run(&mut **channel, &Command::read_area(index, at, size - at))?;
            let piece = piece.sized_parameter().filter(|piece| !piece.is_empty());
            content.extend(piece.ok_or(NotShown::Answer("TPM2_NV_Read"))?);
        }
        content.truncate(size.into());
        Ok(content)
    }

    fn channel(&self) -> MutexGuard<'_, Box<dyn Channel>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The values of PCRs, from the one with the least number on.
fn read_pcrs(channel: &mut dyn Channel, pcrs: PcrSet) -> Result<Vec<u8>, NotShown> {
    let numbers: Vec<u8> = pcrs.numbers().collect();
    let mut values = Vec::with_capacity(numbers.len() * Hash::Sha256.digest_len());
    for some in numbers.chunks(MAX_VALUES) {
        let answer = run(channel, &Command::read_pcrs(PcrSet::of(some)))?;
        let found = answer.pcrs(PcrSet::of(some)).ok_or(NotShown::Answer("TPM2_PCR_Read"))?;
        values.extend(found);
    }
    Ok(values)
}

/// The answer to a command, which a TPM that is busy is given again.
fn run(channel: &mut dyn Channel, command: &Command) -> Result<command::Answer, NotShown> {
    let (times, pause) = BUSY;
    let mut code = 0;
    for _ in 0..times {
        let answer = channel.transmit(command.bytes())?;
        match command.answered(&answer) {
            Ok(answer) => return Ok(answer),
            Err(Malformed::Code(found)) if RETRIES.contains(&found) => code = found,
            Err(Malformed::Code(code)) => return Err(NotShown::Refused { command: command.name(), code }),
            Err(Malformed::Bytes) => return Err(NotShown::Answer(command.name())),
        }
        thread::sleep(pause);
    }
    Err(NotShown::Refused { command: command.name(), code })
}
