//! Enclaves of Windows.

use coco_attest::vbs::{Boot, Claims, Evidence, Pin, Report, Requirements, SecureKernel, verify};
use coco_wire::Digest;

use super::{Asked, Misuse, NotShown, Verdict, tpm};
use crate::attest::{
    certificates, describe,
    facts::date,
    piece::{Piece, Platform},
};

const OPTIONS: [&str; 11] = [
    "endorsements",
    "root",
    "key",
    "boot-authority",
    "report-data",
    "nonce",
    "measurement",
    "host-data",
    "register",
    "minimum-tcb",
    "accept",
];

pub(super) fn judge(piece: &Piece, asked: &Asked) -> Result<Verdict, NotShown> {
    asked.only(Platform::Vbs, &OPTIONS)?;
    asked.accepts_only(Platform::Vbs, tpm::ACCEPTS, |what| what.eq_ignore_ascii_case("sha1"))?;
    let report = Report::of_package(&piece.evidence)?;
    let terms = Terms::of(&report, piece, asked)?;
    let mut verdict = Verdict::default();
    match &piece.quote {
        Some(_) => measured(piece, asked, &terms, &mut verdict)?,
        None => certified(piece, asked, &terms, &mut verdict)?,
    }
    verdict.trust("The host can debug neither the enclave nor Windows under it.");
    let identity = &report.identity;
    let option = ("measurement", asked.measurement.as_deref());
    verdict.compare("measurement", option, &identity.image.unique_id, "any enclave may run")?;
    let option = ("host-data", asked.host_data.as_deref());
    verdict.compare("host data", option, &identity.owner_id, "anybody may have created the enclave")?;
    verdict.not_checked("the other modules of the enclave: compare those below with the ones that you know");
    match &asked.minimum_tcb {
        Some(number) => verdict.holds(format!("the secure kernel is not older than {number}")),
        None => {
            verdict.not_checked("the age of the secure kernel (--minimum-tcb): it may have known weaknesses");
        }
    }
    verdict.report_data(asked, piece);
    verdict.says(describe::vbs::facts(&report));
    Ok(verdict)
}

/// What is asked of an enclave: whatever it is counts, as it is compared later.
struct Terms {
    enclave_data: Option<[u8; 64]>,
    images: Vec<Pin>,
    secure_kernel_svn: u32,
    boot_authorities: Vec<Digest>,
    roots: Vec<Digest>,
}

impl Terms {
    fn of(report: &Report, piece: &Piece, asked: &Asked) -> Result<Self, Misuse> {
        let modules = report.modules.iter().map(|module| Pin::Exactly(module.image.unique_id));
        let number = asked.minimum_tcb.as_deref().map(str::parse::<u32>).transpose();
        let wanted = "the security version of the secure kernel on Windows, such as 7";
        Ok(Self {
            enclave_data: asked.report_data(piece)?,
            images: modules.chain([Pin::Exactly(report.identity.image.unique_id)]).collect(),
            secure_kernel_svn: number.map_err(|_| Misuse::MinimumTcb(wanted))?.unwrap_or(0),
            boot_authorities: asked
                .boot_authorities
                .iter()
                .map(coco_crypto::Certificate::fingerprint)
                .collect(),
            roots: asked.root.iter().map(|root| root.public_key().id()).collect(),
        })
    }

    fn requirements(&self) -> Requirements<'_> {
        Requirements {
            enclave_data: self.enclave_data,
            enclaves: &self.images,
            modules: &self.images,
            secure_kernel_svn: self.secure_kernel_svn,
            boot_authorities: &self.boot_authorities,
            health_roots: &self.roots,
            ..Requirements::STRICT
        }
    }
}

/// By what a TPM says of the boot.
fn measured(piece: &Piece, asked: &Asked, terms: &Terms, verdict: &mut Verdict) -> Result<(), NotShown> {
    let quote = tpm::needed(piece)?;
    let of_tpm = tpm::Terms::of(quote, piece, asked)?;
    let signing = tpm::SigningKey::of(piece, asked)?;
    let shown = of_tpm.evidence(signing.key());
    let evidence = Evidence { report: &piece.evidence, secure_kernel: SecureKernel::Measured(shown) };
    let required = of_tpm.requirements();
    let claims = signing.with(&required, |tpm| {
        verify(&evidence, &Requirements { tpm: *tpm, ..terms.requirements() }, asked.now)
    })?;
    let Claims { boot: Boot::Measured(boot), key, .. } = &claims else { return Ok(()) };
    signing.tell(&boot.tpm, verdict);
    of_tpm.tell(&boot.tpm, verdict);
    verdict.trust(format!(
        "By the log, firmware started only what the authorities that you named vouch for (--boot-authority), and \
         Windows started a secure kernel with the key {}.",
        key.id()
    ));
    verdict.trust("This key of the secure kernel signed the report.");
    for facts in describe::tpm::quoted(quote)? {
        verdict.says(facts);
    }
    Ok(())
}

/// By what a Host Guardian Service says of the boot.
fn certified(piece: &Piece, asked: &Asked, terms: &Terms, verdict: &mut Verdict) -> Result<(), NotShown> {
    let text = asked.certificates(piece);
    if text.is_empty() || asked.root.is_none() {
        let needed = "the health certificate and its root (--endorsements), which you trust (--root); or what a \
                      TPM says of the boot: JSON with `report`, `quote` and `event_log`";
        return Err(Misuse::Missing { needed, platform: Platform::Vbs }.into());
    }
    let evidence = Evidence { report: &piece.evidence, secure_kernel: SecureKernel::Certified(&text) };
    let claims = verify(&evidence, &terms.requirements(), asked.now)?;
    let why = "trusted because you named it (--root)";
    verdict.trust_all(certificates::followed(&certificates::read(&text), why));
    verdict.trust(format!("The certified key of a secure kernel, {}, signed the report.", claims.key.id()));
    if let Boot::Certified(validity) = &claims.boot {
        let (begin, end) = (date(validity.not_before()), date(validity.not_after()));
        verdict.trust(format!("Both certificates are valid from {begin} to {end}."));
    }
    verdict.not_checked("how Windows was started: that is the word of who certified the secure kernel's key");
    Ok(())
}
