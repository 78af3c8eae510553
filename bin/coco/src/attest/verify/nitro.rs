//! Documents of AWS Nitro Enclaves.

use coco_attest::nitro::{Register, Requirements, read, verify};

use super::{Asked, Misuse, NotShown, Verdict};
use crate::attest::{
    certificates, describe,
    facts::date,
    piece::{Piece, Platform},
};

pub(super) fn judge(piece: &Piece, asked: &Asked) -> Result<Verdict, NotShown> {
    asked.only(Platform::Nitro, &["root", "report-data", "nonce", "measurement", "register"])?;
    let (_, chain) = read(&piece.evidence)?;
    let mut registers = Vec::new();
    if let Some(value) = &asked.measurement {
        registers.push((Register::IMAGE, value_of("measurement", value)?));
    }
    for register in &asked.registers {
        let known = Register::new(register.number).ok_or(Misuse::Register(register.number))?;
        registers.push((known, value_of("register", &register.value)?));
    }
    let bound = asked.bound(asked.report_data.as_deref(), piece);
    let root = asked.root.as_ref().map(coco_crypto::Certificate::fingerprint);
    let requirements = Requirements {
        root: root.unwrap_or(Requirements::STRICT.root),
        registers: &registers,
        user_data: bound.bytes(),
        nonce: asked.nonce.as_deref(),
        ..Requirements::STRICT
    };
    let document = verify(&piece.evidence, asked.now, &requirements)?;
    let mut verdict = Verdict::default();
    let why = match asked.root {
        Some(_) => "trusted because you named it (--root)",
        None => "AWS's root of Nitro Enclaves (G1), which this program knows",
    };
    verdict.trust_all(certificates::followed(&chain, why));
    let end = chain.first().map(certificates::name).unwrap_or_default();
    let made = date(document.made_at());
    verdict.trust(format!(
        "The key of `{end}` signed the document. All certificates were valid when it was made, {made}."
    ));
    verdict.trust(format!(
        "It is at most {} seconds old, and the enclave is not in debug mode.",
        requirements.max_age_s
    ));
    for (register, _) in &registers {
        verdict.holds(format!("the value of {register}, as asked"));
    }
    if registers.is_empty() {
        verdict.not_checked("the registers (--measurement, --register): any enclave may run");
    }
    verdict.bound(("user data", "report-data"), "it", bound);
    match asked.nonce {
        Some(_) => verdict.holds("the nonce, as asked (--nonce)"),
        None => verdict.not_checked("the nonce (--nonce)"),
    }
    verdict.not_checked("the public key in the document, and revocation, which AWS says to leave out");
    verdict.says(describe::nitro::facts(&document));
    Ok(verdict)
}

fn value_of(option: &'static str, bytes: &[u8]) -> Result<[u8; 48], Misuse> {
    bytes.try_into().map_err(|_| Misuse::Length { option, expected: 48 })
}
