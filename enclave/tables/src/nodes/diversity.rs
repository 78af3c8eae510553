//! Whether a single vendor of hardware, or a single cloud, could decide for the service.

use std::{collections::BTreeMap, fmt};

use coco_kv::JsonValue;
use serde::{Deserialize, Serialize};

use super::{NodeInfo, QuoteFormat};

/// Who must run fewer nodes than a majority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diversity {
    /// Each vendor of hardware.
    #[serde(default)]
    pub vendors: bool,
    /// Each cloud, by the text `cloud` of `node_data`. Nodes that do not say count as one more.
    #[serde(default)]
    pub clouds: bool,
}

impl JsonValue for Diversity {}

/// A majority depends on one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{nodes} of {all} nodes would be of the {kind} {name}, and a majority of them must not be")]
pub struct Concentrated {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Nodes that depend on it.
    pub nodes: usize,
    /// All of them.
    pub all: usize,
}

/// What nodes can have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Who made the hardware that vouches for them.
    Vendor,
    /// Where they run.
    Cloud,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vendor => "vendor",
            Self::Cloud => "cloud",
        })
    }
}

impl Diversity {
    /// Checks the nodes that are to decide together.
    ///
    /// # Errors
    /// If a majority of them depends on one.
    pub fn check<'a>(&self, nodes: impl Iterator<Item = &'a NodeInfo>) -> Result<(), Concentrated> {
        let (mut vendors, mut clouds, mut all) = (BTreeMap::new(), BTreeMap::new(), 0);
        for node in nodes {
            all += 1;
            *vendors.entry(vendor(node.quote_info.format)).or_default() += 1;
            *clouds.entry(node.node_data["cloud"].as_str().unwrap_or("that is not named")).or_default() += 1;
        }
        let judge =
            |kind, counts: BTreeMap<&str, usize>| match counts.into_iter().find(|(_, it)| *it > all / 2) {
                Some((name, nodes)) => Err(Concentrated { kind, name: name.to_owned(), nodes, all }),
                None => Ok(()),
            };
        if self.vendors {
            judge(Kind::Vendor, vendors)?;
        }
        if self.clouds { judge(Kind::Cloud, clouds) } else { Ok(()) }
    }
}

/// Who made the hardware; nobody is a vendor, too.
fn vendor(format: QuoteFormat) -> &'static str {
    match format {
        QuoteFormat::InsecureVirtual => "nobody",
        QuoteFormat::AmdSevSnpV1 | QuoteFormat::AzureCvmSnpV1 => "AMD",
        QuoteFormat::OeSgxV1 | QuoteFormat::IntelSgxDcapV1 | QuoteFormat::IntelTdxV1 => "Intel",
        QuoteFormat::WindowsVbsV1 => "Microsoft",
        QuoteFormat::AwsNitroV1 => "AWS",
    }
}

#[cfg(test)]
mod tests;
