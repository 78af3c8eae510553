//! Evidence of the virtual platform: bound to a key, and worth nothing.

use coco_attest::{Evidence, Policy, ReportData, insecure_virtual::Statement, verify};
use coco_wire::Digest;

use super::{Asked, NotShown, Refused, Verdict};
use crate::attest::{
    describe,
    piece::{Piece, Platform},
};

pub(super) fn judge(piece: &Piece, asked: &Asked) -> Result<Verdict, NotShown> {
    asked.only(Platform::Virtual, &["report-data", "measurement", "host-data", "accept"])?;
    asked.accepts_only(Platform::Virtual, "virtual", |what| what.eq_ignore_ascii_case("virtual"))?;
    let statement = Statement::read(&piece.evidence)?;
    let report_data = asked.report_data::<{ Digest::LEN }>(piece)?;
    let expected = report_data.map_or(statement.report_data, |data| ReportData(Digest(data)));
    let evidence = Evidence {
        platform: coco_attest::Platform::InsecureVirtual,
        quote: piece.evidence.clone(),
        endorsements: piece.certificates.clone(),
        uvm_endorsements: piece.uvm.clone(),
    };
    let claims = verify(&evidence, &expected, &Policy::strict(asked.now))?;
    if !asked.accepts("virtual") {
        return Err(Refused::ProvesNothing.into());
    }
    let mut verdict = Verdict::default();
    verdict.trust("NOBODY signed this. It is accepted because you said so (--accept virtual).");
    let measurement = claims.measurement.as_str().as_bytes();
    let option = ("measurement", asked.measurement.as_deref());
    verdict.compare("measurement", option, measurement, "it is the same for all code")?;
    let option = ("host-data", asked.host_data.as_deref());
    verdict.compare("host data", option, claims.host_data(), "any executable may run")?;
    verdict.report_data(asked, piece);
    verdict.says(describe::insecure_virtual(&statement));
    Ok(verdict)
}
