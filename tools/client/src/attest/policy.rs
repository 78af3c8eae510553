//! What a client accepts.

use std::collections::BTreeSet;

use coco_attest::{
    Details, Platform, Refusal, Roots,
    dcap::{self, Advisories, TcbStatus},
    sev_snp::{Processor, Requirements, TcbVersion, uvm},
    sgx, tdx, verify,
};
use coco_crypto::x509::UnixTime;
use coco_wire::text::encode_hex;

use super::{Fresh, NotVerified};

/// What a node must be, for a client to talk to it. A platform that is not named is not accepted.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Tells the time, in which certificates must be valid.
    pub now: fn() -> UnixTime,
    /// Whose signatures count.
    pub roots: Roots,
    /// Of the virtual platform, whose evidence anybody can write: for tests.
    pub insecure_virtual: Option<Code>,
    /// Of AMD SEV-SNP.
    pub sev_snp: Option<SevSnp>,
    /// Of Intel SGX.
    pub sgx: Option<Intel>,
    /// Of Intel TDX.
    pub tdx: Option<Intel>,
}

/// Which code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// What was measured when it was launched: hexadecimal digits, but a text on the virtual platform.
    pub measurements: Accepted,
    /// What the host configured then: hexadecimal digits.
    pub host_data: Accepted,
}

/// What is required of AMD SEV-SNP, beyond what always is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SevSnp {
    /// Which code; endorsements of the utility VM stand for its measurement.
    pub code: Code,
    /// Who may endorse utility VMs.
    pub endorsers: Vec<Endorser>,
    /// The least version of the trusted computing base by processor; others are refused then.
    pub minimum_tcb: Option<Vec<(Processor, TcbVersion)>>,
}

/// What is required of Intel's machines, beyond what always is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Intel {
    /// Which code.
    pub code: Code,
    /// What the trusted computing base may be worth; a revoked one is always refused.
    pub statuses: Vec<TcbStatus>,
    /// Names of Intel's advisories that one can live with.
    pub advisories: Vec<String>,
    /// The least number of the evaluation that Intel's documents are the result of.
    pub minimum_evaluation: u32,
}

/// Who may endorse utility VMs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endorser {
    /// Who it is: `did:x509:…`.
    pub did: String,
    /// Under what name.
    pub feed: String,
    /// The least security version.
    pub svn: u64,
}

/// Which values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// All: somebody else decided, such as the members of a service that is known by its certificate.
    Any,
    /// These.
    These(BTreeSet<String>),
}

impl Accepted {
    fn has(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(values) => values.contains(value),
        }
    }
}

impl Policy {
    /// Accepts nothing yet, by the clock of the system and the roots of the makers.
    #[must_use]
    pub fn new(now: fn() -> UnixTime) -> Self {
        Self { now, roots: Roots::MAKERS, insecure_virtual: None, sev_snp: None, sgx: None, tdx: None }
    }

    /// Whether a node is to be talked to in the session in which it showed this.
    ///
    /// # Errors
    /// Why not.
    pub fn appraise(&self, fresh: &Fresh) -> Result<(), NotVerified> {
        let sev_snp = self.sev_snp.as_ref();
        let code = match fresh.evidence.platform {
            Platform::InsecureVirtual => self.insecure_virtual.as_ref(),
            Platform::SevSnp => sev_snp.map(|it| &it.code),
            Platform::Sgx => self.sgx.as_ref().map(|it| &it.code),
            Platform::Tdx => self.tdx.as_ref().map(|it| &it.code),
            Platform::Vbs | Platform::AzureCvm | Platform::Nitro => None,
        };
        let code = code.ok_or(NotVerified::Platform(fresh.evidence.platform.name()))?;
        let endorsers = sev_snp.into_iter().flat_map(|it| &it.endorsers);
        let trusted: Vec<_> =
            endorsers.map(|Endorser { did, feed, svn }| uvm::Trusted { did, feed, svn: *svn }).collect();
        let requirements = Requirements {
            roots: self.roots.sev_snp,
            minimum_tcb: sev_snp.and_then(|it| it.minimum_tcb.as_deref()),
            uvm: uvm::Endorsers::Only(&trusted),
            ..Requirements::STRICT
        };
        let [of_sgx, of_tdx] = [&self.sgx, &self.tdx].map(Intel::advisories);
        let [of_sgx, of_tdx] = [(&self.sgx, &of_sgx), (&self.tdx, &of_tdx)]
            .map(|(it, known)| self.of_machine(it.as_ref(), known));
        let policy = coco_attest::Policy {
            sev_snp: requirements,
            sgx: sgx::Requirements { machine: of_sgx, ..sgx::Requirements::STRICT },
            tdx: tdx::Requirements { machine: of_tdx, ..tdx::Requirements::STRICT },
            ..coco_attest::Policy::strict((self.now)())
        };
        let claims = verify(&fresh.evidence, &fresh.expected, &policy).map_err(|refusal| match refusal {
            Refusal::ReportData => NotVerified::OtherSession,
            other => other.into(),
        })?;
        let is_endorsed = matches!(&claims.details, Details::SevSnp(snp) if snp.uvm.is_some());
        let measurement = claims.measurement.as_str();
        if !is_endorsed && !code.measurements.has(measurement) {
            return Err(NotVerified::Measurement(measurement.to_owned()));
        }
        let host_data = encode_hex(claims.host_data());
        if code.host_data.has(&host_data) { Ok(()) } else { Err(NotVerified::HostData(host_data)) }
    }

    fn of_machine<'a>(
        &'a self,
        intel: Option<&'a Intel>,
        advisories: &'a [&'a str],
    ) -> dcap::Requirements<'a> {
        let strict = dcap::Requirements { root: self.roots.intel, ..dcap::Requirements::STRICT };
        intel.map_or(strict, |intel| dcap::Requirements {
            statuses: &intel.statuses,
            advisories: Advisories::Only(advisories),
            minimum_evaluation: intel.minimum_evaluation,
            ..strict
        })
    }
}

impl Intel {
    fn advisories(this: &Option<Self>) -> Vec<&str> {
        this.iter().flat_map(|it| &it.advisories).map(String::as_str).collect()
    }
}
