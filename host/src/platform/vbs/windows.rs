//! Calls of Windows: the secure kernel's report, from within an enclave; the TPM and the log of the boot, of TPM Base
//! Services.
//!
//! Sources: Microsoft, `EnclaveGetAttestationReport` (enclaveapi.h), `Tbsi_Context_Create`, `Tbsip_Submit_Command` and
//! `Tbsi_Get_TCG_Log_Ex` (tbs.h).
#![expect(unsafe_code, reason = "Windows is given addresses of what it reads and writes")]

use std::{ffi::c_void, io, ptr};

use coco_boundary::Log;
use windows_sys::Win32::{
    Foundation::TBS_E_INSUFFICIENT_BUFFER,
    System::{
        Environment::EnclaveGetAttestationReport,
        TpmBaseServices::{
            TBS_COMMAND_LOCALITY_ZERO, TBS_COMMAND_PRIORITY_NORMAL, TBS_CONTEXT_PARAMS2,
            TBS_CONTEXT_PARAMS2_0, TBS_SUCCESS, TBS_TCGLOG_SRTM_CURRENT, TPM_VERSION_20, Tbsi_Context_Create,
            Tbsi_Get_TCG_Log_Ex, Tbsip_Context_Close, Tbsip_Submit_Command,
        },
    },
};

use super::{NoEvidence, System, VbsPlatform};
use crate::platform::tpm::{Channel, MAX_LEN, Tpm};

/// Most bytes of a report: it names the modules of an enclave, each in some hundred bytes.
const MAX_REPORT_LEN: u32 = 0x1_0000;
/// Most bytes of a log: more than fit into evidence.
const MAX_LOG_LEN: u32 = 1 << 20;
/// `includeTpm20` of `TBS_CONTEXT_PARAMS2`: its third bit.
const INCLUDE_TPM_20: u32 = 4;

impl VbsPlatform {
    /// The enclave that calls this, on the machine that it is on. See [`Self::start`].
    ///
    /// # Errors
    /// If it gives no evidence now.
    pub fn of_windows(key: u32, certificates: Option<Vec<u8>>, log: &Log) -> Result<Self, NoEvidence> {
        Self::start(Box::new(Windows), Tpm::new(Box::new(Services)), key, certificates, log)
    }
}

/// The Windows that runs here.
struct Windows;

impl System for Windows {
    fn report(&self, data: &[u8; 64]) -> io::Result<Vec<u8>> {
        let mut report = vec![0; MAX_REPORT_LEN as usize];
        let mut len = 0;
        // SAFETY: the data are 64 bytes (ENCLAVE_REPORT_DATA_LENGTH), and the report has the length that is named.
        let code = unsafe {
            EnclaveGetAttestationReport(
                data.as_ptr(),
                report.as_mut_ptr().cast::<c_void>(),
                MAX_REPORT_LEN,
                &mut len,
            )
        };
        match code {
            0.. => Ok(shortened(report, len)),
            _ => Err(fault("EnclaveGetAttestationReport", code.cast_unsigned())),
        }
    }

    fn boot_log(&self) -> io::Result<Vec<u8>> {
        let mut log = vec![0; MAX_LOG_LEN as usize];
        let mut len = MAX_LOG_LEN;
        // SAFETY: the log has the length that is named.
        let code = unsafe { Tbsi_Get_TCG_Log_Ex(TBS_TCGLOG_SRTM_CURRENT, log.as_mut_ptr(), &mut len) };
        match code {
            TBS_SUCCESS => Ok(shortened(log, len)),
            code if code == TBS_E_INSUFFICIENT_BUFFER.cast_unsigned() => {
                Err(io::ErrorKind::FileTooLarge.into())
            }
            code => Err(fault("Tbsi_Get_TCG_Log_Ex", code)),
        }
    }
}

/// TPM Base Services, which keep several users of a TPM apart.
struct Services;

/// A connection to them.
struct Context(*mut c_void);

impl Context {
    fn create() -> io::Result<Self> {
        let params = TBS_CONTEXT_PARAMS2 {
            version: TPM_VERSION_20,
            Anonymous: TBS_CONTEXT_PARAMS2_0 { asUINT32: INCLUDE_TPM_20 },
        };
        let mut context = ptr::null_mut();
        // SAFETY: parameters of version 2.0 have this form, which the version in front says; the handle is written.
        let code = unsafe { Tbsi_Context_Create(ptr::from_ref(&params).cast(), &mut context) };
        if code == TBS_SUCCESS { Ok(Self(context)) } else { Err(fault("Tbsi_Context_Create", code)) }
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: it was created, and is closed once. Nothing can be done where it cannot be closed.
        let _ = unsafe { Tbsip_Context_Close(self.0) };
    }
}

impl Channel for Services {
    fn transmit(&mut self, command: &[u8]) -> io::Result<Vec<u8>> {
        // Created each time: what a user of a context leaves behind goes with it.
        let context = Context::create()?;
        let command_len = u32::try_from(command.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let mut answer = vec![0; MAX_LEN];
        let mut len = u32::try_from(MAX_LEN).expect("it is short");
        // SAFETY: command and answer have the lengths that are named, and the context is open.
        let code = unsafe {
            Tbsip_Submit_Command(
                context.0,
                TBS_COMMAND_LOCALITY_ZERO,
                TBS_COMMAND_PRIORITY_NORMAL,
                command.as_ptr(),
                command_len,
                answer.as_mut_ptr(),
                &mut len,
            )
        };
        if code == TBS_SUCCESS {
            Ok(shortened(answer, len))
        } else {
            Err(fault("Tbsip_Submit_Command", code))
        }
    }
}

/// What was written of a buffer.
fn shortened(mut buffer: Vec<u8>, len: u32) -> Vec<u8> {
    buffer.truncate(usize::try_from(len).unwrap_or(usize::MAX));
    buffer
}

/// Codes of these services are not among those that the system has words for.
fn fault(call: &str, code: u32) -> io::Error {
    io::Error::other(format!("{call}: {code:#010x}"))
}
