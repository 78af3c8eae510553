//! What members require of Nitro Enclaves, as their tables say it. CCF has nothing like it.

use coco_attest::nitro::{Document, Register, Requirements};
use coco_kv::{Malformed, Reader, Tx};
use coco_tables::{nitro::Nitro, platforms::CodeStatus};
use coco_wire::{Digest, text::encode_hex};

use super::{Unwelcome, registers};

/// What is required of documents, whoever admits their enclaves.
pub(super) fn requirements(
    tables: &Nitro,
    state: &impl Reader,
    root: Digest,
) -> Result<Requirements<'static>, Malformed> {
    let always = always(root);
    let limits = tables.limits.get(state)?;
    Ok(Requirements { max_age_s: limits.map_or(always.max_age_s, |limits| limits.max_age_s), ..always })
}

/// What is required whatever the members say.
pub(super) fn always(root: Digest) -> Requirements<'static> {
    Requirements { root, ..Requirements::STRICT }
}

/// Whether the members admit an enclave.
pub(super) fn admit(tables: &Nitro, state: &impl Reader, document: &Document) -> Result<(), Unwelcome> {
    let value = |register: Register| document.registers.get(&register).map(<[u8; 48]>::as_slice);
    let image = encode_hex(value(Register::IMAGE).ok_or(Unwelcome::Measurement)?);
    let known = tables.measurements.get(state, &image).ok().flatten();
    known.ok_or(Unwelcome::Measurement)?;
    registers::admit(&tables.registers, state, |number| value(Register::new(number)?)).map(drop)
}

/// Has the service admit enclaves with the image of its first node.
pub(super) fn admit_first(tables: &Nitro, tx: &mut Tx, measurement: &str) {
    tables.measurements.put(tx, &measurement.to_owned(), &CodeStatus::AllowedToJoin);
}
