//! What machines of Intel's share: collateral, which whoever runs the machine keeps in a file.

use std::{io, path::PathBuf};

use coco_attest::dcap::{self, Collateral, check_collateral, fmspc};
use coco_wire::text::encode_hex;

use crate::process::read_input;

/// Largest file of collateral, in bytes.
const MAX_LEN: u64 = 1 << 20;

/// Where collateral is. It is read again for each quote: documents and lists are good for some weeks.
pub struct CollateralFile(pub Option<PathBuf>);

/// Why there is no collateral that goes with a quote.
#[derive(Debug, thiserror::Error)]
pub enum NoCollateral {
    /// Nobody says where it is.
    #[error(
        "no `attestation.intel_collateral_file`: it must have what Intel publishes about machines of kind {} (FMSPC), as JSON",
        encode_hex(_0)
    )]
    Unnamed(dcap::Fmspc),
    /// The file cannot be read.
    #[error("`attestation.intel_collateral_file`: {}: {error}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It has something else.
    #[error("`attestation.intel_collateral_file`: {}: {refusal} (the machine is of kind {})", .path.display(), encode_hex(.kind))]
    Other {
        /// The file.
        path: PathBuf,
        /// Why.
        refusal: dcap::Refusal,
        /// What it should be for.
        kind: dcap::Fmspc,
    },
}

/// Why a machine of Intel's gives no evidence.
#[derive(Debug, thiserror::Error)]
pub enum NoEvidence {
    /// The kernel gives no quote of a domain.
    #[error(
        "the kernel gives no quote (Linux 6.7 or newer does, in /sys/kernel/config/tsm/report, if the host runs a quote \
         generation service for its guests): {0}"
    )]
    Kernel(io::Error),
    /// Something else than TDX answers.
    #[error("the kernel's reports are of {0}, not of tdx_guest")]
    Provider(String),
    /// The library that runs the enclave gives no quote.
    #[error(
        "no quote from /dev/attestation (Gramine gives one if its manifest has `sgx.remote_attestation = \"dcap\"`, \
         Occlum if the machine has a quote provider): {0}"
    )]
    Library(io::Error),
    /// The library makes evidence of another kind.
    #[error(
        "the library makes attestation of type `{0}`, not `dcap`: `sgx.remote_attestation` in Gramine's manifest"
    )]
    Kind(String),
    /// A quote of another form.
    #[error("the quote: {0}")]
    Quote(#[from] dcap::Refusal),
    /// A quote with other report data.
    #[error("the quote is for another question: something else in this process asks, too")]
    Disturbed,
    /// No collateral that goes with it.
    #[error(transparent)]
    Collateral(#[from] NoCollateral),
}

impl CollateralFile {
    /// JSON of the collateral that goes with a quote.
    pub(super) fn for_quote(&self, quote: &[u8]) -> Result<Vec<u8>, NoEvidence> {
        let kind = fmspc(quote)?;
        let path = self.0.clone().ok_or(NoCollateral::Unnamed(kind))?;
        let json = match read_input(&path, MAX_LEN) {
            Ok(json) => json,
            Err(error) => return Err(NoCollateral::Read { path, error }.into()),
        };
        // Whoever verifies would refuse it with less to say.
        match Collateral::from_json(&json).and_then(|collateral| check_collateral(&collateral, quote)) {
            Ok(()) => Ok(json),
            Err(refusal) => Err(NoCollateral::Other { path, refusal, kind }.into()),
        }
    }
}
