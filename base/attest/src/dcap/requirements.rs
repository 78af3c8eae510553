//! What is required of a machine beyond a genuine quote.

use coco_wire::Digest;
use dcap_qvl::QuoteClaims;

use super::{Machine, Refusal};

/// SHA-256 of the SubjectPublicKeyInfo of Intel's root key for provisioning: of the certificate at
/// `https://certificates.trustedservices.intel.com/Intel_SGX_Provisioning_Certification_RootCA.cer`.
pub const INTEL_ROOT: Digest = Digest(*b"\xa0\xaf\x03\x12\x89\xf5\xd5\xd4\x13\x2f\x91\x86\x06\x8a\x7f\xc1\x36\x28\x63\x3b\xa2\x35\x77\x74\x72\xe2\x9b\x6b\x6c\x67\xa4\x9e");

/// What is required of the machine that made a quote, and of what is known about it.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// Whose signature counts in the end: SHA-256 of the root key's SubjectPublicKeyInfo.
    pub root: Digest,
    /// What the trusted computing base may be worth. A revoked one is always refused.
    pub statuses: &'a [TcbStatus],
    /// Names of Intel's advisories about it that one can live with.
    pub advisories: &'a [&'a str],
    /// The least number of the evaluation: documents of an earlier one may still be valid.
    pub minimum_evaluation: u32,
    /// Most seconds since documents and revocation lists were made, other than the root's list.
    pub max_age_s: Option<u64>,
    /// What else must be so.
    pub demands: &'a [Demand],
}

/// What a trusted computing base is worth, as Intel calls it (`tcbStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TcbStatus {
    /// Nothing is known to be wrong.
    UpToDate,
    /// Software should protect itself.
    SwHardeningNeeded,
    /// The machine may be set up wrongly.
    ConfigurationNeeded,
    /// Both of these.
    ConfigurationAndSwHardeningNeeded,
    /// There is a newer version.
    OutOfDate,
    /// And the machine may be set up wrongly.
    OutOfDateConfigurationNeeded,
    /// There was a newer version when the domain was launched; now it runs on that.
    TdRelaunchAdvised,
    /// And the machine may be set up wrongly.
    TdRelaunchAdvisedConfigurationNeeded,
}

/// What else can be required of a machine. One whose certificate does not say, as those of single processors, does not
/// meet these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// No two threads share a core.
    NoSmt,
    /// No processors can be added.
    NotDynamic,
    /// Intel does not keep the machine's root keys.
    NoCachedKeys,
}

impl Requirements<'_> {
    /// What is required of a node, but for what governance adds: nothing is known to be wrong.
    pub const STRICT: Self = Self {
        root: INTEL_ROOT,
        statuses: &[TcbStatus::UpToDate],
        advisories: &[],
        minimum_evaluation: 0,
        max_age_s: None,
        demands: &[],
    };

    /// Checks a machine with a genuine quote. That the quoting enclave, or what runs now, is worth less than the whole
    /// would not show in what dcap-qvl makes of them.
    pub(super) fn check(&self, claims: &QuoteClaims, machine: &Machine) -> Result<(), Refusal> {
        if !self.statuses.contains(&machine.tcb.status) {
            return Err(Refusal::Status(machine.tcb.status));
        }
        let current = claims.platform.current_tcb_level.iter().map(|level| level.tcb_status);
        for status in current.chain([claims.qe.tcb_level.tcb_status]) {
            let status = TcbStatus::of(status).ok_or(Refusal::RevokedTcb)?;
            if status != TcbStatus::UpToDate && !self.statuses.contains(&status) {
                return Err(Refusal::Status(status));
            }
        }
        let known = |advisory: &&String| self.advisories.contains(&advisory.as_str());
        if let Some(advisory) = machine.tcb.advisories.iter().find(|advisory| !known(advisory)) {
            return Err(Refusal::Advisory(advisory.clone()));
        }
        if machine.tcb.evaluation < self.minimum_evaluation {
            return Err(Refusal::Evaluation(machine.tcb.evaluation));
        }
        match self.demands.iter().find(|demand| !demand.is_met(machine)) {
            Some(demand) => Err(Refusal::Demand(*demand)),
            None => Ok(()),
        }
    }
}

impl TcbStatus {
    /// None of a revoked one.
    pub(super) fn of(status: dcap_qvl::TcbStatus) -> Option<Self> {
        use dcap_qvl::TcbStatus as Theirs;

        match status {
            Theirs::UpToDate => Some(Self::UpToDate),
            Theirs::SWHardeningNeeded => Some(Self::SwHardeningNeeded),
            Theirs::ConfigurationNeeded => Some(Self::ConfigurationNeeded),
            Theirs::ConfigurationAndSWHardeningNeeded => Some(Self::ConfigurationAndSwHardeningNeeded),
            Theirs::OutOfDate => Some(Self::OutOfDate),
            Theirs::OutOfDateConfigurationNeeded => Some(Self::OutOfDateConfigurationNeeded),
            Theirs::TDRelaunchAdvised => Some(Self::TdRelaunchAdvised),
            Theirs::TDRelaunchAdvisedConfigurationNeeded => Some(Self::TdRelaunchAdvisedConfigurationNeeded),
            Theirs::Revoked => None,
        }
    }

    /// As Intel writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UpToDate => "UpToDate",
            Self::SwHardeningNeeded => "SWHardeningNeeded",
            Self::ConfigurationNeeded => "ConfigurationNeeded",
            Self::ConfigurationAndSwHardeningNeeded => "ConfigurationAndSWHardeningNeeded",
            Self::OutOfDate => "OutOfDate",
            Self::OutOfDateConfigurationNeeded => "OutOfDateConfigurationNeeded",
            Self::TdRelaunchAdvised => "TDRelaunchAdvised",
            Self::TdRelaunchAdvisedConfigurationNeeded => "TDRelaunchAdvisedConfigurationNeeded",
        }
    }
}

impl Demand {
    fn is_met(self, machine: &Machine) -> bool {
        let fact = match self {
            Self::NoSmt => machine.smt,
            Self::NotDynamic => machine.dynamic,
            Self::NoCachedKeys => machine.cached_keys,
        };
        fact == Some(false)
    }
}
