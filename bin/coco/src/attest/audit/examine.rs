//! Judging evidence again, as it was judged when it was shown.

use coco_attest::{Claims, ReportData, Roots, azure_cvm, sev_snp::Report};
use coco_crypto::{Certificate, x509::UnixTime};
use coco_kv::Snapshot;
use coco_node::evidence::Judge;
use coco_tables::{
    Tables,
    nodes::{QuoteFormat, QuoteInfo},
};
use coco_wire::{
    Digest,
    text::{encode_base64, encode_hex},
};
use serde_json::{Value, json, to_value};

use super::{fault::Fault, rows};
use crate::attest::{describe::describe, facts::Facts, form, verify};

/// Judges, and by whose signatures.
pub(super) struct Examiner {
    /// Instead of the makers'.
    pub(super) root: Option<Certificate>,
    /// When evidence is looked at without a time of its own.
    pub(super) at: Option<UnixTime>,
}

/// By what a node was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// None were there: it wrote them, and they must admit it.
    Own,
    /// What the members had written.
    Members,
}

/// Evidence and when it was judged.
pub(super) struct Exhibit<'a> {
    pub(super) quote: &'a QuoteInfo,
    pub(super) time: Option<UnixTime>,
    /// What it must be bound to.
    pub(super) report_data: Digest,
}

/// What comes of evidence.
#[derive(Clone, Debug, Default)]
pub(super) struct Examined {
    pub(super) shown: Shown,
    /// The measurement as `nodes.info` has it.
    pub(super) code_digest: Option<String>,
    pub(super) faults: Vec<Fault>,
}

/// What evidence says.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    pub(super) platform: String,
    pub(super) measurement: Option<String>,
    pub(super) host_data: Option<String>,
    /// Whether it is only the evidence's own word.
    pub(super) unproven: bool,
}

impl Examiner {
    pub(super) fn examine(&self, exhibit: &Exhibit<'_>, rules: Rules, by: (&Tables, &Snapshot)) -> Examined {
        let quote = exhibit.quote;
        if quote.quote.0.is_empty() {
            let shown = Shown { platform: platform(quote), ..Shown::default() };
            return Examined { shown, faults: vec![Fault::NoEvidence], code_digest: None };
        }
        if coco_attest::Platform::from_quote_format(&format(quote)).is_none() {
            return Examined { shown: own_word(quote), faults: vec![Fault::Platform], code_digest: None };
        }
        let timeless = (quote.format == QuoteFormat::InsecureVirtual).then_some(UnixTime(0));
        let Some(now) = exhibit.time.or(timeless).or(self.at) else {
            return Examined { shown: own_word(quote), faults: vec![Fault::NoTime], code_digest: None };
        };
        let judge = Judge { now, roots: self.roots(quote) };
        let expected = ReportData(exhibit.report_data);
        // Whatever the rules, it is worth knowing what is authentic.
        let authentic = judge.appraise_first(quote, &expected);
        let verdict = match (&authentic, rules) {
            (Err(refusal), Rules::Own) => Err(Fault::Evidence(refusal.clone())),
            _ => judge.appraise(by, quote, &expected).map_err(Fault::from),
        };
        let claims = authentic.ok();
        Examined {
            shown: claims.as_ref().map_or_else(|| own_word(quote), |claims| proven(quote, claims)),
            code_digest: claims.as_ref().map(Claims::code_digest),
            faults: verdict.err().into_iter().collect(),
        }
    }

    fn roots(&self, quote: &QuoteInfo) -> Roots {
        let mut roots = Roots::MAKERS;
        let Some(root) = &self.root else { return roots };
        roots.intel = root.public_key().id();
        roots.nitro = root.fingerprint();
        let report = match quote.format {
            QuoteFormat::AzureCvmSnpV1 => azure_cvm::reported(&quote.quote.0).ok(),
            _ => Report::read(&quote.quote.0).ok(),
        };
        if let Some(report) = report {
            roots.sev_snp = verify::sev_snp_roots(&report, Some(root));
        }
        roots
    }
}

fn proven(quote: &QuoteInfo, claims: &Claims) -> Shown {
    Shown {
        platform: platform(quote),
        measurement: Some(claims.measurement.as_str().to_owned()),
        host_data: Some(encode_hex(claims.host_data())),
        unproven: false,
    }
}

/// What evidence says that is not authentic, for whoever looks for the reason.
fn own_word(quote: &QuoteInfo) -> Shown {
    let node = json!({
        "format": format(quote),
        "raw": encode_base64(&quote.quote.0),
        "endorsements": encode_base64(&quote.endorsements.0),
    });
    let pieces = form::of_bytes("ledger", node.to_string().into_bytes(), None).unwrap_or_default();
    let facts = pieces.first().and_then(|piece| describe(piece).ok()).unwrap_or_default();
    let facts: Vec<Value> = facts.iter().map(Facts::to_json).collect();
    let fact = |name: &str| {
        let found = facts.iter().find_map(|facts| facts.get(name)?.as_str());
        found.map(str::to_owned)
    };
    Shown {
        platform: platform(quote),
        measurement: fact("measurement"),
        host_data: fact("host_data"),
        unproven: true,
    }
}

fn platform(quote: &QuoteInfo) -> String {
    rows::platform(&format(quote))
}

/// The name of its format in the ledger.
fn format(quote: &QuoteInfo) -> String {
    let name = to_value(quote.format).ok();
    name.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
