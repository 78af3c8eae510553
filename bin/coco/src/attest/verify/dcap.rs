//! Quotes of Intel SGX and Intel TDX.

use coco_attest::{
    dcap::{Advisories, Machine, Requirements, TcbStatus, certificates as of_quote},
    sgx, tdx,
};
use coco_wire::text::encode_hex;

use super::{Asked, Misuse, NotShown, Refused, Verdict};
use crate::attest::{
    certificates, describe,
    facts::date,
    piece::{Piece, Platform},
};

const ACCEPTS: &str = "names of TCB statuses and advisories, and on SGX provisioning-key and launch-key";

pub(super) fn judge_sgx(piece: &Piece, asked: &Asked) -> Result<Verdict, NotShown> {
    let options = ["collateral", "root", "report-data", "measurement", "host-data", "minimum-tcb", "accept"];
    asked.only(Platform::Sgx, &options)?;
    let keys = [("provisioning-key", sgx::Key::Provisioning), ("launch-key", sgx::Key::Launch)];
    let terms = Terms::of(asked, Platform::Sgx, |what| keys.iter().any(|(name, _)| what == *name))?;
    let keys: Vec<sgx::Key> =
        keys.into_iter().filter(|(name, _)| asked.accepts(name)).map(|(_, key)| key).collect();
    let report_data = asked.report_data::<64>(piece)?;
    let requirements = sgx::Requirements { machine: terms.requirements(asked), report_data, keys: &keys };
    let collateral = asked.intel(piece)?;
    let claims = sgx::verify(&piece.evidence, &collateral, &requirements, asked.now)?;
    let mut verdict = Verdict::default();
    terms.tell(&piece.evidence, &claims.machine, asked, &mut verdict)?;
    verdict.trust("The host cannot debug the enclave, whose code is of 64 bits.");
    let enclave = &claims.enclave;
    compare(&mut verdict, asked, (&enclave.measurement, "any enclave may run"), &enclave.config_id)?;
    verdict.report_data(asked, piece);
    verdict.says(describe::sgx::facts(enclave));
    Ok(verdict)
}

pub(super) fn judge_tdx(piece: &Piece, asked: &Asked) -> Result<Verdict, NotShown> {
    let options = [
        "collateral",
        "root",
        "report-data",
        "measurement",
        "host-data",
        "register",
        "minimum-tcb",
        "accept",
    ];
    asked.only(Platform::Tdx, &options)?;
    let report_data = asked.report_data::<64>(piece)?;
    let mut verdict = Verdict::default();
    let claims = verify_tdx(&piece.evidence, piece, report_data, asked, &mut verdict)?;
    let domain = &claims.domain;
    compare(&mut verdict, asked, (&domain.measurement, "any machine may run"), &domain.config_id)?;
    for register in &asked.registers {
        let found = domain.registers.get(usize::from(register.number));
        let found = found.ok_or(Misuse::Register(register.number))?;
        verdict.compare("register", ("register", Some(&register.value)), found, "")?;
    }
    if asked.registers.is_empty() {
        verdict.not_checked("the registers (--register): what the machine started after its launch");
    }
    verdict.report_data(asked, piece);
    verdict.says(describe::tdx::facts(domain));
    Ok(verdict)
}

/// A quote of TDX up to Intel's root, told in words.
pub(super) fn verify_tdx(
    quote: &[u8],
    piece: &Piece,
    report_data: Option<[u8; 64]>,
    asked: &Asked,
    verdict: &mut Verdict,
) -> Result<tdx::Claims, NotShown> {
    let of_tpm = |what: &str| piece.platform == Platform::AzureCvm && what.eq_ignore_ascii_case("sha1");
    let terms = Terms::of(asked, piece.platform, of_tpm)?;
    let machine = terms.requirements(asked);
    let requirements = tdx::Requirements { machine, report_data, ..tdx::Requirements::STRICT };
    let collateral = asked.intel(piece)?;
    let claims = tdx::verify(quote, &collateral, &requirements, asked.now)?;
    terms.tell(quote, &claims.machine, asked, verdict)?;
    verdict.trust(
        "The host can neither debug, profile nor migrate the domain, and no service domain can change it.",
    );
    Ok(claims)
}

