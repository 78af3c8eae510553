//! What is required of a machine beyond a genuine quote.

use std::str::FromStr;

use coco_wire::Digest;

use super::{Fmspc, Machine, Refusal};

/// SHA-256 of the SubjectPublicKeyInfo of Intel's root key for provisioning: of the certificate at
/// `https://certificates.trustedservices.intel.com/Intel_SGX_Provisioning_Certification_RootCA.cer`.
pub const INTEL_ROOT: Digest = Digest(*b"\xa0\xaf\x03\x12\x89\xf5\xd5\xd4\x13\x2f\x91\x86\x06\x8a\x7f\xc1\x36\x28\x63\x3b\xa2\x35\x77\x74\x72\xe2\x9b\x6b\x6c\x67\xa4\x9e");

/// What is required of the machine that made a quote, and of what is known about it.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// Whose signature counts in the end: SHA-256 of the root key's SubjectPublicKeyInfo.
    pub root: Digest,
    /// The kind of machine, if it must be one.
    pub kind: Option<Fmspc>,
    /// What the trusted computing base may be worth. A revoked one is always refused.
    pub statuses: &'a [TcbStatus],
    /// Intel's advisories about it that one can live with.
    pub advisories: Advisories<'a>,
    /// The least number of the evaluation: documents of an earlier one may still be valid.
    pub minimum_evaluation: u32,
    /// Most seconds since documents and revocation lists were made, other than the root's list.
    pub max_age_s: Option<u64>,
    /// What else must be so.
    pub demands: &'a [Demand],
}

/// Intel's advisories that one can live with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advisories<'a> {
    /// All of them.
    Any,
    /// Those with these names.
    Only(&'a [&'a str]),
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

/// A text that names no status which may be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a TCB status that may be accepted")]
pub struct UnknownStatus;

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
        kind: None,
        statuses: &[TcbStatus::UpToDate],
        advisories: Advisories::Only(&[]),
        minimum_evaluation: 0,
        max_age_s: None,
        demands: &[],
    };

    /// Checks a machine with a genuine quote.
    pub(super) fn check(&self, machine: &Machine) -> Result<(), Refusal> {
        if self.kind.is_some_and(|kind| kind != machine.fmspc) {
            return Err(Refusal::Kind(machine.fmspc));
        }
        if !self.statuses.contains(&machine.tcb.status) {
            return Err(Refusal::Status(machine.tcb.status));
        }
        let accepted =
            |status: &&TcbStatus| **status == TcbStatus::UpToDate || self.statuses.contains(status);
        if let Some(status) = machine.tcb.of_parts.iter().find(|status| !accepted(status)) {
            return Err(Refusal::Status(*status));
        }
        let known = |advisory: &&String| match self.advisories {
            Advisories::Any => true,
            Advisories::Only(names) => names.contains(&advisory.as_str()),
        };
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
    /// All that may be accepted at all.
    pub const ALL: [Self; 8] = [
        Self::UpToDate,
        Self::SwHardeningNeeded,
        Self::ConfigurationNeeded,
        Self::ConfigurationAndSwHardeningNeeded,
        Self::OutOfDate,
        Self::OutOfDateConfigurationNeeded,
        Self::TdRelaunchAdvised,
        Self::TdRelaunchAdvisedConfigurationNeeded,
    ];

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

impl FromStr for TcbStatus {
    type Err = UnknownStatus;

    /// As Intel writes it.
    fn from_str(name: &str) -> Result<Self, UnknownStatus> {
        Self::ALL.into_iter().find(|status| status.name() == name).ok_or(UnknownStatus)
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
