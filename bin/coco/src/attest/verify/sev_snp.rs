//! Reports of AMD SEV-SNP.

use coco_attest::sev_snp::{
    Claims, Endorsements, Processor, Product, Providers, Refusal, Report, Requirements, Roots, Signer,
    TcbVersion, Vmpl,
    certificates::{InvalidEndorsements, of_azure},
    uvm::{AZURE, Endorsers},
    verify,
};
use coco_crypto::Certificate;
use coco_wire::{Digest, text::encode_hex};

use super::{Asked, Misuse, NotShown, Refused, Verdict};
use crate::attest::{
    certificates, describe,
    facts::printable,
    piece::{Piece, Platform},
};

const OPTIONS: [&str; 9] = [
    "endorsements",
    "uvm-endorsements",
    "collateral",
    "root",
    "report-data",
    "measurement",
    "host-data",
    "minimum-tcb",
    "accept",
];
const ACCEPTS: &str =
    "vmpl-1 to vmpl-3, version-2, provider:NAME, or did:x509:... of who endorses the utility VM";

/// What is asked that the verifier is to look at, in its own terms.
pub(super) struct Terms<'a> {
    certificates: Vec<u8>,
    lists: Vec<Vec<u8>>,
    uvm: Option<&'a [u8]>,
    roots: Roots,
    vmpl: Vmpl,
    oldest_version: u32,
    providers: Vec<&'a str>,
    minimum: Option<Vec<(Processor, TcbVersion)>>,
}

pub(super) fn judge(piece: &Piece, asked: &Asked) -> Result<Verdict, NotShown> {
    asked.only(Platform::SevSnp, &OPTIONS)?;
    asked.accepts_only(Platform::SevSnp, ACCEPTS, is_acceptable)?;
    let report = Report::read(&piece.evidence)?;
    let terms = Terms::of(&report, piece, asked)?;
    let report_data = asked.report_data::<64>(piece)?;
    let claims = terms.verify(&piece.evidence, report_data, asked)?;
    let mut verdict = Verdict::default();
    terms.tell(&claims, asked, &mut verdict)?;
    verdict.report_data(asked, piece);
    verdict.says(describe::sev_snp::facts(&claims.report, Some(claims.product)));
    Ok(verdict)
}

pub(super) fn is_acceptable(what: &str) -> bool {
    matches!(what, "vmpl-1" | "vmpl-2" | "vmpl-3" | "version-2")
        || what.starts_with("provider:")
        || what.starts_with("did:x509:")
}

impl<'a> Terms<'a> {
    pub(super) fn of(report: &Report, piece: &'a Piece, asked: &'a Asked) -> Result<Self, NotShown> {
        let given = asked.certificates(piece);
        if given.is_empty() {
            let needed =
                "--endorsements FILE: the certificates of its chip, of who signed that, and of AMD's root";
            return Err(Misuse::Missing { needed, platform: piece.platform }.into());
        }
        let certificates = match of_azure(&given, report) {
            Ok(text) => text,
            Err(InvalidEndorsements::Tcb { endorsed, reported }) => {
                return Err(Refusal::EndorsedTcb { endorsed, reported }.into());
            }
            Err(_) => given,
        };
        let providers = asked.accept.iter().filter_map(|what| what.strip_prefix("provider:"));
        let level = format!("vmpl-{}", report.vmpl);
        Ok(Self {
            certificates,
            lists: asked.revocation_lists(),
            uvm: asked.uvm.as_deref().or(piece.uvm.as_deref()),
            roots: roots(report, asked.root.as_ref()),
            vmpl: Vmpl::Exactly(if asked.accepts(&level) { report.vmpl } else { 0 }),
            oldest_version: if asked.accepts("version-2") { 2 } else { Requirements::STRICT.oldest_version },
            providers: providers.collect(),
            minimum: asked.minimum_tcb.as_deref().map(|text| minimum(report, text)).transpose()?,
        })
    }

    /// The report that was verified up to a root.
    fn verify(
        &self,
        report: &[u8],
        report_data: Option<[u8; 64]>,
        asked: &Asked,
    ) -> Result<Claims, NotShown> {
        let lists: Vec<&[u8]> = self.lists.iter().map(Vec::as_slice).collect();
        Ok(verify(report, &self.endorsements(&lists), &self.requirements(report_data), asked.now)?)
    }

