//! What Intel publishes about its machines: documents, certificates of who signed them, and revocation lists.

use coco_crypto::{
    Certificate, pem,
    x509::{RevocationList, UnixTime},
};
use coco_wire::text::decode_hex;
use dcap_qvl::QuoteCollateralV3;
use serde::Deserialize;

use super::{Chain, Document, Refusal, Requirements};

/// Most bytes of all of it as JSON.
const MAX_JSON_LEN: usize = 1024 * 1024;
/// Most bytes of a document; real ones have up to 8,000.
const MAX_DOCUMENT_LEN: usize = 64 * 1024;
/// Most bytes of a revocation list; real ones have up to 3,400.
const MAX_LIST_LEN: usize = 256 * 1024;
/// Most bytes of a chain of certificates as PEM; real ones have up to 3,700.
const MAX_CHAIN_LEN: usize = 16 * 1024;
const LABEL: &str = "CERTIFICATE";

/// What Intel publishes about a kind of machine (Provisioning Certification Service, version 4 of its interface).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collateral {
    /// What each version of the trusted computing base is worth: `tcbInfo`.
    pub tcb_info: Signed,
    /// Which enclaves may sign quotes: `enclaveIdentity`.
    pub qe_identity: Signed,
    /// DER of the revocation list of the root.
    pub root_list: Vec<u8>,
    /// DER of the revocation list of the authority that certified the machine's key.
    pub machine_list: Vec<u8>,
}

/// A document with its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The JSON that is signed, byte for byte.
    pub text: String,
    /// r ‖ s of ECDSA on P-256 with SHA-256.
    pub signature: Vec<u8>,
    /// PEM of the certificates of the key that signed, and of the root.
    pub issuers: String,
}

/// The JSON of [`Collateral::from_json`]. Bytes are hexadecimal.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    root_ca_crl: String,
    pck_crl: String,
    tcb_info_issuer_chain: String,
    tcb_info: String,
    tcb_info_signature: String,
    qe_identity_issuer_chain: String,
    qe_identity: String,
    qe_identity_signature: String,
    #[serde(default, rename = "pck_crl_issuer_chain")]
    _pck_crl_issuer_chain: Option<String>,
    #[serde(default, rename = "pck_certificate_chain")]
    _pck_certificate_chain: Option<String>,
}

/// What dcap-qvl says nothing about in TCB info.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TcbInfo {
    issue_date: String,
    pce_id: String,
    tcb_type: u32,
}

/// What TCB info is for.
#[derive(Deserialize)]
struct Subject {
    id: String,
    fmspc: String,
}

/// The same in the identity of a quoting enclave.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct QeIdentity {
    issue_date: String,
}

impl Collateral {
    /// Reads JSON of the form that dcap-qvl and tools around it write, with texts as they are and bytes in hexadecimal.
    /// The chains `pck_crl_issuer_chain` and `pck_certificate_chain` may be there and are not used: both are in quotes.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`] or [`Refusal::Collateral`].
    pub fn from_json(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_JSON_LEN {
            return Err(Refusal::TooLarge);
        }
        let form: Form = serde_json::from_slice(bytes).map_err(|_| Refusal::Collateral)?;
        let decode = |text: &str| decode_hex(text).map_err(|_| Refusal::Collateral);
        Ok(Self {
            tcb_info: Signed {
                signature: decode(&form.tcb_info_signature)?,
                text: form.tcb_info,
                issuers: form.tcb_info_issuer_chain,
            },
            qe_identity: Signed {
                signature: decode(&form.qe_identity_signature)?,
                text: form.qe_identity,
                issuers: form.qe_identity_issuer_chain,
            },
            root_list: decode(&form.root_ca_crl)?,
            machine_list: decode(&form.pck_crl)?,
        })
    }

    /// Checks what dcap-qvl does not: sizes, signatures of the right length, and chains that end in a certificate of
    /// this root's key with no byte too many.
    pub(super) fn check_form(&self, root: &Certificate) -> Result<(), Refusal> {
        let lists = [&self.root_list, &self.machine_list];
        if lists.iter().any(|list| list.len() > MAX_LIST_LEN) {
            return Err(Refusal::TooLarge);
        }
        for (signed, document) in
            [(&self.tcb_info, Document::TcbInfo), (&self.qe_identity, Document::QeIdentity)]
        {
            if signed.text.len() > MAX_DOCUMENT_LEN {
                return Err(Refusal::TooLarge);
            }
            if signed.signature.len() != 64 {
                return Err(Refusal::DocumentSignature(document));
            }
            let [_, last] = chain(signed.issuers.as_bytes(), Chain::Document(document))?;
            if last != root.der() {
                super::trusted_root(&last, root.public_key().id())?;
            }
        }
        Ok(())
    }

