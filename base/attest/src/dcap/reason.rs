//! Why dcap-qvl refuses: it says so in words, which are given their names here.
//!
//! The words of version 0.7.1, to which the workspace is pinned. Nothing is believed because of them: whatever dcap-qvl
//! refuses is refused, at worst as [`Refusal::Unnamed`].

use coco_crypto::x509::InvalidRevocationList;

use super::{Document, Forbidden, Level, QeField, Refusal, TdxModuleField};

/// Revocation lists that it cannot read.
const LISTS: [&str; 2] = ["Failed to parse root CA CRL", "Failed to parse PCK CRL"];
/// Lists whose bytes are no list.
const MALFORMED: [&str; 3] = ["BadDer", "TrailingData", "Invalid"];

/// Beginnings of what it says, the more telling ones first; those that are one word are of its verifier of
/// certificates.
const NAMES: &[(&str, Refusal)] = &[
    ("Unknown QE vendor ID", Refusal::Vendor),
    ("Unsupported DCAP attestation key type", Refusal::KeyType),
    ("Failed to decode TcbInfo", Refusal::Document(Document::TcbInfo)),
    ("Failed to parse TCB Info issue date", Refusal::Document(Document::TcbInfo)),
    ("Failed to parse TCB Info next update", Refusal::Document(Document::TcbInfo)),
    ("Failed to decode TCB FMSPC", Refusal::Document(Document::TcbInfo)),
    ("SGX component count mismatch", Refusal::Document(Document::TcbInfo)),
    ("TDX component count mismatch", Refusal::Document(Document::TcbInfo)),
    ("TDX TCB Info is missing tdxModule", Refusal::Document(Document::TcbInfo)),
    ("Failed to decode tdxModule", Refusal::Document(Document::TcbInfo)),
    ("tdxModule", Refusal::Document(Document::TcbInfo)),
    ("Invalid TCB level tcbDate", Refusal::Document(Document::TcbInfo)),
    ("Invalid TDX module tcbDate", Refusal::Document(Document::TcbInfo)),
    ("Failed to parse platform TCB date", Refusal::Document(Document::TcbInfo)),
    ("Failed to decode QeIdentity", Refusal::Document(Document::QeIdentity)),
    ("No TCB levels found in QE Identity", Refusal::Document(Document::QeIdentity)),
    ("Failed to parse QE Identity issue date", Refusal::Document(Document::QeIdentity)),
    ("Failed to parse QE Identity next update", Refusal::Document(Document::QeIdentity)),
    ("TCBInfo issue date is in the future", Refusal::DocumentNotYetValid(Document::TcbInfo)),
    ("QE Identity issue date is in the future", Refusal::DocumentNotYetValid(Document::QeIdentity)),
    ("TCBInfo expired", Refusal::DocumentExpired(Document::TcbInfo)),
    ("QE Identity expired", Refusal::DocumentExpired(Document::QeIdentity)),
    ("Signature is invalid for tcb_info", Refusal::DocumentSignature(Document::TcbInfo)),
    ("Signature is invalid for qe_identity", Refusal::DocumentSignature(Document::QeIdentity)),
    ("Unsupported QE Identity id/version", Refusal::OtherPlatform(Document::QeIdentity)),
    ("TDX quote with non-TDX TCB info", Refusal::OtherPlatform(Document::TcbInfo)),
    ("SGX quote with non-SGX TCB info", Refusal::OtherPlatform(Document::TcbInfo)),
    ("Signature is invalid for qe_report", Refusal::QeSignature),
    ("Invalid QE auth data length", Refusal::AttestationKey),
    ("QE report hash mismatch", Refusal::AttestationKey),
    ("QE MRSIGNER mismatch", Refusal::QuotingEnclave(QeField::Signer)),
    ("QE ISVPRODID mismatch", Refusal::QuotingEnclave(QeField::Product)),
    ("QE MISCSELECT mismatch", Refusal::QuotingEnclave(QeField::MiscSelect)),
    ("QE ATTRIBUTES mismatch", Refusal::QuotingEnclave(QeField::Attributes)),
    ("QE report validation failed", Refusal::QuotingEnclave(QeField::Attributes)),
    ("QE ISVSVN", Refusal::NoTcbLevel(Level::QuotingEnclave)),
    ("ISV enclave report signature is invalid", Refusal::QuoteSignature),
    ("Fmspc mismatch", Refusal::Fmspc),
    ("TDX module MRSIGNER mismatch", Refusal::TdxModule(TdxModuleField::Signer)),
    ("TDX module SEAMATTRIBUTES", Refusal::TdxModule(TdxModuleField::Attributes)),
    ("No TDX module identity", Refusal::NoTcbLevel(Level::TdxModule)),
    ("TDX module ISVSVN", Refusal::NoTcbLevel(Level::TdxModule)),
    ("No matching TCB level found", Refusal::NoTcbLevel(Level::Machine)),
    ("TCB status is invalid: Revoked", Refusal::RevokedTcb),
    ("Debug mode is enabled", Refusal::Forbidden(Forbidden::Debug)),
    ("TD profiling is enabled", Refusal::Forbidden(Forbidden::Profiling)),
    ("TD migration is enabled", Refusal::Forbidden(Forbidden::Migration)),
    ("Invalid MR service TD", Refusal::Forbidden(Forbidden::ServiceDomain)),
    ("SERVTD_EXT is enabled", Refusal::Forbidden(Forbidden::ServiceDomain)),
    ("SEPT_VE_DISABLE is not enabled", Refusal::Forbidden(Forbidden::EptViolations)),
    ("Reserved bits in TD attributes are set", Refusal::Forbidden(Forbidden::Attributes)),
    ("CertNotValidYet", Refusal::NotYetValid),
    ("CertExpired", Refusal::Expired),
    ("CertRevoked", Refusal::Revoked),
    ("CrlExpired", Refusal::RevocationListDate),
    ("UnknownRevocationStatus", Refusal::NoRevocationList),
    ("InvalidCrlSignatureForPublicKey", Refusal::RevocationListSignature),
    ("IssuerNotCrlSigner", Refusal::RevocationListSignature),
    ("UnknownIssuer", Refusal::ChainSignature),
    ("InvalidSignatureForPublicKey", Refusal::ChainSignature),
    ("Failed to verify certificate chain", Refusal::Certificate),
    ("Failed to parse TCB Info leaf certificate", Refusal::Certificate),
    ("Failed to parse QE Identity leaf certificate", Refusal::Certificate),
];

/// The name of a refusal, from all that is said.
pub(super) fn refusal(texts: &[String]) -> Refusal {
    let is_said = |words: &str| texts.iter().any(|text| text.starts_with(words));
    match NAMES.iter().find(|(words, _)| is_said(words)) {
        Some((_, refusal)) => refusal.clone(),
        None if !LISTS.into_iter().any(is_said) => Refusal::Unnamed,
        None if MALFORMED.into_iter().any(is_said) => InvalidRevocationList::Malformed.into(),
        None => InvalidRevocationList::Unsupported.into(),
    }
}
