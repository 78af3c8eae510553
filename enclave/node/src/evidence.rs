//! Evidence of what nodes run, and the service's policy of which of it is welcome.

mod azure;
mod intel;
mod nitro;
mod registers;
mod snp;
mod unwelcome;
mod windows;

use coco_attest::{
    Claims, Details, Evidence, Platform, Policy, Refusal, ReportData, Roots,
    sev_snp::{Providers, Requirements, uvm::Endorsers},
    sgx, tdx, vbs,
};
use coco_boundary::{Evidence as BoundaryEvidence, EvidenceFormat};
use coco_crypto::x509::UnixTime;
use coco_kv::{Reader, Tx};
use coco_tables::{
    Tables,
    nodes::{Appraisal, QuoteFormat, QuoteInfo, Renewal},
    platforms::CodeStatus,
    value::Present,
};
use coco_wire::text::Base64;

pub use self::unwelcome::Unwelcome;
use crate::view::Shared;

/// When evidence is looked at, and whose signatures count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judge {
    /// Certificates must be valid then.
    pub now: UnixTime,
    /// The makers of hardware, or who stands for them in a test.
    pub roots: Roots,
}

impl Judge {
    /// One who looks now.
    pub(crate) fn of(shared: &Shared) -> Self {
        let seconds = i64::try_from(shared.clock.wall_ms() / 1000).unwrap_or(i64::MAX);
        Self { now: UnixTime(seconds), roots: *shared.roots() }
    }

    /// What evidence of a node says that the members admit by `state`: authentic, bound to `expected` and by their rules.
    ///
    /// # Errors
    /// If they do not.
    pub fn appraise(
        &self,
        (tables, state): (&Tables, &impl Reader),
        quote: &QuoteInfo,
        expected: &ReportData,
    ) -> Result<Claims, Unwelcome> {
        let evidence = shown(quote).map_err(Unwelcome::Refused)?;
        let snp = snp::Required::read(tables, state)?;
        let lists = snp.lists();
        let intel = intel::Required::read(&tables.intel, state, quote)?;
        let advisories = intel.as_ref().map(intel::Required::advisories).unwrap_or_default();
        let always = intel::always(self.roots.intel);
        let machine = intel.as_ref().map_or(always, |intel| intel.of_machine(always, &advisories));
        let demands = intel.as_ref().map_or(&[][..], |intel| &intel.demands);
        let windows = windows::Required::read(&tables.windows, state, &evidence)?;
        let names = windows.as_ref().map(windows::Required::names).unwrap_or_default();
        let of_azure = azure::demands(&tables.azure, state)?;
        let policy = Policy {
            now: self.now,
            sev_snp: snp.requirements(self.always(), &lists),
            sgx: sgx::Requirements { machine, ..sgx::Requirements::STRICT },
            tdx: tdx::Requirements { machine, demands, ..tdx::Requirements::STRICT },
            vbs: windows.as_ref().map_or(vbs::Requirements::STRICT, |windows| windows.requirements(&names)),
            azure_cvm: azure::requirements(&of_azure),
            nitro: nitro::requirements(&tables.nitro, state, self.roots.nitro)?,
        };
        let claims = coco_attest::verify(&evidence, expected, &policy).map_err(Unwelcome::Refused)?;
        admit(tables, state, &claims)?;
        Ok(claims)
    }

    /// What evidence of the first node says, whom nobody has admitted: it must be authentic, and bound to `expected`.
    /// Whoever endorses its utility VM, or signs for its provider, is written down with everything else, for members to
    /// see before they open the service.
    ///
    /// # Errors
    /// If it is not.
    pub fn appraise_first(&self, quote: &QuoteInfo, expected: &ReportData) -> Result<Claims, Refusal> {
        let anyone = Requirements { uvm: Endorsers::Anyone, providers: Providers::Anyone, ..self.always() };
        let machine = intel::of_first(self.roots.intel);
        let evidence = shown(quote)?;
        let windows = windows::Required::of_first(&evidence)?;
        let names = windows.as_ref().map(windows::Required::names).unwrap_or_default();
        let policy = Policy {
            sev_snp: anyone,
            sgx: sgx::Requirements { machine, ..sgx::Requirements::STRICT },
            tdx: tdx::Requirements { machine, ..tdx::Requirements::STRICT },
            vbs: windows.as_ref().map_or(vbs::Requirements::STRICT, |windows| windows.requirements(&names)),
            nitro: nitro::always(self.roots.nitro),
            ..Policy::strict(self.now)
        };
        coco_attest::verify(&evidence, expected, &policy)
    }

    /// What is written down of evidence that was found good.
    pub(crate) fn found_good(&self, renewal: Option<Renewal>) -> Appraisal {
        Appraisal { time: u64::try_from(self.now.0).unwrap_or_default(), renewal, eviction: None }
    }

    /// What is required of SEV-SNP whatever the members say.
    fn always(&self) -> Requirements<'static> {
        Requirements { roots: self.roots.sev_snp, ..Requirements::STRICT }
    }
}

