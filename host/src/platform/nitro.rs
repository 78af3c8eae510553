//! AWS Nitro Enclaves: documents of the hypervisor, through the kernel's device.
//!
//! Sources: AWS, `aws-nitro-enclaves-nsm-api` (`src/api/mod.rs`: requests and responses in CBOR); Linux,
//! `include/uapi/linux/nsm.h`.

mod device;

use std::{io, path::Path};

use coco_attest::nitro;
use coco_boundary::{Evidence, EvidenceFormat, Log, QuoteFault};
use coco_wire::{
    Digest,
    cbor::{Cbor, CborError},
};

pub use self::device::Kernel;
use super::{EvidenceSource, fault};

/// Device of an enclave, from the root of all paths on.
const DEVICE: &str = "dev/nsm";
/// Most bytes of a response (`NSM_RESPONSE_MAX_SIZE`).
pub const MAX_RESPONSE_LEN: usize = 0x3000;

/// Carries requests to the module of the hypervisor.
pub trait Channel: Send + Sync {
    /// The response to a request.
    ///
    /// # Errors
    /// Of the system.
    fn ask(&self, request: &[u8]) -> io::Result<Vec<u8>>;
}

/// Why an enclave gives no evidence.
#[derive(Debug, thiserror::Error)]
pub enum NoEvidence {
    /// The device.
    #[error("/dev/nsm cannot be asked: {0}")]
    Device(#[from] io::Error),
    /// The module refuses.
    #[error("/dev/nsm refuses: {_0}")]
    Refused(String),
    /// Something else than a response to the request.
    #[error("/dev/nsm answers something else")]
    Answer,
    /// A response that cannot be read.
    #[error("the answer of /dev/nsm: {0}")]
    Form(#[from] CborError),
    /// A document of another form.
    #[error("the document: {0}")]
    Document(#[from] nitro::Refusal),
    /// A document for another question.
    #[error("the document is for another question")]
    Disturbed,
}

/// A Nitro Enclave.
pub struct NitroPlatform {
    channel: Box<dyn Channel>,
    log: Log,
}

impl NitroPlatform {
    /// Whether this is an enclave; `root` is the root of all paths.
    #[must_use]
    pub fn is_there(root: &Path) -> bool {
        root.join(DEVICE).exists()
    }

    /// The enclave of this kernel, whose paths begin at `root`. Why there is no evidence later is logged.
    ///
    /// # Errors
    /// If it gives no evidence now.
    pub fn of_kernel(root: &Path, log: &Log) -> Result<Self, NoEvidence> {
        Self::start(Box::new(Kernel::new(root.join(DEVICE))), log)
    }

    /// The enclave behind a channel.
    ///
    /// # Errors
    /// If it gives no evidence now.
    pub fn start(channel: Box<dyn Channel>, log: &Log) -> Result<Self, NoEvidence> {
        let platform = Self { channel, log: log.clone() };
        // Whoever starts a node is to be told now, not when it joins.
        platform.evidence(Digest::ZERO)?;
        Ok(platform)
    }

    fn evidence(&self, report_data: Digest) -> Result<Evidence, NoEvidence> {
        let response = self.channel.ask(&request(&report_data))?;
        let quote = document(&response)?;
        let (said, _) = nitro::read(&quote)?;
        if said.user_data.as_deref() != Some(&report_data.0[..]) {
            return Err(NoEvidence::Disturbed);
        }
        let format = EvidenceFormat::Nitro;
        Ok(Evidence { format, quote, endorsements: Vec::new(), uvm_endorsements: None })
    }
}

/// `Request::Attestation` with these user data.
fn request(user_data: &Digest) -> Vec<u8> {
    let fields = vec![
        (Cbor::Text("user_data"), Cbor::Bytes(&user_data.0)),
        (Cbor::Text("nonce"), Cbor::Null),
        (Cbor::Text("public_key"), Cbor::Null),
    ];
    Cbor::Map(vec![(Cbor::Text("Attestation"), Cbor::Map(fields))]).encode()
}

/// The document in a response.
fn document(response: &[u8]) -> Result<Vec<u8>, NoEvidence> {
    let response = Cbor::decode(response)?;
    if let Some(Cbor::Text(error)) = response.get(&Cbor::Text("Error")) {
        return Err(NoEvidence::Refused(error.escape_debug().to_string()));
    }
    let answer = response.get(&Cbor::Text("Attestation"));
    match answer.and_then(|answer| answer.get(&Cbor::Text("document"))) {
        Some(Cbor::Bytes(document)) => Ok(document.to_vec()),
        _ => Err(NoEvidence::Answer),
    }
}

impl EvidenceSource for NitroPlatform {
    fn quote(&self, report_data: Digest) -> Result<Evidence, QuoteFault> {
        self.evidence(report_data).map_err(|error| fault(&self.log, "Nitro", &error))
    }
}
