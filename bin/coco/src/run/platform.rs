//! What vouches for the node: hardware, or nothing.

mod servers;

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use coco_attest::Platform;
use coco_boundary::{Evidence, Log, QuoteFault};
use coco_crypto::hash::sha256;
use coco_host::{
    platform::{
        EvidenceSource,
        azure::{self, AzurePlatform},
        insecure_virtual::VirtualPlatform,
        intel::{self, CollateralFile},
        nitro::{self, NitroPlatform},
        report::Reports,
        sev_guest::SevGuest,
        sev_snp::{Endorsements, NoEvidence, SnpPlatform},
        sgx::SgxPlatform,
        tdx::TdxPlatform,
        tpm::{Device, Tpm},
        tsm::{Kernel, Tsm},
    },
    process::read_input,
};
use coco_wire::{Digest, text::decode_base64};

use tokio::sync::watch;

use self::servers::Servers;
use super::RunError;
use crate::config::attestation::Attestation;

/// Variable of the environment that says which platform it is, whatever the machine looks like. CCF's.
const OVERRIDE: &str = "CCF_PLATFORM_OVERRIDE";
/// Largest file read, in bytes.
const MAX_LEN: u64 = 1 << 20;

/// Why nothing vouches for the node.
#[derive(Debug, thiserror::Error)]
pub enum PlatformError {
    /// The environment names a platform that this version does not know.
    #[error(
        "CCF_PLATFORM_OVERRIDE names a platform that is none of SNP, SGX, TDX, VBS, AzureCVM, Nitro and Virtual"
    )]
    Unknown,
    /// The machine gives no evidence.
    #[error("SEV-SNP: {0}")]
    SevSnp(#[from] NoEvidence),
    /// A confidential machine of Azure gives no evidence.
    #[error("AzureCVM: {0}")]
    Azure(#[from] azure::NoEvidence),
    /// A Nitro Enclave gives no evidence.
    #[error("Nitro: {0}")]
    Nitro(#[from] nitro::NoEvidence),
    /// This program does not run where such evidence is made.
    #[error("{}: this program makes no evidence of this platform", .0.name())]
    Elsewhere(Platform),
    /// A machine of Intel's gives no evidence.
    #[error("{platform}: {error}")]
    Intel {
        /// Which of its platforms.
        platform: &'static str,
        /// Why.
        error: intel::NoEvidence,
    },
    /// A file of section `attestation` cannot be read.
    #[error("{}: {error}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is not in base64.
    #[error("{}: not base64", .0.display())]
    Base64(PathBuf),
    /// The security policy is not text.
    #[error("{}: the security policy is not UTF-8 text", .0.display())]
    Text(PathBuf),
    /// The security policy is not the one that the host launched the node with.
    #[error("{}: the security policy has the digest {digest}, the host data of the machine is {host_data}", .path.display())]
    SecurityPolicy {
        /// The file.
        path: PathBuf,
        /// Of the policy.
        digest: Digest,
        /// What it should be.
        host_data: Digest,
    },
}

/// What vouches for a node.
pub(crate) struct Vouching {
    /// Gives evidence.
    pub(crate) source: Arc<dyn EvidenceSource>,
    /// What the host data of the evidence is the digest of, if that is known.
    pub(crate) security_policy: Option<String>,
}

impl Vouching {
    /// Of this machine, whose paths begin at `root`; `executable` is what runs, and files about the virtual platform are
    /// written to the working directory. May take minutes, if servers are to be asked and do not answer; at `stop` they are
    /// not asked any more.
    pub(crate) fn begin(
        (root, named): (&Path, Option<&OsStr>),
        executable: Digest,
        files: &Attestation,
        stop: watch::Receiver<bool>,
        log: &Log,
    ) -> Result<Self, RunError> {
        let platform = platform(named, root)?;
        log.info(format_args!("Platform: {}", platform.name()));
        match platform {
            Platform::InsecureVirtual => {
                let source = Arc::new(VirtualPlatform::start(executable, Path::new("."))?);
                Ok(Self { source, security_policy: None })
            }
            Platform::SevSnp => Ok(Self::of_snp(reports(root), files, stop, log)?),
            Platform::Sgx | Platform::Tdx => Ok(Self::of_intel(platform, root, files, log)?),
            Platform::AzureCvm => Ok(Self::of_azure(root, files, stop, log)?),
            Platform::Nitro => {
                let source = NitroPlatform::of_kernel(root, log).map_err(PlatformError::Nitro)?;
                Ok(Self { source: Arc::new(source), security_policy: None })
            }
            Platform::Vbs => Err(PlatformError::Elsewhere(platform).into()),
        }
    }

    fn of_intel(
        platform: Platform,
        root: &Path,
        files: &Attestation,
        log: &Log,
    ) -> Result<Self, PlatformError> {
        let collateral = CollateralFile(files.intel_collateral_file.clone());
        let failed = |error| PlatformError::Intel { platform: platform.name(), error };
        let source: Arc<dyn EvidenceSource> = if platform == Platform::Sgx {
            Arc::new(SgxPlatform::start(Box::new(Kernel), root, collateral, log).map_err(failed)?)
        } else {
            let tsm = Tsm::new(Box::new(Kernel), root);
            Arc::new(TdxPlatform::start(tsm, collateral, log).map_err(failed)?)
        };
        Ok(Self { source, security_policy: None })
    }

    /// The same, whose evidence about the key of this node is made once, now: the machine is not asked for it again.
    pub(super) fn about(self, node: Digest) -> Result<Self, QuoteFault> {
        let evidence = self.source.quote(node)?;
        let source = Arc::new(Known { node, evidence, source: self.source });
        Ok(Self { source, ..self })
    }

    fn of_azure(
        root: &Path,
        files: &Attestation,
        stop: watch::Receiver<bool>,
        log: &Log,
    ) -> Result<Self, PlatformError> {
        let tpm = Tpm::new(Box::new(Device::new(root)));
        let file = given(files.snp_endorsements_file.as_deref(), "snp_endorsements", log)?;
        let servers = Box::new(Servers::new(files.snp_endorsements_servers.clone(), stop, log));
        let source = Arc::new(AzurePlatform::start(tpm, file, servers, log)?);
        Ok(Self { source, security_policy: None })
    }

    fn of_snp(
        reports: Box<dyn Reports>,
        files: &Attestation,
        stop: watch::Receiver<bool>,
        log: &Log,
    ) -> Result<Self, PlatformError> {
        let servers = Servers::new(files.snp_endorsements_servers.clone(), stop, log);
        let endorsements = Endorsements {
            processor: given(files.snp_endorsements_file.as_deref(), "snp_endorsements", log)?,
            servers: Box::new(servers),
            uvm: given(files.snp_uvm_endorsements_file.as_deref(), "snp_uvm_endorsements", log)?,
        };
        let platform = SnpPlatform::start(reports, endorsements, log)?;
        let security_policy = match &files.snp_security_policy_file {
            Some(path) => security_policy(path, platform.host_data(), log)?,
            None => None,
        };
        Ok(Self { source: Arc::new(platform), security_policy })
    }
}

/// A source that knows what it said about a node.
struct Known {
    node: Digest,
    evidence: Evidence,
    source: Arc<dyn EvidenceSource>,
}

impl EvidenceSource for Known {
    fn quote(&self, report_data: Digest) -> Result<Evidence, QuoteFault> {
        if report_data == self.node { Ok(self.evidence.clone()) } else { self.source.quote(report_data) }
    }
}

/// Gives reports of SEV-SNP, by the newer interface of kernels if this one has it.
fn reports(root: &Path) -> Box<dyn Reports> {
    if Tsm::is_there(root) {
        Box::new(Tsm::new(Box::new(Kernel), root))
    } else {
        Box::new(SevGuest::of_kernel(root))
    }
}

/// The platform that the environment names, or that the machine is.
pub(crate) fn of_machine() -> Result<Platform, PlatformError> {
    platform(named().as_deref(), Path::new("/"))
}

/// What the environment names.
pub(crate) fn named() -> Option<OsString> {
    env::var_os(OVERRIDE)
}

fn platform(named: Option<&OsStr>, root: &Path) -> Result<Platform, PlatformError> {
    if let Some(named) = named {
        return Platform::ALL
            .into_iter()
            .find(|platform| platform.name() == named)
            .ok_or(PlatformError::Unknown);
    }
    // An enclave may run in a guest, and sees the guest's devices only if it is told to.
    let found = [
        (SgxPlatform::is_there(root), Platform::Sgx),
        (SnpPlatform::is_there(root), Platform::SevSnp),
        (TdxPlatform::is_there(root), Platform::Tdx),
        (NitroPlatform::is_there(root), Platform::Nitro),
    ];
    let found = found.into_iter().find(|(is_there, _)| *is_there);
    Ok(match found {
        Some((_, platform)) => platform,
        // Only its TPM tells it from other machines.
        None if AzurePlatform::is_there(root) => Platform::AzureCvm,
        None => Platform::InsecureVirtual,
    })
}

/// What a file has in base64, if one is named.
fn given(path: Option<&Path>, name: &str, log: &Log) -> Result<Option<Vec<u8>>, PlatformError> {
    path.map_or(Ok(None), |path| content(path, name, log))
}

/// What a file has in base64. One that is not there is as good as none, as in CCF, whose words are logged: configurations
/// name files that only some machines have.
fn content(path: &Path, name: &str, log: &Log) -> Result<Option<Vec<u8>>, PlatformError> {
    let text = match read_input(path, MAX_LEN) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            log.fail(format_args!("Could not read {name} from {}: {error}", path.display()));
            return Ok(None);
        }
        Err(error) => return Err(PlatformError::Read { path: path.to_path_buf(), error }),
    };
    let content = std::str::from_utf8(&text).ok().and_then(|text| decode_base64(text.trim()).ok());
    content.map(Some).ok_or_else(|| PlatformError::Base64(path.to_path_buf()))
}

fn security_policy(path: &Path, host_data: Digest, log: &Log) -> Result<Option<String>, PlatformError> {
    let Some(policy) = content(path, "snp_security_policy", log)? else { return Ok(None) };
    let digest = sha256(&policy);
    if digest != host_data {
        return Err(PlatformError::SecurityPolicy { path: path.to_path_buf(), digest, host_data });
    }
    String::from_utf8(policy).map(Some).map_err(|_| PlatformError::Text(path.to_path_buf()))
}

#[cfg(test)]
mod tests;