    pub(super) fn endorsements<'b>(&'b self, revocation_lists: &'b [&'b [u8]]) -> Endorsements<'b> {
        Endorsements { certificates: &self.certificates, revocation_lists, uvm: self.uvm }
    }

    /// The lists, as they are to be handed on.
    pub(super) fn lists(&self) -> Vec<&[u8]> {
        self.lists.iter().map(Vec::as_slice).collect()
    }

    pub(super) fn requirements(&self, report_data: Option<[u8; 64]>) -> Requirements<'_> {
        Requirements {
            roots: self.roots,
            oldest_version: self.oldest_version,
            vmpl: self.vmpl,
            providers: Providers::Only(&self.providers),
            report_data,
            minimum_tcb: self.minimum.as_deref(),
            // Who endorses is judged when it is known who that is.
            uvm: Endorsers::Anyone,
            ..Requirements::STRICT
        }
    }

    /// Says what was found, and holds the rest of what was asked for against it.
    pub(super) fn tell(&self, claims: &Claims, asked: &Asked, verdict: &mut Verdict) -> Result<(), NotShown> {
        let chain = certificates::read(&self.certificates);
        let product = claims.product.name();
        let why = match asked.root {
            Some(_) => format!("trusted because you named it (--root), as that of {product} processors"),
            None => format!("AMD's root key of {product} processors, which this program knows"),
        };
        verdict.trust_all(certificates::followed(&chain, &why));
        let end = chain.first().map(certificates::name).unwrap_or_default();
        match &claims.signer {
            Signer::Chip(chip) => verdict.trust(format!(
                "The key of `{end}` signed the report. It is the key of one chip, {}, at the reported TCB.",
                encode_hex(&chip[..claims.product.chip_id_len()])
            )),
            Signer::Provider(name) => verdict.trust(format!(
                "The key of `{end}` signed the report. It is a key of the provider {}, which you accept: which of \
                 its machines it was is not known.",
                printable(name)
            )),
        }
        verdict.trust("The committed TCB is not older than the reported one, nor the current one than that.");
        verdict.trust(format!(
            "The host can neither debug nor migrate the guest. The report was asked for at VMPL {}.",
            claims.report.vmpl
        ));
        verdict.valid(claims.validity);
        self.tell_rest(claims, asked, verdict)
    }

    fn tell_rest(&self, claims: &Claims, asked: &Asked, verdict: &mut Verdict) -> Result<(), NotShown> {
        match self.lists.len() {
            0 => verdict
                .not_checked("whether AMD has revoked a certificate: no revocation list (--collateral)"),
            count => {
                verdict.trust(format!("{count} revocation lists of the chain do not name its certificates."));
            }
        }
        let option = ("measurement", asked.measurement.as_deref());
        match &claims.uvm {
            Some(uvm) => {
                endorser(uvm, asked, verdict)?;
                if option.1.is_some() {
                    verdict.compare("measurement", option, &claims.report.measurement, "")?;
                }
            }
            None => {
                verdict.compare("measurement", option, &claims.report.measurement, "any guest may run")?;
            }
        }
        let option = ("host-data", asked.host_data.as_deref());
        verdict.compare(
            "host data",
            option,
            &claims.report.host_data,
            "the host may have configured anything",
        )?;
        match &asked.minimum_tcb {
            Some(text) => {
                verdict.holds(format!("the reported, committed and launch TCB are not older than {text}"));
            }
            None => {
                verdict.not_checked("the age of the firmware (--minimum-tcb): it may have known weaknesses");
            }
        }
        Ok(())
    }
}

/// Holds who endorses the utility VM against who may.
fn endorser(
    uvm: &coco_attest::sev_snp::uvm::Claims,
    asked: &Asked,
    verdict: &mut Verdict,
) -> Result<(), NotShown> {
    let known = AZURE.iter().any(|trusted| {
        (trusted.did, trusted.feed) == (uvm.did.as_str(), uvm.feed.as_str()) && trusted.svn <= uvm.svn
    });
    let why = if known {
        "one of Azure's that CCF trusts"
    } else if asked.accept.contains(&uvm.did) {
        "accepted because you said so (--accept)"
    } else {
        let refusal = coco_attest::sev_snp::uvm::Refusal::NotTrusted;
        return Err(Refused::SevSnp(refusal.into()).into());
    };
    let (did, feed) = (printable(&uvm.did), printable(&uvm.feed));
    verdict.trust(format!(
        "The measurement is that of a utility VM that `{did}` endorses as `{feed}`, security version {}: {why}.",
        uvm.svn
    ));
    Ok(())
}

/// The makers' roots, or for the line of the report's processor the one that was named.
pub(in crate::attest) fn roots(report: &Report, root: Option<&Certificate>) -> Roots {
    let Some(root) = root else { return Roots::AMD };
    let (id, none) = (root.public_key().id(), Digest::ZERO);
    let product = describe::sev_snp::product(report);
    let of = |line| if product == Some(line) { id } else { none };
    Roots { milan: of(Product::Milan), genoa: of(Product::Genoa), turin: of(Product::Turin) }
}

/// The least versions for the processor of the report; for none if it does not name it.
fn minimum(report: &Report, text: &str) -> Result<Vec<(Processor, TcbVersion)>, Misuse> {
    let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let packed = u64::from_str_radix(text, 16).ok().filter(|_| digits);
    let packed =
        packed.ok_or(Misuse::MinimumTcb("16 hexadecimal digits on SEV-SNP, as reports have them"))?;
    let product = describe::sev_snp::product(report);
    let row =
        report.processor.zip(product).map(|(processor, product)| (processor, product.tcb_version(packed)));
    Ok(row.into_iter().collect())
}
