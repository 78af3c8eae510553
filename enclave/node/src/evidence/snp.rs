//! What members require of SEV-SNP, as their tables say it.

use std::collections::BTreeMap;

use coco_attest::sev_snp::{
    Claims, Demand, Processor, Product, Providers, Requirements, Signer, TcbVersion, uvm,
};
use coco_crypto::hash::sha256;
use coco_kv::{Malformed, Reader, Tx};
use coco_tables::{
    Tables,
    platforms::{self, CodeStatus, Platforms, SnpDemands, UvmEndorsement, UvmEndorsements},
    value::JsonText,
};
use coco_wire::{
    Digest,
    text::{decode_hex, encode_hex},
};

use super::{OtherSecurityPolicy, Unwelcome, made};

/// What the tables require. A row that cannot be read counts as missing, and what is missing admits nobody.
pub(super) struct Required {
    minimum_tcb: Vec<(Processor, TcbVersion)>,
    /// Who may endorse utility VMs, under which name, and the least version.
    uvm: Vec<(String, String, u64)>,
    providers: Vec<String>,
    demands: Vec<Demand>,
}

/// Requirements refer to these, which refer to [`Required`].
pub(super) struct Lists<'a> {
    trusted: Vec<uvm::Trusted<'a>>,
    providers: Vec<&'a str>,
}

impl Required {
    pub(super) fn read(tables: &Tables, state: &impl Reader) -> Result<Self, Malformed> {
        let platforms = &tables.platforms;
        let minimum_tcb = platforms.snp_tcb_versions.iter(state).flatten();
        let endorsers = platforms.snp_uvm_endorsements.iter(state).flatten();
        let uvm = endorsers.flat_map(|(did, UvmEndorsements(feeds))| {
            let feeds = feeds.into_iter();
            feeds.filter_map(move |(feed, row)| Some((did.clone(), feed, row.svn.parse().ok()?)))
        });
        let providers = platforms.snp_providers.iter(state).flatten();
        Ok(Self {
            minimum_tcb: minimum_tcb.filter_map(|(cpuid, row)| minimum(&cpuid, &row)).collect(),
            uvm: uvm.collect(),
            providers: providers.map(|(name, _)| name).collect(),
            demands: platforms.snp_demands.get(state)?.map(demands).unwrap_or_default(),
        })
    }

    pub(super) fn lists(&self) -> Lists<'_> {
        let trusted = self.uvm.iter().map(|(did, feed, svn)| uvm::Trusted { did, feed, svn: *svn });
        Lists { trusted: trusted.collect(), providers: self.providers.iter().map(String::as_str).collect() }
    }

    pub(super) fn requirements<'a>(
        &'a self,
        always: Requirements<'a>,
        lists: &'a Lists<'a>,
    ) -> Requirements<'a> {
        Requirements {
            minimum_tcb: Some(&self.minimum_tcb),
            uvm: uvm::Endorsers::Only(&lists.trusted),
            providers: Providers::Only(&lists.providers),
            demands: &self.demands,
            ..always
        }
    }
}

fn demands(row: SnpDemands) -> Vec<Demand> {
    let SnpDemands { listed_chip: _, no_smt, single_socket, hidden_ciphertext, alias_check, mitigations } =
        row;
    made([
        (no_smt, Demand::NoSmt),
        (single_socket, Demand::SingleSocket),
        (hidden_ciphertext, Demand::HiddenCiphertext),
        (alias_check, Demand::AliasCheck),
        (mitigations != 0, Demand::Mitigations(mitigations)),
    ])
}

/// Whether the members admit a guest. Endorsements of the utility VM stand for its measurement.
pub(super) fn admit(
    platforms: &Platforms,
    state: &impl Reader,
    claims: &Claims,
    measurement: &String,
) -> Result<(), Unwelcome> {
    if !admits_chip(platforms, state, claims)? {
        return Err(Unwelcome::Chip);
    }
    super::admitted(
        platforms.snp_host_data.has(state, &Digest(claims.report.host_data)),
        claims.uvm.is_some() || platforms.snp_measurements.has(state, measurement),
    )
}

/// Whether the members admit the chip. A provider's key is of none that they list.
fn admits_chip(platforms: &Platforms, state: &impl Reader, claims: &Claims) -> Result<bool, Malformed> {
    let demands = platforms.snp_demands.get(state)?.unwrap_or_default();
    let listed =
        matches!(&claims.signer, Signer::Chip(id) if platforms.snp_chips.has(state, &encode_hex(id)));
    Ok(listed || !demands.listed_chip)
}

/// The processor of a row of `nodes.snp.tcb_versions`, and the least version for it. As in CCF, a row says all parts that
/// the processor has and no other; the same in one number, `hexstring`, is for people.
fn minimum(cpuid: &str, row: &platforms::TcbVersion) -> Option<(Processor, TcbVersion)> {
    let cpuid: [u8; 4] = decode_hex(cpuid).ok()?.try_into().ok()?;
    let processor = Processor::of_cpuid(u32::from_be_bytes(cpuid));
    let part = |part: Option<u32>| u8::try_from(part?).ok();
    let version = TcbVersion {
        microcode: part(row.microcode)?,
        snp: part(row.snp)?,
        tee: part(row.tee)?,
        boot_loader: part(row.boot_loader)?,
        fmc: match processor.product().ok()? {
            Product::Turin => Some(part(row.fmc)?),
            Product::Milan | Product::Genoa if row.fmc.is_none() => None,
            Product::Milan | Product::Genoa => return None,
        },
    };
    Some((processor, version))
}

/// Has the service admit the guest, what endorses it and the trusted computing base of its first node; `security_policy` is
/// the text that the host data are the digest of, if it is known.
pub(super) fn admit_first(
    platforms: &Platforms,
    tx: &mut Tx,
    claims: &Claims,
    measurement: &String,
    security_policy: Option<&str>,
) -> Result<(), OtherSecurityPolicy> {
    let policy = security_policy.unwrap_or_default();
    let host_data = Digest(claims.report.host_data);
    if !policy.is_empty() && sha256(policy.as_bytes()) != host_data {
        return Err(OtherSecurityPolicy);
    }
    platforms.snp_host_data.put(tx, &host_data, &JsonText::from(policy));
    if claims.uvm.is_none() {
        platforms.snp_measurements.put(tx, measurement, &CodeStatus::AllowedToJoin);
    }
    admit_first_machine(platforms, tx, claims);
    Ok(())
}

fn admit_first_machine(platforms: &Platforms, tx: &mut Tx, claims: &Claims) {
    if let Some(uvm) = &claims.uvm {
        let endorsement = UvmEndorsement { svn: uvm.svn.to_string() };
        let feeds = BTreeMap::from([(uvm.feed.clone(), endorsement)]);
        platforms.snp_uvm_endorsements.put(tx, &uvm.did, &UvmEndorsements(feeds));
    }
    if let Signer::Provider(name) = &claims.signer {
        platforms.snp_providers.put(tx, name, &CodeStatus::AllowedToJoin);
    }
    if let Some(processor) = claims.report.processor {
        let cpuid = format!("{:08x}", processor.cpuid());
        let part = |part: u8| Some(u32::from(part));
        let tcb = &claims.tcb;
        let version = platforms::TcbVersion {
            hexstring: Some(format!("{:016x}", claims.report.reported_tcb)),
            microcode: part(tcb.microcode),
            snp: part(tcb.snp),
            tee: part(tcb.tee),
            boot_loader: part(tcb.boot_loader),
            fmc: tcb.fmc.and_then(part),
        };
        platforms.snp_tcb_versions.put(tx, &cpuid, &version);
    }
}
