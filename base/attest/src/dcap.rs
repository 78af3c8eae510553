//! What Intel SGX and Intel TDX share: quotes, made by an enclave of Intel's and signed with a key that the machine's
//! own key vouches for, and what Intel publishes about machines (Data Center Attestation Primitives, DCAP).
//!
//! The crate dcap-qvl verifies: certificates, revocation lists, signatures, the quoting enclave, the level of the
//! trusted computing base, debugging, migration. What it leaves out is checked here, beside it; so is everything that
//! depends on what somebody requires. It calculates with our cryptography, and is given the time. Modules in reading
//! order.
//!
//! Which bytes can be changed in accepted evidence, without any claim becoming another one:
//! - of a quote: zeros behind its signature, as many as there are; the last line feed and the zero behind the
//!   certificates (with the lengths around them). Every other byte is signed.
//! - of collateral: the last line feed and zero behind certificates. The rest of it is signed, or must be what it is.
//! - of the JSON around collateral: what JSON leaves free, and two chains that are not used.
//! - of signatures by ECDSA, (r, s) may become (r, −s): nothing is ever named by the bytes of a quote.

mod backend;
mod collateral;
mod quote;
mod reason;
mod refusal;
mod requirements;

use backend::Backend;
use coco_crypto::{
    Certificate,
    x509::{UnixTime, Validity},
};
use coco_wire::Digest;
pub use collateral::{Collateral, Signed, check_collateral};
use dcap_qvl::{PckCertFlag, QuoteClaims, QuotePolicy, verify::QuoteVerifier};
pub(crate) use quote::{DOMAIN_1_5_EX_LEN, DOMAIN_1_5_LEN};
use quote::{ENCLAVE_LEN, Quote};
pub use refusal::{Chain, Document, Forbidden, Level, QeField, Refusal, TdxModuleField};
pub use requirements::{Advisories, Demand, INTEL_ROOT, Requirements, TcbStatus, UnknownStatus};

/// Which of the two a quote is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tee {
    Sgx,
    Tdx,
}

impl Tee {
    fn id(self) -> u32 {
        match self {
            Self::Sgx => 0,
            Self::Tdx => 0x81,
        }
    }
}

/// A kind of machines: processors, packages and firmware (FMSPC).
pub type Fmspc = [u8; 6];

/// What Intel says of the machine that made a believed quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Its kind.
    pub fmspc: Fmspc,
    /// Names the machine to Intel (PPID).
    pub provisioning_id: Vec<u8>,
    /// Names it since it was last set up; of machines that may have several processors.
    pub instance_id: Option<[u8; 16]>,
    /// Protection of memory: 0 standard, 1 scalable, 2 scalable with integrity.
    pub memory: u8,
    /// Version numbers of the processor's trusted computing base.
    pub cpu_svn: [u8; 16],
    /// Version number of the enclave that certifies quoting enclaves.
    pub pce_svn: u16,
    /// Whether processors can be added; if the certificate says.
    pub dynamic: Option<bool>,
    /// Whether Intel keeps the machine's root keys; if the certificate says.
    pub cached_keys: Option<bool>,
    /// Whether threads share cores; if the certificate says.
    pub smt: Option<bool>,
    /// What its trusted computing base is worth.
    pub tcb: Tcb,
    /// When all certificates, revocation lists and documents are valid.
    pub validity: Validity,
}

/// What a trusted computing base is worth, by Intel's documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tcb {
    /// Of the machine, its quoting enclave and the module of TDX together.
    pub status: TcbStatus,
    /// Of what runs now, if the quote tells it, and of the quoting enclave: that these are worth less than the whole would
    /// not show in what dcap-qvl makes of them.
    pub of_parts: Vec<TcbStatus>,
    /// Names of Intel's advisories about it, such as `INTEL-SA-00615`.
    pub advisories: Vec<String>,
    /// Number of the evaluation that the documents are the result of: the lower one of the two.
    pub evaluation: u32,
    /// Weaknesses that Intel has published until then, and that attestation shows, are mitigated in this version.
    pub date: UnixTime,
}

/// Checks that a quote is genuine at `now`, and that its machine meets `requirements`.
pub(crate) fn verify<'a>(
    bytes: &'a [u8],
    tee: Tee,
    collateral: &Collateral,
    requirements: &Requirements<'_>,
    now: UnixTime,
) -> Result<(Quote<'a>, Machine), Refusal> {
    let quote = Quote::read(bytes, tee)?;
    let [machine, _, root] = collateral::chain(quote.certificates, Chain::Quote)?;
    let root = trusted_root(&root, requirements.root)?;
    collateral.check_form(&root)?;
    dcap_qvl::intel::parse_pck_extension_with::<Backend>(&machine).map_err(|_| Refusal::MachineExtension)?;
    let seconds = u64::try_from(now.0).map_err(|_| Refusal::NotYetValid)?;
    let claims = QuoteVerifier::<Backend>::new_with_config(root.der().to_vec())
        .verify_with_policy(bytes, collateral.to_verify(), seconds, &QuotePolicy::claims_only(seconds))
        .map_err(|error| {
            let texts: Vec<String> = error.chain().map(ToString::to_string).collect();
            reason::refusal(&texts)
        })?;
    check_qe_report_data(&quote.qe_report)?;
    collateral.check(&claims.platform.pck.pce_id, requirements, now)?;
    let machine = describe(&claims, seconds)?;
    requirements.check(&machine)?;
    Ok((quote, machine))
}

