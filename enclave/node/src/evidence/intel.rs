//! What members require of SGX and TDX, as their tables say it. CCF has nothing like it.

use coco_attest::{
    Refusal,
    dcap::{self, Advisories, Fmspc, Machine, TcbStatus},
    sgx::Enclave,
    tdx::{self, Demand, Domain},
};
use coco_kv::{Decode, Encode, Reader, Table, Tx};
use coco_tables::{
    intel::{Intel, IntelTcb, TdxAttributes},
    nodes::{QuoteFormat, QuoteInfo},
    platforms::CodeStatus,
    value::{Present, Registers},
};
use coco_wire::{
    Digest,
    text::{decode_hex, encode_hex},
};

use super::{Unwelcome, made, registers};

/// What the tables require of a machine, and of domains on it. A row that cannot be read admits nobody.
pub(super) struct Required {
    kind: Fmspc,
    statuses: Vec<TcbStatus>,
    tcb: IntelTcb,
    /// Of domains.
    pub(super) demands: Vec<Demand>,
}

impl Required {
    /// What is required of the machine that made a quote; nothing if that is another platform's.
    pub(super) fn read(
        tables: &Intel,
        state: &impl Reader,
        quote: &QuoteInfo,
    ) -> Result<Option<Self>, Unwelcome> {
        if !matches!(quote.format, QuoteFormat::IntelSgxDcapV1 | QuoteFormat::IntelTdxV1) {
            return Ok(None);
        }
        // Verification comes to the same kind, or refuses the quote.
        let kind =
            dcap::fmspc(&quote.quote.0).map_err(|refusal| Unwelcome::Refused(Refusal::Intel(refusal)))?;
        let tcb = row(&tables.tcb, state, &encode_hex(&kind)).ok_or(Unwelcome::Machine)?;
        let accepted = tcb.statuses.iter().map(|name| name.parse());
        let mut statuses: Vec<TcbStatus> =
            accepted.collect::<Result<_, _>>().map_err(|_| Unwelcome::Machine)?;
        statuses.push(TcbStatus::UpToDate);
        let attributes = tables.tdx_attributes.get(state)?;
        let demands = demands(&attributes.unwrap_or_default()).ok_or(Unwelcome::Attributes)?;
        Ok(Some(Self { kind, statuses, tcb, demands }))
    }

    pub(super) fn advisories(&self) -> Vec<&str> {
        self.tcb.advisories.iter().map(String::as_str).collect()
    }

    /// Beyond what is required whatever the members say.
    pub(super) fn of_machine<'a>(
        &'a self,
        always: dcap::Requirements<'a>,
        advisories: &'a [&'a str],
    ) -> dcap::Requirements<'a> {
        dcap::Requirements {
            kind: Some(self.kind),
            statuses: &self.statuses,
            advisories: Advisories::Only(advisories),
            minimum_evaluation: self.tcb.minimum_evaluation,
            max_age_s: self.tcb.max_collateral_age_s,
            ..always
        }
    }
}

/// What domains must not use; none if that cannot be read.
fn demands(row: &TdxAttributes) -> Option<Vec<Demand>> {
    let features = match &row.xfam {
        Some(digits) => u64::from_be_bytes(decode_hex(digits).ok()?.try_into().ok()?),
        None => Demand::OPERANDS,
    };
    Some(made([
        (!row.pks, Demand::NoProtectionKeys),
        (!row.kl, Demand::NoKeyLocker),
        (!row.perfmon, Demand::NoCounters),
        (!row.tpa, Demand::NoProvisioningAgent),
        (true, Demand::Features(features)),
    ]))
}

/// A row; none if it cannot be read.
fn row<V: Encode + Decode>(table: &Table<String, V>, state: &impl Reader, key: &str) -> Option<V> {
    table.get(state, &key.to_owned()).ok().flatten()
}

/// Registers of what the virtual firmware started: the kernel, and its command line and initial file system. The
/// measurement is that of the firmware alone.
const STARTED: [u8; 2] = [1, 2];

