//! Development without hardware: unsigned JSON in CCF's form (`src/pal/quote_generation.h`). It proves
//! nothing.

use base64::{Engine, engine::general_purpose::STANDARD};
use coco_wire::Digest;
use serde::{Deserialize, Serialize};

use crate::{Attester, Claims, Details, Evidence, Measurement, Platform, Refusal, ReportData, Unavailable};

/// The measurement of all code, as in CCF.
pub const MEASUREMENT: &str = "Insecure hard-coded virtual measurement v1";

/// Most bytes of a quote.
const MAX_LEN: usize = 4096;

/// Vouches for the process it runs in.
#[derive(Clone, Copy, Debug)]
pub struct VirtualAttester {
    host_data: Digest,
}

/// A file that CCF's tests and operators expect in the working directory of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeFile {
    /// Its name.
    pub name: String,
    /// Its content.
    pub content: String,
}

/// Fields in the order of their names, as CCF writes JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Quote<'a> {
    host_data: Digest,
    #[serde(borrow)]
    measurement: std::borrow::Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    report_data: Option<std::borrow::Cow<'a, str>>,
}

impl VirtualAttester {
    /// `executable` is the SHA-256 of the node's executable file.
    #[must_use]
    pub fn new(executable: Digest) -> Self {
        Self { host_data: executable }
    }

    /// The code and host data of the process with this identifier; written at start.
    #[must_use]
    pub fn measurement_file(&self, process: u32) -> NodeFile {
        self.file(process, "measurement", None)
    }

    /// The quote of the process with this identifier, indented.
    #[must_use]
    pub fn attestation_file(&self, process: u32, report_data: &ReportData) -> NodeFile {
        self.file(process, "attestation", Some(report_data))
    }

    fn file(&self, process: u32, kind: &str, report_data: Option<&ReportData>) -> NodeFile {
        let content = serde_json::to_string_pretty(&self.quote(report_data));
        NodeFile {
            name: format!("ccf_virtual_attestation.{process}.{kind}"),
            content: content.expect("a quote has only texts"),
        }
    }

    fn quote(&self, report_data: Option<&ReportData>) -> Quote<'static> {
        Quote {
            host_data: self.host_data,
            measurement: MEASUREMENT.into(),
            report_data: report_data.map(|data| STANDARD.encode(data.0.0).into()),
        }
    }
}

impl Attester for VirtualAttester {
    fn platform(&self) -> Platform {
        Platform::InsecureVirtual
    }

    fn evidence(&self, report_data: &ReportData) -> Result<Evidence, Unavailable> {
        let quote = serde_json::to_vec(&self.quote(Some(report_data))).expect("a quote has only texts");
        Ok(Evidence { platform: self.platform(), quote, endorsements: Vec::new(), uvm_endorsements: None })
    }
}

/// What a quote says. Nobody vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The code that is said to run.
    pub measurement: Measurement,
    /// SHA-256 of what is said to be the executable.
    pub host_data: Digest,
    /// What it is bound to.
    pub report_data: ReportData,
}

impl Statement {
    /// Reads a quote.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`] or [`Refusal::Malformed`].
    pub fn read(quote: &[u8]) -> Result<Self, Refusal> {
        if quote.len() > MAX_LEN {
            return Err(Refusal::TooLarge);
        }
        let quote: Quote<'_> = serde_json::from_slice(quote).map_err(|_| Refusal::Malformed)?;
        let report_data = quote.report_data.and_then(|text| STANDARD.decode(text.as_bytes()).ok());
        let report_data: [u8; Digest::LEN] =
            report_data.and_then(|bytes| bytes.try_into().ok()).ok_or(Refusal::Malformed)?;
        Ok(Self {
            measurement: Measurement::new(quote.measurement.into_owned()).ok_or(Refusal::Malformed)?,
            host_data: quote.host_data,
            report_data: ReportData(Digest(report_data)),
        })
    }
}

/// The claims of a virtual quote.
pub(crate) fn appraise(evidence: &Evidence, expected: &ReportData) -> Result<Claims, Refusal> {
    if evidence.quote.len() > MAX_LEN {
        return Err(Refusal::TooLarge);
    }
    if !evidence.endorsements.is_empty() || evidence.uvm_endorsements.is_some() {
        return Err(Refusal::UnexpectedEndorsements);
    }
    let Statement { measurement, host_data, report_data } = Statement::read(&evidence.quote)?;
    if report_data != *expected {
        return Err(Refusal::ReportData);
    }
    Ok(Claims { measurement, details: Details::InsecureVirtual { host_data } })
}

#[cfg(test)]
mod tests;
