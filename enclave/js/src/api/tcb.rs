//! `ccf.tcbHexToPolicy`: versions of AMD SEV-SNP.

use std::rc::Rc;

use coco_attest::sev_snp::{Product, UnknownProduct};
use coco_tables::platforms::TcbVersion;
use coco_wire::text::decode_hex;
use rquickjs::{Exception, Object, Result};

use crate::{
    realm::{define, text},
    state::State,
};

/// Why there is no version.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidTcb {
    /// Not as many digits as there must be.
    #[error("{noun} is not {digits} hexadecimal digits")]
    Digits { noun: &'static str, digits: usize },
    /// Its parts cannot be told.
    #[error(transparent)]
    Product(#[from] UnknownProduct),
}

/// Adds it to `ccf`.
pub(crate) fn install(ccf: &Object<'_>, state: &Rc<State>) -> Result<()> {
    define(ccf, state, "tcbHexToPolicy", 2, |_, ctx, args| {
        let (cpuid, tcb) = (text(ctx, &args[0])?, text(ctx, &args[1])?);
        let refuse = |error| Exception::throw_internal(ctx, &format!("Failed to read TCB version: {error}"));
        let version = policy(&cpuid, &tcb).map_err(refuse)?;
        ctx.json_parse(serde_json::json!(version).to_string())
    })
}

/// The parts of a version, of the processor with this EAX of CPUID function 1; both in hexadecimal.
fn policy(cpuid: &str, tcb: &str) -> std::result::Result<TcbVersion, InvalidTcb> {
    let cpuid = u32::from_be_bytes(hexadecimal(cpuid, "CPUID")?);
    let packed = u64::from_be_bytes(hexadecimal(tcb, "TCB version")?);
    let parts = Product::of_cpuid(cpuid)?.tcb_version(packed);
    let part = |part: u8| Some(u32::from(part));
    Ok(TcbVersion {
        hexstring: Some(format!("{packed:016x}")),
        microcode: part(parts.microcode),
        snp: part(parts.snp),
        tee: part(parts.tee),
        boot_loader: part(parts.boot_loader),
        fmc: parts.fmc.and_then(part),
    })
}

/// As many bytes as there must be of what `noun` names.
pub(super) fn hexadecimal<const N: usize>(
    text: &str,
    noun: &'static str,
) -> std::result::Result<[u8; N], InvalidTcb> {
    let bytes = decode_hex(text).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or(InvalidTcb::Digits { noun, digits: 2 * N })
}
