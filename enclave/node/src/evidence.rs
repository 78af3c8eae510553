//! Evidence of what nodes run, and the service's policy of which of it is welcome.

mod intel;
mod snp;

use coco_attest::{
    Claims, Details, Evidence, Platform, Policy, Refusal, ReportData, Roots, dcap,
    sev_snp::{self, Providers, Requirements, uvm::Endorsers},
    sgx, tdx,
};
use coco_boundary::{Evidence as BoundaryEvidence, EvidenceFormat};
use coco_crypto::{hash::sha256, x509::UnixTime};
use coco_kv::{Malformed, Reader, Tx};
use coco_tables::{
    Tables,
    nodes::{Appraisal, QuoteFormat, QuoteInfo, Renewal},
    platforms::CodeStatus,
    value::{JsonText, Present},
};
use coco_wire::{Digest, text::Base64};

use crate::view::Shared;

/// Why a node is not to take part. Texts are CCF's (`quote_verification_error` in `src/node/rpc/node_frontend.h`), which
/// operators and tests look for, where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unwelcome {
    /// Not believed, or not by the rules of the members.
    #[error("{}", text(.0))]
    Refused(#[source] Refusal),
    /// Code that the members did not admit.
    #[error("Quote does not contain known enclave measurement")]
    Measurement,
    /// A host configuration, such as an executable, that the members did not admit.
    #[error("Quote host data is not authorised")]
    HostData,
    /// The members list the chips that they admit, and this is none of them.
    #[error("Quote is of a chip that is not authorised")]
    Chip,
    /// Nobody can tell what the members demand.
    #[error(transparent)]
    Rules(#[from] Malformed),
    /// A kind of Intel's machines that the members did not admit.
    #[error("Quote is of a kind of machine that is not authorised")]
    Machine,
    /// A domain that may use what the members did not allow.
    #[error("Quote attributes are not authorised")]
    Attributes,
    /// A domain that did something else since its launch.
    #[error("Quote registers are not authorised")]
    Registers,
}

fn text(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::ReportData => "Quote report data does not contain node's public key hash",
        Refusal::SevSnp(sev_snp::Refusal::Uvm(_)) => "UVM endorsements are not authorised",
        Refusal::SevSnp(sev_snp::Refusal::NoMinimumTcb) => {
            "Quote is of a processor without a minimum TCB version"
        }
        Refusal::SevSnp(sev_snp::Refusal::MinimumTcb(_)) => "Quote TCB version is below the minimum",
        Refusal::SevSnp(sev_snp::Refusal::Provider) => {
            "Quote is signed for a provider that is not authorised"
        }
        Refusal::SevSnp(sev_snp::Refusal::Demand(_)) => {
            "Quote does not meet what is demanded of guests and platforms"
        }
        Refusal::Intel(refusal) => text_of_intel(refusal),
        Refusal::TooLarge | Refusal::Malformed | Refusal::UnexpectedEndorsements | Refusal::SevSnp(_) => {
            "Quote could not be verified"
        }
    }
}

