//! Quotes of TPMs and event logs.

use std::collections::BTreeMap;

use coco_attest::tpm::{self, EventKind, EventLog, Hash, PcrSet, Refusal};
use coco_wire::text::encode_hex;
use serde_json::{Map, Value, json};

use crate::attest::{
    facts::{Facts, hex},
    piece::Quote,
};

/// A quote, the values of PCRs and the log, as far as they are there.
pub(in crate::attest) fn quoted(quoted: &Quote) -> Result<Vec<Facts>, Refusal> {
    let parsed = tpm::Quote::read(&quoted.message)?;
    let mut all = vec![facts(&parsed)];
    if !quoted.pcrs.is_empty() {
        all.push(pcrs(&parsed, &quoted.pcrs));
    }
    if let Some(bytes) = &quoted.log {
        all.push(log(bytes)?);
    }
    Ok(all)
}

/// A quote alone.
pub(in crate::attest) fn quote(message: &[u8]) -> Result<Facts, Refusal> {
    tpm::Quote::read(message).map(|quote| facts(&quote))
}

fn facts(quote: &tpm::Quote) -> Facts {
    let mut facts = Facts::new("tpm", "Quote of a TPM 2.0");
    facts.bytes("nonce", &quote.extra_data, "what whoever asked had it say");
    facts.text("bank", name(quote.bank), "the hash that the PCRs were extended with");
    let numbers: Vec<u8> = quote.selected.numbers().collect();
    let list: Vec<String> = numbers.iter().map(u8::to_string).collect();
    facts.add("selected", json!(numbers), list.join(" "), "the PCRs that were read");
    facts.bytes("pcr_digest", &quote.digest, "of their values");
    facts.number("resets", quote.clock.resets, "how often the machine was booted");
    facts.number("restarts", quote.clock.restarts, "how often it was resumed since");
    facts.number("powered_ms", quote.clock.powered_ms, "milliseconds that the TPM had power");
    facts.flag("safe", quote.clock.safe, ["", "a later time may have been reported before"]);
    facts.text("firmware_version", format!("{:016x}", quote.firmware_version), "by the TPM's maker");
    facts.bytes("qualified_signer", &quote.qualified_signer, "names the key that signed, and its parents");
    facts
}

pub(in crate::attest) fn name(hash: Hash) -> &'static str {
    match hash {
        Hash::Sha1 => "SHA-1",
        Hash::Sha256 => "SHA-256",
        Hash::Sha384 => "SHA-384",
        Hash::Sha512 => "SHA-512",
    }
}

/// The values that are said to have been quoted.
fn pcrs(quote: &tpm::Quote, values: &[u8]) -> Facts {
    let mut facts = Facts::new("pcrs", "Values of PCRs beside it");
    let values = quote.selected.numbers().zip(values.chunks(quote.bank.digest_len()));
    let mut text = Vec::new();
    let mut value = Map::new();
    for (number, bytes) in values {
        text.push(format!("{number:>2}  {}", hex(bytes)));
        value.insert(number.to_string(), json!(encode_hex(bytes)));
    }
    facts.add(
        "values",
        Value::Object(value),
        text.join("\n"),
        "whether the quote is over these is not checked here",
    );
    facts
}

/// How much of what a log has.
pub(in crate::attest) fn log(bytes: &[u8]) -> Result<Facts, Refusal> {
    let log = EventLog::read(bytes)?;
    let mut by_pcr: BTreeMap<u32, usize> = BTreeMap::new();
    for event in log.events.iter().filter(|event| event.kind != EventKind::NO_ACTION) {
        *by_pcr.entry(event.pcr).or_default() += 1;
    }
    let mut facts = Facts::new("event_log", "Log of what was measured while the machine started");
    facts.add("events", json!(log.events.len()), log.events.len().to_string(), "nothing in a log is signed");
    let text: Vec<String> = by_pcr.iter().map(|(pcr, count)| format!("PCR {pcr}: {count}")).collect();
    let value: Map<String, Value> =
        by_pcr.iter().map(|(pcr, count)| (pcr.to_string(), json!(count))).collect();
    facts.add(
        "measured",
        Value::Object(value),
        text.join(", "),
        "events by the PCR that they were measured into",
    );
    Ok(facts)
}

/// The PCRs that a log has events for.
pub(in crate::attest) fn logged(bytes: &[u8]) -> Result<PcrSet, Refusal> {
    let log = EventLog::read(bytes)?;
    let measured = log.events.iter().filter(|event| event.kind != EventKind::NO_ACTION);
    let numbers: Vec<u8> = measured.filter_map(|event| u8::try_from(event.pcr).ok()).collect();
    Ok(PcrSet::of(&numbers))
}
