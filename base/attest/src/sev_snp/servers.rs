//! Servers that have the certificates of processors: what they are asked, and in which form they answer.
//!
//! Source: CCF `include/ccf/pal/attestation_sev_snp_endorsements.h` and `attestation_sev_snp.h`; AMD, VCEK certificate and
//! KDS interface (publication 57230).

mod inquiry;

use coco_wire::text::encode_hex;
pub use inquiry::{Failure, Inquiry, Next, NoAnswer};

use super::{Product, Refusal, Report};

/// The first version of reports that CCF asks servers about: those name the processor.
const OLDEST_VERSION: u32 = 3;
/// `SIGNING_KEY` of a report that the key of a chip (VCEK) signed: servers know no other.
const CHIP: u32 = 0;

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// What it speaks.
    pub service: Service,
    /// `host:port`
    pub address: String,
    /// Tries after the first; all that it is asked shares them.
    pub max_retries: u32,
    /// Largest answer, in bytes.
    pub max_answer: usize,
}

/// What servers speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Azure's cache.
    Azure,
    /// AMD's own.
    Amd,
    /// Azure's on the machine itself.
    Thim,
}

/// Under what a server speaks HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// TLS, with whatever certificate: nothing secret is asked, and what is answered is believed for other reasons.
    Https,
    /// Nothing.
    Http,
}

/// What a server is asked: `GET`, with no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// Under what.
    pub scheme: Scheme,
    /// `host:port`
    pub address: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// Header fields.
    pub headers: &'static [(&'static str, &'static str)],
    /// Largest answer, in bytes.
    pub max_answer: usize,
}

impl Service {
    /// Host of AMD's or Azure's own server.
    #[must_use]
    pub fn host(self) -> &'static str {
        match self {
            Self::Azure => "global.acccache.azure.net",
            Self::Amd => "kdsintf.amd.com",
            Self::Thim => "169.254.169.254",
        }
    }

    /// Where such servers usually listen.
    #[must_use]
    pub fn port(self) -> u16 {
        match self.scheme() {
            Scheme::Https => 443,
            Scheme::Http => 80,
        }
    }

    fn scheme(self) -> Scheme {
        match self {
            Self::Azure | Self::Amd => Scheme::Https,
            Self::Thim => Scheme::Http,
        }
    }

    fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Azure | Self::Amd => &[],
            // Proves that the request is meant, and was not made by someone who was tricked.
            Self::Thim => &[("metadata", "true")],
        }
    }

    /// All that is asked about a report: the answers together are its chain.
    fn parts(self, report: &Report, product: Product) -> Vec<Part> {
        let chip = encode_hex(&report.chip_id);
        let tcb = report.reported_tcb;
        match self {
            Self::Azure => vec![Part {
                target: format!("/SevSnpVM/certificates/{chip}/{tcb:x}?api-version=2020-10-15-preview"),
                form: Form::Pem,
            }],
            Self::Amd => {
                let line = format!("/vcek/v1/{}", product.name());
                let chip = encode_hex(&report.chip_id[..product.chip_id_len()]);
                let version = version(report, product);
                vec![
                    Part { target: format!("{line}/{chip}?{version}"), form: Form::Der },
                    Part { target: format!("{line}/cert_chain"), form: Form::Pem },
                ]
            }
            Self::Thim => {
                let query = format!("platformId={chip}&tcbVersion={tcb:x}");
                let target = format!("/metadata/THIM/amd/certification?{query}");
                vec![Part { target, form: Form::Thim }]
            }
        }
    }
}

/// The reported trusted computing base, as AMD's server wants it; in CCF's order.
fn version(report: &Report, product: Product) -> String {
    let version = product.tcb_version(report.reported_tcb);
    let fmc = version.fmc.map(|fmc| format!("&fmcSPL={fmc}")).unwrap_or_default();
    let (boot_loader, tee) = (version.boot_loader, version.tee);
    let (snp, microcode) = (version.snp, version.microcode);
    format!("blSPL={boot_loader}{fmc}&snpSPL={snp}&teeSPL={tee}&ucodeSPL={microcode}")
}

impl Scheme {
    /// As in URLs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }
}

/// Something that is asked of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    /// Path and query.
    target: String,
    /// Of the answer.
    form: Form,
}

/// What an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Certificates, in PEM.
    Pem,
    /// One certificate, in DER.
    Der,
    /// JSON with certificates in PEM.
    Thim,
}

/// The line of the processor whose certificates are to be found.
fn line(report: &Report) -> Result<Product, Refusal> {
    let processor = match report.processor {
        Some(processor) if report.version >= OLDEST_VERSION => processor,
        _ => return Err(Refusal::Version(report.version)),
    };
    if report.flags.signing_key() != CHIP {
        return Err(Refusal::SigningKey(report.flags.signing_key()));
    }
    if report.flags.mask_chip_key() {
        return Err(Refusal::MaskedChip);
    }
    Ok(processor.product()?)
}

#[cfg(test)]
mod tests;