/// What a node shows, of a platform that can be verified.
fn shown(quote: &QuoteInfo) -> Result<Evidence, Refusal> {
    let platform = match quote.format {
        QuoteFormat::InsecureVirtual => Platform::InsecureVirtual,
        QuoteFormat::AmdSevSnpV1 => Platform::SevSnp,
        QuoteFormat::IntelSgxDcapV1 => Platform::Sgx,
        QuoteFormat::IntelTdxV1 => Platform::Tdx,
        QuoteFormat::WindowsVbsV1 => Platform::Vbs,
        QuoteFormat::AzureCvmSnpV1 => Platform::AzureCvm,
        QuoteFormat::AwsNitroV1 => Platform::Nitro,
        QuoteFormat::OeSgxV1 => return Err(Refusal::Malformed),
    };
    Ok(Evidence {
        platform,
        quote: quote.quote.0.clone(),
        endorsements: quote.endorsements.0.clone(),
        uvm_endorsements: quote.uvm_endorsements.as_ref().map(|message| message.0.clone()),
    })
}

/// Evidence in the form that the ledger and requests of nodes have.
#[must_use]
pub fn quote_info(evidence: &BoundaryEvidence) -> QuoteInfo {
    let format = match evidence.format {
        EvidenceFormat::Virtual => QuoteFormat::InsecureVirtual,
        EvidenceFormat::SevSnp => QuoteFormat::AmdSevSnpV1,
        EvidenceFormat::Sgx => QuoteFormat::IntelSgxDcapV1,
        EvidenceFormat::Tdx => QuoteFormat::IntelTdxV1,
        EvidenceFormat::Vbs => QuoteFormat::WindowsVbsV1,
        EvidenceFormat::AzureCvm => QuoteFormat::AzureCvmSnpV1,
        EvidenceFormat::Nitro => QuoteFormat::AwsNitroV1,
    };
    QuoteInfo {
        format,
        quote: Base64(evidence.quote.clone()),
        endorsements: Base64(evidence.endorsements.clone()),
        uvm_endorsements: evidence.uvm_endorsements.clone().map(Base64),
        endorsed_tcb: None,
    }
}

/// Whether the members admit what the claims say.
fn admit(tables: &Tables, state: &impl Reader, claims: &Claims) -> Result<(), Unwelcome> {
    let platforms = &tables.platforms;
    let measurement = claims.measurement.as_str().to_owned();
    match &claims.details {
        Details::InsecureVirtual { host_data } => admitted(
            platforms.virtual_host_data.has(state, host_data),
            platforms.virtual_measurements.has(state, &measurement),
        ),
        Details::SevSnp(claims) => snp::admit(platforms, state, claims, &measurement),
        Details::Sgx(claims) => intel::admit_enclave(&tables.intel, state, &claims.enclave),
        Details::Tdx(claims) => intel::admit_domain(&tables.intel, state, &claims.domain),
        Details::Vbs(claims) => windows::admit(&tables.windows, state, claims),
        Details::AzureCvm(claims) => {
            snp::admit(platforms, state, &claims.hardware, &measurement)?;
            azure::admit(&tables.azure, state, claims)
        }
        Details::Nitro(document) => nitro::admit(&tables.nitro, state, document),
    }
}

/// Of all demands, those that members make.
fn made<T, const N: usize>(demands: [(bool, T); N]) -> Vec<T> {
    demands.into_iter().filter_map(|(is_made, demand)| is_made.then_some(demand)).collect()
}

/// A row says that the code is allowed to join; there is nothing else that it could say.
fn admitted(host_data: bool, code: bool) -> Result<(), Unwelcome> {
    match (host_data, code) {
        (false, _) => Err(Unwelcome::HostData),
        (true, false) => Err(Unwelcome::Measurement),
        (true, true) => Ok(()),
    }
}

/// A text whose digest is not the host data of the evidence.
#[derive(Debug, thiserror::Error)]
#[error("The security policy is not the one that the host data of the node's evidence names")]
pub(crate) struct OtherSecurityPolicy;

/// Has the service admit what its first node is (CCF `src/node/rpc/node_frontend.h`, `create`). `security_policy` is the
/// text that the host data of SEV-SNP is the digest of, if it is known.
///
/// # Errors
/// If that is another text.
pub(crate) fn admit_first(
    tables: &Tables,
    tx: &mut Tx,
    claims: &Claims,
    security_policy: Option<&str>,
) -> Result<(), OtherSecurityPolicy> {
    let platforms = &tables.platforms;
    let measurement = claims.measurement.as_str().to_owned();
    match &claims.details {
        Details::InsecureVirtual { host_data } => {
            platforms.virtual_measurements.put(tx, &measurement, &CodeStatus::AllowedToJoin);
            platforms.virtual_host_data.put(tx, host_data, &Present);
        }
        Details::SevSnp(snp) => snp::admit_first(platforms, tx, snp, &measurement, security_policy)?,
        Details::Sgx(sgx) => intel::admit_first_enclave(&tables.intel, tx, &sgx.enclave, &sgx.machine),
        Details::Tdx(tdx) => intel::admit_first_domain(&tables.intel, tx, tdx),
        Details::Vbs(vbs) => windows::admit_first(&tables.windows, tx, vbs),
        Details::AzureCvm(claims) => {
            snp::admit_first(platforms, tx, &claims.hardware, &measurement, security_policy)?;
            azure::admit_first(&tables.azure, tx, claims);
        }
        Details::Nitro(_) => nitro::admit_first(&tables.nitro, tx, &measurement),
    }
    Ok(())
}
