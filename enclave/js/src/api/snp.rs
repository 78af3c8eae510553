//! `snp_attestation`, a global object: reports of AMD SEV-SNP (CCF `src/js/extensions/snp_attestation.cpp`).

use std::rc::Rc;

use coco_attest::sev_snp::{
    Claims, Endorsements, Report, Requirements, Vmpl,
    uvm::{self, AZURE, Endorsers},
    verify,
};
use coco_crypto::x509::UnixTime;
use rquickjs::{Ctx, Exception, Object, Result, Value};

use super::tcb::hexadecimal;
use crate::{
    realm::{buffer, bytes, define_between, number, string, text},
    state::State,
};

const NOT_A_BUFFER: &str = "Argument must be an ArrayBuffer";

/// Adds it to the globals.
pub(crate) fn install(ctx: &Ctx<'_>, state: &Rc<State>) -> Result<()> {
    let attestation = Object::new(ctx.clone())?;
    define_between(&attestation, state, "verifySnpAttestation", 2..=4, verify_snp_attestation)?;
    ctx.globals().set("snp_attestation", attestation)
}

/// Arguments: the report, PEM of certificates, endorsements of the utility VM or `undefined`, the expected trusted
/// computing base in hexadecimal or `undefined`.
///
/// As CCF, it takes reports that any privilege level of a guest asked for, and is content with certificates that are
/// valid by the clock of the node.
fn verify_snp_attestation<'js>(state: &State, ctx: &Ctx<'js>, args: &[Value<'js>]) -> Result<Value<'js>> {
    let report = bytes(ctx, &args[0], NOT_A_BUFFER)?;
    let certificates = bytes(ctx, &args[1], NOT_A_BUFFER)?;
    let given = |at: usize| args.get(at).filter(|value| !value.is_undefined());
    let uvm = given(2).map(|value| bytes(ctx, value, NOT_A_BUFFER)).transpose()?;
    let expected_tcb = match given(3) {
        Some(value) => {
            let digits = text(ctx, value)?.to_ascii_lowercase();
            let tcb = hexadecimal(&digits, "Endorsed TCB");
            Some(u64::from_be_bytes(tcb.map_err(|error| Exception::throw_range(ctx, &error.to_string()))?))
        }
        None => None,
    };
    let endorsements =
        Endorsements { certificates: &certificates, revocation_lists: &[], uvm: uvm.as_deref() };
    let requirements = Requirements {
        vmpl: Vmpl::Guest,
        expected_tcb,
        uvm: Endorsers::Only(&AZURE),
        ..Requirements::STRICT
    };
    let now = UnixTime(i64::try_from(state.clock.wall_ms() / 1000).unwrap_or(i64::MAX));
    let claims = verify(&report, &endorsements, &requirements, now)
        .map_err(|refusal| Exception::throw_range(ctx, &refusal.to_string()))?;
    to_object(ctx, &claims)
}

/// `SnpAttestationResult` of CCF's `js/ccf-app/src/global.ts`.
fn to_object<'js>(ctx: &Ctx<'js>, claims: &Claims) -> Result<Value<'js>> {
    let result = Object::new(ctx.clone())?;
    result.set("attestation", attestation(ctx, &claims.report)?)?;
    if let Some(claims) = &claims.uvm {
        result.set("uvm_endorsements", uvm_endorsements(ctx, claims)?)?;
    }
    Ok(result.into_value())
}

fn uvm_endorsements<'js>(ctx: &Ctx<'js>, claims: &uvm::Claims) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    object.set("did", string(ctx, &claims.did)?)?;
    object.set("feed", string(ctx, &claims.feed)?)?;
    object.set("svn", string(ctx, &claims.svn.to_string())?)?;
    Ok(object)
}

fn attestation<'js>(ctx: &Ctx<'js>, report: &Report) -> Result<Object<'js>> {
    let policy = report.policy;
    let policy = numbers(
        ctx,
        &[
            ("abi_minor", policy.abi_minor().into()),
            ("abi_major", policy.abi_major().into()),
            ("smt", policy.allows_smt().into()),
            ("migrate_ma", policy.allows_migration().into()),
            ("debug", policy.allows_debug().into()),
            ("single_socket", policy.demands_single_socket().into()),
        ],
    )?;
    let platform = report.platform_info;
    let platform = numbers(ctx, &[("smt_en", platform.smt().into()), ("tsme_en", platform.tsme().into())])?;
    let flags = report.flags;
    let flags = numbers(
        ctx,
        &[
            ("author_key_en", flags.author_key().into()),
            ("mask_chip_key", flags.mask_chip_key().into()),
            ("signing_key", flags.signing_key()),
        ],
    )?;
    let object = numbers(ctx, &scalars(report))?;
    object.set("policy", policy)?;
    // CCF writes the first name, its types have the second.
    object.set("plaform_info", platform.clone())?;
    object.set("platform_info", platform)?;
    object.set("flags", flags)?;
    let versions = [
        ("platform_version", report.current_tcb),
        ("reported_tcb", report.reported_tcb),
        ("committed_tcb", report.committed_tcb),
        ("launch_tcb", report.launch_tcb),
    ];
    for (name, packed) in versions {
        object.set(name, string(ctx, &format!("{packed:016x}"))?)?;
    }
    let buffers: [(&str, &[u8]); 10] = [
        ("family_id", &report.family_id),
        ("image_id", &report.image_id),
        ("report_data", &report.report_data),
        ("measurement", &report.measurement),
        ("host_data", &report.host_data),
        ("id_key_digest", &report.id_key_digest),
        ("author_key_digest", &report.author_key_digest),
        ("report_id", &report.report_id),
        ("report_id_ma", &report.report_id_ma),
        ("chip_id", &report.chip_id),
    ];
    for (name, bytes) in buffers {
        object.set(name, buffer(ctx, bytes)?)?;
    }
    let signature = Object::new(ctx.clone())?;
    signature.set("r", buffer(ctx, &report.signature_r)?)?;
    signature.set("s", buffer(ctx, &report.signature_s)?)?;
    object.set("signature", signature)?;
    Ok(object)
}

/// Numbers at the root. CCF takes build and minor number of the current firmware for each other, and so do scripts.
fn scalars(report: &Report) -> [(&'static str, u32); 13] {
    let part = |part: fn(coco_attest::sev_snp::Processor) -> u8| {
        report.processor.map_or(0, |found| part(found).into())
    };
    let (current, committed) = (report.current, report.committed);
    [
        ("version", report.version),
        ("guest_svn", report.guest_svn),
        ("vmpl", report.vmpl),
        ("signature_algo", report.signature_algorithm),
        ("cpuid_fam_id", part(|processor| processor.family)),
        ("cpuid_mod_id", part(|processor| processor.model)),
        ("cpuid_step", part(|processor| processor.stepping)),
        ("current_minor", current.build.into()),
        ("current_build", current.minor.into()),
        ("current_major", current.major.into()),
        ("committed_build", committed.build.into()),
        ("committed_minor", committed.minor.into()),
        ("committed_major", committed.major.into()),
    ]
}

fn numbers<'js>(ctx: &Ctx<'js>, properties: &[(&str, u32)]) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    for (name, value) in properties {
        object.set(*name, number(ctx, f64::from(*value)))?;
    }
    Ok(object)
}