/// Whether the members admit a domain.
pub(super) fn admit_domain(tables: &Intel, state: &impl Reader, domain: &Domain) -> Result<(), Unwelcome> {
    row(&tables.tdx_host_data, state, &encode_hex(&domain.config_id)).ok_or(Unwelcome::HostData)?;
    row(&tables.tdx_measurements, state, &encode_hex(&domain.measurement)).ok_or(Unwelcome::Measurement)?;
    let value = |number: u8| domain.registers.get(usize::from(number)).map(<[u8; 48]>::as_slice);
    let numbers = registers::admit(&tables.tdx_registers, state, value)?;
    if STARTED.iter().all(|number| numbers.contains(number)) { Ok(()) } else { Err(Unwelcome::Registers) }
}

/// Whether the members admit an enclave, by its measurement or by who signed it.
pub(super) fn admit_enclave(tables: &Intel, state: &impl Reader, enclave: &Enclave) -> Result<(), Unwelcome> {
    row(&tables.sgx_host_data, state, &encode_hex(&enclave.config_id)).ok_or(Unwelcome::HostData)?;
    if row(&tables.sgx_measurements, state, &encode_hex(&enclave.measurement)).is_some() {
        return Ok(());
    }
    let products =
        row(&tables.sgx_signers, state, &encode_hex(&enclave.signer)).ok_or(Unwelcome::Measurement)?;
    match products.0.get(&enclave.product_id.to_string()) {
        Some(least) if *least <= enclave.security_version => Ok(()),
        _ => Err(Unwelcome::Measurement),
    }
}

/// Has the service admit domains like its first node, and what that may use if it is more than what is harmless.
pub(super) fn admit_first_domain(tables: &Intel, tx: &mut Tx, claims: &tdx::Claims) {
    let domain = &claims.domain;
    tables.tdx_measurements.put(tx, &encode_hex(&domain.measurement), &CodeStatus::AllowedToJoin);
    tables.tdx_host_data.put(tx, &encode_hex(&domain.config_id), &Present);
    for register in STARTED {
        let values = Registers(vec![encode_hex(&domain.registers[usize::from(register)])]);
        tables.tdx_registers.put(tx, &register.to_string(), &values);
    }
    let used = domain.attributes;
    let attributes = TdxAttributes {
        pks: used.protection_keys(),
        kl: used.key_locker(),
        perfmon: used.counters(),
        tpa: used.provisioning_agent(),
        xfam: (!Demand::Features(Demand::OPERANDS).is_met(domain))
            .then(|| format!("{:016x}", domain.features)),
    };
    if attributes != TdxAttributes::default() {
        tables.tdx_attributes.put(tx, &attributes);
    }
    admit_first_machine(tables, tx, &claims.machine);
}

/// Has the service admit enclaves like its first node.
pub(super) fn admit_first_enclave(tables: &Intel, tx: &mut Tx, enclave: &Enclave, machine: &Machine) {
    tables.sgx_measurements.put(tx, &encode_hex(&enclave.measurement), &CodeStatus::AllowedToJoin);
    tables.sgx_host_data.put(tx, &encode_hex(&enclave.config_id), &Present);
    admit_first_machine(tables, tx, machine);
}

/// Machines of the first node's kind, worth no less.
fn admit_first_machine(tables: &Intel, tx: &mut Tx, machine: &Machine) {
    let tcb = &machine.tcb;
    let mut statuses: Vec<String> = Vec::new();
    for status in tcb.of_parts.iter().chain([&tcb.status]) {
        let name = status.name().to_owned();
        if *status != TcbStatus::UpToDate && !statuses.contains(&name) {
            statuses.push(name);
        }
    }
    let row = IntelTcb {
        minimum_evaluation: tcb.evaluation,
        statuses,
        advisories: tcb.advisories.clone(),
        max_collateral_age_s: None,
    };
    tables.tcb.put(tx, &encode_hex(&machine.fmspc), &row);
}

/// What is required of the first machine, whom nobody has admitted.
pub(super) fn of_first(root: Digest) -> dcap::Requirements<'static> {
    dcap::Requirements { statuses: &TcbStatus::ALL, advisories: Advisories::Any, ..always(root) }
}

/// What is required of machines whatever the members say.
pub(super) fn always(root: Digest) -> dcap::Requirements<'static> {
    dcap::Requirements { root, ..dcap::Requirements::STRICT }
}
