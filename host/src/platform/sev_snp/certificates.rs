//! Certificates of a processor that go with its report, and where they are looked for.

use std::{fmt, io, sync::Mutex};

use coco_attest::sev_snp::{
    Report,
    certificates::{InvalidEndorsements, of_azure, of_table},
    check_endorsements,
    servers::NoAnswer,
};
use coco_boundary::Log;

/// Gets certificates of processors from somewhere else.
pub trait Endorser: Send + Sync {
    /// PEM of the certificates that go with a report: signing key, intermediate, root. May take minutes.
    ///
    /// # Errors
    /// See [`Unendorsed`].
    fn certificates(&self, report: &[u8]) -> Result<Vec<u8>, Unendorsed>;
}

/// Why certificates cannot be had from elsewhere.
#[derive(Debug, thiserror::Error)]
pub enum Unendorsed {
    /// Nobody has them.
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
    /// The node stops.
    #[error("the node stops")]
    Stopped,
    /// The system refuses what is needed to ask.
    #[error("the system refuses what is needed to ask: {0}")]
    System(#[from] io::Error),
}

/// Why there are no certificates that go with a report: one reason for each place where they were looked for, in this
/// order.
#[derive(Debug)]
pub struct NoCertificates {
    /// The file, if there is one.
    pub file: Option<InvalidEndorsements>,
    /// What the host gives with a report, if it may give something.
    pub host: Option<InvalidEndorsements>,
    /// Servers.
    pub servers: Unendorsed,
}

impl fmt::Display for NoCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, host, servers } = self;
        write!(f, "no certificates of the processor: ")?;
        match file {
            Some(why) => write!(f, "`attestation.snp_endorsements_file`: {why}; ")?,
            None => write!(f, "no `attestation.snp_endorsements_file`; ")?,
        }
        if let Some(host) = host {
            write!(f, "with the report: {host}; ")?;
        }
        write!(f, "`attestation.snp_endorsements_servers`: {servers}")
    }
}

impl std::error::Error for NoCertificates {}

/// Where certificates are looked for.
pub(in crate::platform) struct Certificates {
    /// As Azure leaves them in a file of a container: JSON.
    pub(in crate::platform) file: Option<Vec<u8>>,
    /// Whom to ask if nobody else has them.
    pub(in crate::platform) servers: Box<dyn Endorser>,
    /// What servers gave last.
    pub(in crate::platform) fetched: Mutex<Vec<u8>>,
}

impl Certificates {
    /// PEM of the first that go with a report: of the file, of the host, of servers. `of_host` is the table that the host
    /// gives with it, where it may give one.
    pub(in crate::platform) fn for_report(
        &self,
        quote: &[u8],
        report: &Report,
        of_host: Option<&[u8]>,
        log: &Log,
    ) -> Result<Vec<u8>, NoCertificates> {
        let checked = |text: Vec<u8>| {
            check_endorsements(&text, quote)?;
            Ok(text)
        };
        let file = match &self.file {
            Some(json) => match of_azure(json, report).and_then(checked) {
                Ok(text) => return Ok(text),
                Err(why) => {
                    log.fail(format_args!("SEV-SNP: `attestation.snp_endorsements_file`: {why}"));
                    Some(why)
                }
            },
            None => None,
        };
        let host = match of_host.map(|table| of_table(table, report).and_then(checked)) {
            Some(Ok(text)) => return Ok(text),
            Some(Err(why)) => Some(why),
            None => None,
        };
        self.fetch(quote).map_err(|servers| NoCertificates { file, host, servers })
    }

    /// The host may load firmware while the node runs: then there are others.
    fn fetch(&self, quote: &[u8]) -> Result<Vec<u8>, Unendorsed> {
        let mut fetched = self.fetched.lock().expect("nobody panics with certificates");
        if check_endorsements(&fetched, quote).is_err() {
            *fetched = self.servers.certificates(quote)?;
        }
        Ok(fetched.clone())
    }
}