    /// Checks what dcap-qvl does not, once it believes it: of which time it is, and for which kind of machine.
    pub(super) fn check(
        &self,
        pce_id: &[u8],
        requirements: &Requirements<'_>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let tcb_info: TcbInfo = parse(&self.tcb_info.text, Document::TcbInfo)?;
        let qe_identity: QeIdentity = parse(&self.qe_identity.text, Document::QeIdentity)?;
        if tcb_info.tcb_type != 0 {
            return Err(Refusal::Document(Document::TcbInfo));
        }
        if decode_hex(&tcb_info.pce_id.to_ascii_lowercase()).as_deref() != Ok(pce_id) {
            return Err(Refusal::PceId);
        }
        let root_list = RevocationList::from_der(&self.root_list)?.validity();
        let machine_list = RevocationList::from_der(&self.machine_list)?.validity();
        if now < root_list.not_before() || now < machine_list.not_before() {
            return Err(Refusal::RevocationListDate);
        }
        // Intel makes the root's list once a year, everything else every day.
        let issued = [
            date(&tcb_info.issue_date, Document::TcbInfo)?,
            date(&qe_identity.issue_date, Document::QeIdentity)?,
            machine_list.not_before(),
        ];
        let too_old =
            |issued: UnixTime| requirements.max_age_s.is_some_and(|limit| now.0.abs_diff(issued.0) > limit);
        if issued.into_iter().any(too_old) { Err(Refusal::TooOld) } else { Ok(()) }
    }

    /// The form in which dcap-qvl takes it.
    pub(super) fn to_verify(&self) -> QuoteCollateralV3 {
        QuoteCollateralV3 {
            pck_crl_issuer_chain: String::new(),
            root_ca_crl: self.root_list.clone(),
            pck_crl: self.machine_list.clone(),
            tcb_info_issuer_chain: self.tcb_info.issuers.clone(),
            tcb_info: self.tcb_info.text.clone(),
            tcb_info_signature: self.tcb_info.signature.clone(),
            qe_identity_issuer_chain: self.qe_identity.issuers.clone(),
            qe_identity: self.qe_identity.text.clone(),
            qe_identity_signature: self.qe_identity.signature.clone(),
            pck_certificate_chain: None,
        }
    }
}

/// Checks that collateral is for the kind of machine and of hardware that a quote is of. Whether either is genuine is for
/// [`crate::sgx::verify`] and [`crate::tdx::verify`]: here is told apart what is worth showing to whoever verifies from what
/// is not.
///
/// # Errors
/// When it is for another kind, or one of the two cannot be read.
pub fn check_collateral(collateral: &Collateral, quote: &[u8]) -> Result<(), Refusal> {
    let subject: Subject = parse(&collateral.tcb_info.text, Document::TcbInfo)?;
    let platform = if super::is_tdx(quote)? { "TDX" } else { "SGX" };
    if subject.id != platform {
        return Err(Refusal::OtherPlatform(Document::TcbInfo));
    }
    let kind = super::fmspc(quote)?;
    let found = decode_hex(&subject.fmspc.to_ascii_lowercase());
    if found.as_deref() == Ok(&kind[..]) { Ok(()) } else { Err(Refusal::Fmspc) }
}

fn parse<'a, T: Deserialize<'a>>(text: &'a str, document: Document) -> Result<T, Refusal> {
    serde_json::from_str(text).map_err(|_| Refusal::Document(document))
}

fn date(text: &str, document: Document) -> Result<UnixTime, Refusal> {
    text.parse().map_err(|_| Refusal::Document(document))
}

/// DER of exactly `N` certificates, in the one text that PEM has for them; the last line feed may be missing, and a
/// zero may end it as strings of C.
pub(super) fn chain<const N: usize>(text: &[u8], which: Chain) -> Result<[Vec<u8>; N], Refusal> {
    if text.len() > MAX_CHAIN_LEN {
        return Err(Refusal::TooLarge);
    }
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    let text = std::str::from_utf8(text).map_err(|_| Refusal::Chain(which))?;
    let blocks = pem::blocks(text).map_err(|_| Refusal::Chain(which))?;
    let certificates: Vec<Vec<u8>> = blocks.iter().map(|block| block.der.to_vec()).collect();
    let canonical: String = certificates.iter().map(|der| pem::encode(LABEL, der)).collect();
    if canonical.strip_suffix('\n') != Some(text.strip_suffix('\n').unwrap_or(text)) {
        return Err(Refusal::Chain(which));
    }
    certificates.try_into().map_err(|_| Refusal::Chain(which))
}
