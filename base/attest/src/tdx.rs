//! Intel TDX: a module of Intel's measures virtual machines, and an enclave of Intel's signs that as a quote of
//! version 4 or 5.
//!
//! Verification is pure and bounded, and takes the time as an argument. What TDX shares with SGX is in
//! [`crate::dcap`], which also says which bytes of evidence can be changed.

mod domain;

use coco_crypto::x509::UnixTime;
pub use domain::{Attributes, Current, Domain, Extended};

use crate::{
    Details, Measurement, Policy, ReportData,
    dcap::{self, Collateral, Forbidden, Machine, Refusal, Tee},
};

/// What a believed quote says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// What runs.
    pub domain: Domain,
    /// Where.
    pub machine: Machine,
}

/// What is required of a quote. Debugging, profiling, migration, service domains and conversion of EPT violations are
/// always refused.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// Of the machine.
    pub machine: dcap::Requirements<'a>,
    /// All of the report data, if it must be something.
    pub report_data: Option<[u8; 64]>,
    /// What else must be so.
    pub demands: &'a [Demand],
}

/// What else can be required of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// It may not use protection keys of supervisors (PKS).
    NoProtectionKeys,
    /// It may not use Key Locker (KL).
    NoKeyLocker,
    /// It may not use counters of performance (PERFMON).
    NoCounters,
    /// It may not provision devices (TPA).
    NoProvisioningAgent,
    /// It may use no other extended features of the processor than these (XFAM).
    Features(u64),
}

impl Requirements<'_> {
    /// What is required of a node, but for what governance adds.
    pub const STRICT: Self = Self { machine: dcap::Requirements::STRICT, report_data: None, demands: &[] };

    fn check(&self, domain: &Domain) -> Result<(), Refusal> {
        if domain.names_service_domains() {
            return Err(Refusal::Forbidden(Forbidden::ServiceDomain));
        }
        if let Some(demand) = self.demands.iter().find(|demand| !demand.is_met(domain)) {
            return Err(Refusal::Domain(*demand));
        }
        match self.report_data {
            Some(expected) if expected != domain.report_data => Err(Refusal::ReportData),
            _ => Ok(()),
        }
    }
}

impl Demand {
    /// Extended features of which the processor keeps only operands of instructions: x87, SSE, AVX, AVX-512, protection
    /// keys of users, shadow stacks (CET), AMX. Others trace or interrupt a domain.
    pub const OPERANDS: u64 = 0x6_1ae7;

    /// What a domain is held to by whoever says nothing else.
    pub const STRICT: [Self; 5] = [
        Self::NoProtectionKeys,
        Self::NoKeyLocker,
        Self::NoCounters,
        Self::NoProvisioningAgent,
        Self::Features(Self::OPERANDS),
    ];

    /// Whether a domain meets it.
    #[must_use]
    pub fn is_met(self, domain: &Domain) -> bool {
        match self {
            Self::NoProtectionKeys => !domain.attributes.protection_keys(),
            Self::NoKeyLocker => !domain.attributes.key_locker(),
            Self::NoCounters => !domain.attributes.counters(),
            Self::NoProvisioningAgent => !domain.attributes.provisioning_agent(),
            Self::Features(allowed) => domain.features & !allowed == 0,
        }
    }
}

/// Checks that a quote is genuine at `now` and meets `requirements`.
///
/// # Errors
/// See [`Refusal`].
pub fn verify(
    quote: &[u8],
    collateral: &Collateral,
    requirements: &Requirements<'_>,
    now: UnixTime,
) -> Result<Claims, Refusal> {
    let (quote, machine) = dcap::verify(quote, Tee::Tdx, collateral, &requirements.machine, now)?;
    let domain = Domain::read(quote.body)?;
    requirements.check(&domain)?;
    Ok(Claims { domain, machine })
}

/// The claims of evidence of a node.
pub(crate) fn appraise(
    evidence: &crate::Evidence,
    expected: &ReportData,
    policy: &Policy<'_>,
) -> Result<crate::Claims, crate::Refusal> {
    let collateral = dcap::collateral_of(evidence)?;
    let requirements = Requirements { report_data: Some(expected.padded()), ..policy.tdx };
    let claims = verify(&evidence.quote, &collateral, &requirements, policy.now)?;
    Ok(crate::Claims {
        measurement: Measurement::of_bytes(&claims.domain.measurement),
        details: Details::Tdx(Box::new(claims)),
    })
}

#[cfg(test)]
mod tests;