fn text_of_intel(refusal: &dcap::Refusal) -> &'static str {
    match refusal {
        dcap::Refusal::Status(_) | dcap::Refusal::Advisory(_) => "Quote TCB status is not authorised",
        dcap::Refusal::Evaluation(_) => "Quote TCB version is below the minimum",
        dcap::Refusal::TooOld => "Quote collateral is too old",
        dcap::Refusal::Domain(_) => "Quote attributes are not authorised",
        _ => "Quote could not be verified",
    }
}

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
        let snp = snp::Required::read(tables, state)?;
        let lists = snp.lists();
        let intel = intel::Required::read(&tables.intel, state, quote)?;
        let advisories = intel.as_ref().map(intel::Required::advisories).unwrap_or_default();
        let always = intel::always(self.roots.intel);
        let machine = intel.as_ref().map_or(always, |intel| intel.of_machine(always, &advisories));
        let demands = intel.as_ref().map_or(&[][..], |intel| &intel.demands);
        let policy = Policy {
            now: self.now,
            sev_snp: snp.requirements(self.always(), &lists),
            sgx: sgx::Requirements { machine, ..sgx::Requirements::STRICT },
            tdx: tdx::Requirements { machine, demands, ..tdx::Requirements::STRICT },
        };
        let claims = verify(quote, expected, &policy).map_err(Unwelcome::Refused)?;
        admit(tables, state, &claims)?;
        Ok(claims)
    }

    /// What evidence of the first node says, whom nobody has admitted: it must be authentic, and bound to `expected`.
    /// Whoever endorses its utility VM, or signs for its provider, is written down with everything else, for members to see before they open the
    /// service.
    ///
    /// # Errors
    /// If it is not.
    pub fn appraise_first(&self, quote: &QuoteInfo, expected: &ReportData) -> Result<Claims, Refusal> {
        let anyone = Requirements { uvm: Endorsers::Anyone, providers: Providers::Anyone, ..self.always() };
        let machine = intel::of_first(self.roots.intel);
        let policy = Policy {
            now: self.now,
            sev_snp: anyone,
            sgx: sgx::Requirements { machine, ..sgx::Requirements::STRICT },
            tdx: tdx::Requirements { machine, ..tdx::Requirements::STRICT },
        };
        verify(quote, expected, &policy)
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

fn verify(quote: &QuoteInfo, expected: &ReportData, policy: &Policy<'_>) -> Result<Claims, Refusal> {
    let platform = match quote.format {
        QuoteFormat::InsecureVirtual => Platform::InsecureVirtual,
        QuoteFormat::AmdSevSnpV1 => Platform::SevSnp,
        QuoteFormat::IntelSgxDcapV1 => Platform::Sgx,
        QuoteFormat::IntelTdxV1 => Platform::Tdx,
        QuoteFormat::OeSgxV1 => return Err(Refusal::Malformed),
    };
    let evidence = Evidence {
        platform,
        quote: quote.quote.0.clone(),
        endorsements: quote.endorsements.0.clone(),
        uvm_endorsements: quote.uvm_endorsements.as_ref().map(|message| message.0.clone()),
    };
    coco_attest::verify(&evidence, expected, policy)
}

/// Evidence in the form that the ledger and requests of nodes have.
#[must_use]
pub fn quote_info(evidence: &BoundaryEvidence) -> QuoteInfo {
    let format = match evidence.format {
        EvidenceFormat::Virtual => QuoteFormat::InsecureVirtual,
        EvidenceFormat::SevSnp => QuoteFormat::AmdSevSnpV1,
        EvidenceFormat::Sgx => QuoteFormat::IntelSgxDcapV1,
        EvidenceFormat::Tdx => QuoteFormat::IntelTdxV1,
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
    // A row says that the code is allowed to join; there is nothing else that it could say.
    let (host_data, code) = match &claims.details {
        Details::InsecureVirtual { host_data } => (
            platforms.virtual_host_data.has(state, host_data),
            platforms.virtual_measurements.has(state, &measurement),
        ),
        // Endorsements of the utility VM stand for its measurement.
        Details::SevSnp(snp) => (
            platforms.snp_host_data.has(state, &Digest(snp.report.host_data)),
            snp.uvm.is_some() || platforms.snp_measurements.has(state, &measurement),
        ),
        Details::Sgx(claims) => return intel::admit_enclave(&tables.intel, state, &claims.enclave),
        Details::Tdx(claims) => return intel::admit_domain(&tables.intel, state, &claims.domain),
    };
    if let Details::SevSnp(snp) = &claims.details
        && !snp::admits_chip(platforms, state, snp)?
    {
        return Err(Unwelcome::Chip);
    }
    if !host_data {
        return Err(Unwelcome::HostData);
    }
    if !code {
        return Err(Unwelcome::Measurement);
    }
    Ok(())
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
        Details::SevSnp(snp) => {
            if snp.uvm.is_none() {
                platforms.snp_measurements.put(tx, &measurement, &CodeStatus::AllowedToJoin);
            }
            let policy = security_policy.unwrap_or_default();
            let host_data = Digest(snp.report.host_data);
            if !policy.is_empty() && sha256(policy.as_bytes()) != host_data {
                return Err(OtherSecurityPolicy);
            }
            platforms.snp_host_data.put(tx, &host_data, &JsonText::from(policy));
            snp::admit_first(platforms, tx, snp);
        }
        Details::Sgx(sgx) => intel::admit_first_enclave(&tables.intel, tx, &sgx.enclave, &sgx.machine),
        Details::Tdx(tdx) => intel::admit_first_domain(&tables.intel, tx, tdx),
    }
    Ok(())
}
