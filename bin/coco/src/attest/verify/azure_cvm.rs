//! Confidential VMs of Azure.

use coco_attest::{
    azure_cvm::{Claims, Evidence, Frame, Hardware, Requirements, must_bind, verify_snp, verify_tdx},
    sev_snp::{self, Report},
};

use super::{Asked, Misuse, NotShown, Verdict, dcap, sev_snp as snp, tpm};
use crate::attest::{
    describe,
    piece::{Piece, Platform},
};

const OPTIONS: [&str; 10] = [
    "endorsements",
    "collateral",
    "root",
    "report-data",
    "nonce",
    "measurement",
    "host-data",
    "register",
    "minimum-tcb",
    "accept",
];

pub(super) fn judge(piece: &Piece, asked: &Asked) -> Result<Verdict, NotShown> {
    let frame = Frame::read(&piece.evidence)?;
    asked.only(Platform::AzureCvm, &OPTIONS)?;
    let quote = tpm::needed(piece)?;
    let mut verdict = Verdict::default();
    let terms = tpm::Terms::of(quote, piece, asked)?;
    let evidence = Evidence { report: &piece.evidence, quoted: terms.quoted(), log: terms.log() };
    // A node is named by the nonce of the quote only.
    let user_data = match asked.report_data {
        Some(_) => asked.report_data::<64>(piece)?,
        None => None,
    };
    let requirements = Requirements { tpm: terms.requirements(), user_data, demands: &[] };
    let claims = match frame.hardware {
        Hardware::Snp(report) => on_snp(report, (piece, asked), &evidence, &requirements, &mut verdict)?,
        Hardware::Tdx(_) => on_tdx((piece, asked), &evidence, &requirements, &mut verdict)?,
    };
    verdict.trust(
        "The hardware is bound to what Azure's paravisor says of the machine, and so to the key of its TPM. That \
         this TPM says the truth rests on the paravisor, which the hardware measured.",
    );
    terms.tell(&claims.tpm, &mut verdict);
    match user_data {
        Some(_) => verdict.holds("the user data of the machine, as asked (--report-data)"),
        None => verdict.not_checked("the user data of the machine (--report-data)"),
    }
    verdict.says(describe::azure_cvm::runtime(&claims.runtime, &frame));
    for facts in describe::tpm::quoted(quote)? {
        verdict.says(facts);
    }
    Ok(verdict)
}

fn on_snp<'a>(
    report: &[u8],
    (piece, asked): (&Piece, &Asked),
    evidence: &Evidence<'a>,
    requirements: &Requirements<'_>,
    verdict: &mut Verdict,
) -> Result<Claims<'a>, NotShown> {
    let takes = "sha1, version-2, or provider:NAME";
    asked.accepts_only(Platform::AzureCvm, takes, |what| {
        what.eq_ignore_ascii_case("sha1") || what == "version-2" || what.starts_with("provider:")
    })?;
    let parsed = Report::read(report)?;
    let terms = snp::Terms::of(&parsed, piece, asked)?;
    let lists = terms.lists();
    let (hardware, claims): (sev_snp::Claims, _) = verify_snp(
        evidence,
        &terms.endorsements(&lists),
        &terms.requirements(None),
        requirements,
        asked.now,
    )?;
    terms.tell(&hardware, asked, verdict)?;
    verdict.says(describe::sev_snp::facts(&hardware.report, Some(hardware.product)));
    Ok(claims)
}

fn on_tdx<'a>(
    (piece, asked): (&Piece, &Asked),
    evidence: &Evidence<'a>,
    requirements: &Requirements<'_>,
    verdict: &mut Verdict,
) -> Result<Claims<'a>, NotShown> {
    let needed = "the machine's quote of TDX, as `td_quote` in the same JSON";
    let quote = piece.td_quote.as_deref();
    let quote = quote.ok_or(Misuse::Missing { needed, platform: Platform::AzureCvm })?;
    let bound = must_bind(&piece.evidence)?;
    let domain = dcap::verify_tdx(quote, piece, Some(bound), asked, verdict)?.domain;
    let option = ("measurement", asked.measurement.as_deref());
    verdict.compare("measurement", option, &domain.measurement, "any paravisor may run")?;
    let option = ("host-data", asked.host_data.as_deref());
    verdict.compare("host data", option, &domain.config_id, "the host may have configured anything")?;
    verdict.says(describe::tdx::facts(&domain));
    Ok(verify_tdx(evidence, &domain.report_data, requirements, asked.now)?)
}