fn compare(
    verdict: &mut Verdict,
    asked: &Asked,
    (measurement, why): (&[u8], &str),
    host_data: &[u8],
) -> Result<(), NotShown> {
    verdict.compare("measurement", ("measurement", asked.measurement.as_deref()), measurement, why)?;
    let option = ("host-data", asked.host_data.as_deref());
    verdict.compare("host data", option, host_data, "the host may have configured anything")
}

/// What is accepted of a machine.
struct Terms<'a> {
    statuses: Vec<TcbStatus>,
    advisories: Vec<&'a str>,
    minimum_evaluation: u32,
}

impl<'a> Terms<'a> {
    fn of(asked: &'a Asked, platform: Platform, known: impl Fn(&str) -> bool) -> Result<Self, Misuse> {
        let status =
            |what: &str| TcbStatus::ALL.into_iter().find(|status| status.name().eq_ignore_ascii_case(what));
        let advisory = |what: &str| what.starts_with("INTEL-");
        asked.accepts_only(platform, ACCEPTS, |what| {
            status(what).is_some() || advisory(what) || known(what)
        })?;
        let names = || asked.accept.iter().map(String::as_str);
        let number = asked.minimum_tcb.as_deref().map(str::parse::<u32>).transpose();
        let wanted = "the number of Intel's evaluation on SGX and TDX, such as 17";
        Ok(Self {
            statuses: names().filter_map(status).chain([TcbStatus::UpToDate]).collect(),
            advisories: names().filter(|what| advisory(what)).collect(),
            minimum_evaluation: number.map_err(|_| Misuse::MinimumTcb(wanted))?.unwrap_or(0),
        })
    }

    fn requirements(&self, asked: &Asked) -> Requirements<'_> {
        let root = asked.root.as_ref().map(|root| root.public_key().id());
        Requirements {
            root: root.unwrap_or(Requirements::STRICT.root),
            statuses: &self.statuses,
            advisories: Advisories::Only(&self.advisories),
            minimum_evaluation: self.minimum_evaluation,
            ..Requirements::STRICT
        }
    }

    fn tell(
        &self,
        quote: &[u8],
        machine: &Machine,
        asked: &Asked,
        verdict: &mut Verdict,
    ) -> Result<(), NotShown> {
        let chain = of_quote(quote).map_err(Refused::from)?;
        let why = match asked.root {
            Some(_) => "trusted because you named it (--root)",
            None => "Intel's root key for provisioning, which this program knows",
        };
        verdict.trust_all(certificates::followed(&chain, why));
        let end = chain.first().map(certificates::name).unwrap_or_default();
        let tcb = &machine.tcb;
        verdict.trust(format!(
            "The key of `{end}` signed the report of Intel's quoting enclave, whose key signed the quote. It is the \
             key of one machine of kind {} (FMSPC).",
            encode_hex(&machine.fmspc)
        ));
        verdict.trust(
            "The collateral is signed by Intel, for this kind of machine; its lists revoke no certificate.",
        );
        verdict.trust(format!(
            "By it the TCB is {}, with all that Intel had published until {}; evaluation number {}; {}.",
            tcb.status.name(),
            date(tcb.date),
            tcb.evaluation,
            match tcb.advisories.as_slice() {
                [] => "no advisories".to_owned(),
                names => format!("advisories that you accept: {}", names.join(", ")),
            }
        ));
        verdict.valid(machine.validity);
        match &asked.minimum_tcb {
            Some(number) => verdict.holds(format!("the evaluation number is not below {number}")),
            None => verdict
                .not_checked("the evaluation number (--minimum-tcb): older collateral can still be valid"),
        }
        Ok(())
    }
}
