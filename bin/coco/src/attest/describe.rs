//! What evidence says, in words. Nothing is verified here.

pub(super) mod azure_cvm;
pub(super) mod nitro;
pub(super) mod sev_snp;
pub(super) mod sgx;
pub(super) mod tdx;
pub(super) mod tpm;
pub(super) mod vbs;

use coco_attest::insecure_virtual::Statement;

use super::{
    certificates,
    facts::Facts,
    piece::{Piece, Platform},
    verify::Refused,
};

/// What a piece of evidence says, structure by structure.
///
/// # Errors
/// When it cannot be read.
pub(super) fn describe(piece: &Piece) -> Result<Vec<Facts>, Refused> {
    let evidence = &piece.evidence;
    let mut facts = match piece.platform {
        Platform::Virtual => vec![insecure_virtual(&Statement::read(evidence)?)],
        Platform::SevSnp => sev_snp::with_endorsements(piece)?,
        Platform::Sgx => {
            let mut facts = vec![sgx::facts(&coco_attest::sgx::Enclave::of_quote(evidence)?)];
            facts.extend(certificates::describe(&coco_attest::dcap::certificates(evidence)?));
            facts
        }
        Platform::Tdx => {
            let mut facts = vec![tdx::facts(&coco_attest::tdx::Domain::of_quote(evidence)?)];
            facts.extend(certificates::describe(&coco_attest::dcap::certificates(evidence)?));
            facts
        }
        Platform::Tpm => Vec::new(),
        Platform::AzureCvm => azure_cvm::of_frame(evidence)?,
        Platform::Vbs => vec![vbs::facts(&coco_attest::vbs::Report::of_package(evidence)?)],
        Platform::Nitro => {
            let (document, chain) = coco_attest::nitro::read(evidence)?;
            let mut facts = vec![nitro::facts(&document)];
            facts.extend(certificates::describe(&chain));
            facts
        }
        Platform::EventLog => vec![tpm::log(evidence)?],
    };
    match &piece.quote {
        Some(quote) => facts.extend(tpm::quoted(quote)?),
        None if piece.platform == Platform::Tpm => facts.push(tpm::quote(evidence)?),
        None => {}
    }
    facts.extend(certificates::describe(&certificates::read(&piece.certificates)));
    Ok(facts)
}

pub(super) fn insecure_virtual(statement: &Statement) -> Facts {
    let mut facts = Facts::new("virtual", "Statement of CCF's virtual platform, which anybody can write");
    facts.text("measurement", &statement.measurement, "the same for all code");
    facts.bytes("host_data", &statement.host_data.0, "SHA-256 of the executable, by its own account");
    facts.bytes("report_data", &statement.report_data.0.0, "of a node: SHA-256 of its public key");
    facts
}
