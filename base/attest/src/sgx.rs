//! Intel SGX: the processor reports what enclave runs, and an enclave of Intel's signs that as a quote of version 3.
//!
//! Verification is pure and bounded, and takes the time as an argument. What SGX shares with TDX is in
//! [`crate::dcap`], which also says which bytes of evidence can be changed.
//!
//! What the host configures, CONFIGID, is only there for enclaves with key separation and sharing (KSS); for others it is
//! zeros. Its security version, CONFIGSVN, is the host's affair alone, and nobody requires anything of it.

mod enclave;

use coco_crypto::x509::UnixTime;
pub use enclave::{Attributes, Enclave};

use crate::{
    Details, Measurement, Policy, ReportData,
    dcap::{self, Collateral, Forbidden, Machine, Refusal, Tee},
};

/// What a believed quote says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// What runs.
    pub enclave: Enclave,
    /// Where.
    pub machine: Machine,
}

/// What is required of a quote. Debugging is always refused, and so is code that is not of 64 bits.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// Of the machine.
    pub machine: dcap::Requirements<'a>,
    /// All of the report data, if it must be something.
    pub report_data: Option<[u8; 64]>,
    /// Keys that the enclave may have.
    pub keys: &'a [Key],
}

/// Keys that an enclave can derive if its attributes say so, and that none needs which is not Intel's or a launcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// It names the machine to Intel.
    Provisioning,
    /// It decides which enclaves are launched.
    Launch,
}

impl Requirements<'_> {
    /// What is required of a node, but for what governance adds.
    pub const STRICT: Self = Self { machine: dcap::Requirements::STRICT, report_data: None, keys: &[] };

    fn check(&self, enclave: &Enclave) -> Result<(), Refusal> {
        let attributes = enclave.attributes;
        let forbidden = [
            (!attributes.initialised(), Forbidden::Uninitialised),
            (!attributes.mode64(), Forbidden::NotMode64),
            (
                attributes.provisioning_key() && !self.keys.contains(&Key::Provisioning),
                Forbidden::ProvisioningKey,
            ),
            (attributes.launch_key() && !self.keys.contains(&Key::Launch), Forbidden::LaunchKey),
        ];
        if let Some((_, reason)) = forbidden.into_iter().find(|(forbidden, _)| *forbidden) {
            return Err(Refusal::Forbidden(reason));
        }
        match self.report_data {
            Some(expected) if expected != enclave.report_data => Err(Refusal::ReportData),
            _ => Ok(()),
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
    let (quote, machine) = dcap::verify(quote, Tee::Sgx, collateral, &requirements.machine, now)?;
    let enclave = Enclave::read(quote.body)?;
    requirements.check(&enclave)?;
    Ok(Claims { enclave, machine })
}

/// The claims of evidence of a node.
pub(crate) fn appraise(
    evidence: &crate::Evidence,
    expected: &ReportData,
    policy: &Policy<'_>,
) -> Result<crate::Claims, crate::Refusal> {
    let collateral = dcap::collateral_of(evidence)?;
    let requirements = Requirements { report_data: Some(expected.padded()), ..policy.sgx };
    let claims = verify(&evidence.quote, &collateral, &requirements, policy.now)?;
    Ok(crate::Claims {
        measurement: Measurement::of_bytes(&claims.enclave.measurement),
        details: Details::Sgx(Box::new(claims)),
    })
}

#[cfg(test)]
mod tests;