/// The body of a quote that nobody has verified.
pub(crate) fn body(quote: &[u8], tee: Tee) -> Result<&[u8], Refusal> {
    Quote::read(quote, tee).map(|quote| quote.body)
}

/// The kind of machine that made a quote, by the certificate of its key, of which nothing is believed yet.
///
/// # Errors
/// When the quote cannot be read.
pub fn fmspc(quote: &[u8]) -> Result<Fmspc, Refusal> {
    let [machine, ..] = certificates(quote)?;
    let extension = dcap_qvl::intel::parse_pck_extension_with::<Backend>(machine.der());
    extension.map(|extension| extension.fmspc).map_err(|_| Refusal::MachineExtension)
}

/// What goes with a quote of a node.
pub(crate) fn collateral_of(evidence: &crate::Evidence) -> Result<Collateral, crate::Refusal> {
    if evidence.uvm_endorsements.is_some() {
        return Err(crate::Refusal::UnexpectedEndorsements);
    }
    Ok(Collateral::from_json(&evidence.endorsements)?)
}

/// The certificates of the machine's key that a quote carries: its own, that of who certified it, the root's. Nothing of
/// them is believed yet.
///
/// # Errors
/// When the quote cannot be read.
pub fn certificates(quote: &[u8]) -> Result<[Certificate; 3], Refusal> {
    let (quote, _) = of_either(quote)?;
    let [machine, authority, root] = collateral::chain(quote.certificates, Chain::Quote)?;
    let read = |der: Vec<u8>| Certificate::from_der(&der).map_err(|_| Refusal::Certificate);
    Ok([read(machine)?, read(authority)?, read(root)?])
}

fn is_tdx(quote: &[u8]) -> Result<bool, Refusal> {
    of_either(quote).map(|(_, tee)| tee == Tee::Tdx)
}

fn of_either(quote: &[u8]) -> Result<(Quote<'_>, Tee), Refusal> {
    match Quote::read(quote, Tee::Sgx) {
        Err(Refusal::Tee(_)) => Ok((Quote::read(quote, Tee::Tdx)?, Tee::Tdx)),
        read => Ok((read?, Tee::Sgx)),
    }
}

/// The root of a chain, if its key is the trusted one. It signs itself, so that no byte of it can be changed.
fn trusted_root(der: &[u8], key: Digest) -> Result<Certificate, Refusal> {
    let root = Certificate::from_der(der).map_err(|_| Refusal::Root)?;
    let itself = root.verify_issued_by(&root).is_ok();
    if itself && root.public_key().id() == key { Ok(root) } else { Err(Refusal::Root) }
}

/// The second half of what the quoting enclave signed, whose first half is the digest of its key, must be zero.
fn check_qe_report_data(report: &[u8; ENCLAVE_LEN]) -> Result<(), Refusal> {
    let unused = &report[ENCLAVE_LEN - 32..];
    if unused.iter().all(|byte| *byte == 0) {
        Ok(())
    } else {
        Err(Refusal::QuotingEnclave(QeField::ReportData))
    }
}

fn describe(claims: &QuoteClaims, now_s: u64) -> Result<Machine, Refusal> {
    let flag = |flag| match flag {
        PckCertFlag::False => Some(false),
        PckCertFlag::True => Some(true),
        PckCertFlag::Undefined => None,
    };
    let platform = &claims.platform;
    let mut advisories = claims.tcb.advisory_ids.clone();
    let of_current = platform.current_tcb_level.iter().flat_map(|level| &level.advisory_ids);
    for advisory in of_current {
        if !advisories.contains(advisory) {
            advisories.push(advisory.clone());
        }
    }
    let status = TcbStatus::of(claims.tcb.status).ok_or(Refusal::RevokedTcb)?;
    let parts = platform.current_tcb_level.iter().map(|level| level.tcb_status);
    let of_parts = parts.chain([claims.qe.tcb_level.tcb_status]).map(TcbStatus::of);
    let tcb = Tcb {
        status,
        of_parts: of_parts.collect::<Option<_>>().ok_or(Refusal::RevokedTcb)?,
        advisories,
        evaluation: claims.tcb.eval_data_number,
        date: time(platform.tcb_date_tag)?,
    };
    let pck = &platform.pck;
    Ok(Machine {
        fmspc: pck.fmspc,
        provisioning_id: pck.ppid.clone(),
        instance_id: pck.platform_instance_id,
        memory: pck.sgx_type,
        cpu_svn: pck.cpu_svn,
        pce_svn: pck.pce_svn,
        dynamic: flag(pck.dynamic_platform),
        cached_keys: flag(pck.cached_keys),
        smt: flag(pck.smt_enabled),
        tcb,
        validity: validity(claims, now_s)?,
    })
}

/// When everything is valid, which must be now: nobody else looks at the dates of the root. The end of a list or
/// document is the time when the next one is due, so it is not valid then any more.
fn validity(claims: &QuoteClaims, now_s: u64) -> Result<Validity, Refusal> {
    let (begin, end) = (claims.latest_issue_date, claims.earliest_expiration_date);
    if now_s < begin {
        return Err(Refusal::NotYetValid);
    }
    if now_s >= end {
        return Err(Refusal::Expired);
    }
    let last = time(end)?;
    Validity::new(time(begin)?, UnixTime(last.0 - 1)).map_err(|_| Refusal::Expired)
}

fn time(seconds: u64) -> Result<UnixTime, Refusal> {
    i64::try_from(seconds).map(UnixTime).map_err(|_| Refusal::NotYetValid)
}

#[cfg(test)]
mod tests;
