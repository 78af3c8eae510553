//! What members require of confidential machines of Azure beyond what tables of SEV-SNP say of their hardware. CCF has
//! nothing like it.

use coco_attest::azure_cvm::{CODE, Configuration, Demand, NodeClaims, Requirements};
use coco_kv::{Malformed, Reader, Tx};
use coco_tables::{
    azure::{Azure, AzureDemands},
    value::Registers,
};
use coco_wire::text::encode_hex;

use super::{Unwelcome, made, registers};

/// PCRs that firmware and what it starts are measured into: the tables must say something of one of them.
const OF_FIRMWARE: std::ops::RangeInclusive<u8> = 0..=7;

/// How machines must have been started.
pub(super) fn demands(tables: &Azure, state: &impl Reader) -> Result<Vec<Demand>, Malformed> {
    let AzureDemands { secure_boot, no_console } = tables.demands.get(state)?.unwrap_or_default();
    Ok(made([(secure_boot, Demand::SecureBoot), (no_console, Demand::NoConsole)]))
}

pub(super) fn requirements(demands: &[Demand]) -> Requirements<'_> {
    Requirements { demands, ..Requirements::STRICT }
}

/// Whether the members admit what a machine runs, by the PCRs of its TPM.
pub(super) fn admit(tables: &Azure, state: &impl Reader, claims: &NodeClaims) -> Result<(), Unwelcome> {
    let numbers = registers::admit(&tables.registers, state, |number| claims.tpm.pcrs.value(number))?;
    if numbers.iter().any(|number| OF_FIRMWARE.contains(number)) { Ok(()) } else { Err(Unwelcome::Registers) }
}

/// Has the service admit machines that run what its first node runs.
pub(super) fn admit_first(tables: &Azure, tx: &mut Tx, claims: &NodeClaims) {
    for number in CODE.numbers() {
        if let Some(value) = claims.tpm.pcrs.value(number) {
            tables.registers.put(tx, &number.to_string(), &Registers(vec![encode_hex(value)]));
        }
    }
    let Configuration { secure_boot, console, .. } = &claims.runtime.configuration;
    let demands =
        AzureDemands { secure_boot: *secure_boot == Some(true), no_console: *console == Some(false) };
    tables.demands.put(tx, &demands);
}
