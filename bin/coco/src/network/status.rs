//! `coco network status`: who leads, who follows, and how far each node is.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
    time::Duration,
};

use clap::Args;
use coco_client::ClientError;
use coco_crypto::{Certificate, x509::InvalidCertificate};
use serde_json::json;
use tokio::runtime;

use super::{survey::Survey, table};
use crate::{config::duration, exit};

const EXAMPLES: &str = "\
Examples:
  coco network status --url https://127.0.0.1:8000 --ca service_cert.pem
  coco network status --url https://127.0.0.1:8000 --ca service_cert.pem --json

The node at the URL lists the nodes of its service; each is then asked what it knows itself: its role, its view and
the last transaction that it knows to be committed.
Exit status: 0 a primary leads and a majority of the nodes answers; 1 not so; 2 wrong arguments, or the certificate
cannot be read.";

/// Ask every node how it stands, and whether they agree.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct StatusArgs {
    /// Any node of the service
    #[arg(long, value_name = "https://HOST:PORT")]
    url: NodeUrl,
    /// PEM certificate of the service
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// How long to wait for each node
    #[arg(long, default_value = "3s", value_name = "TIME", value_parser = duration)]
    timeout: Duration,
    /// Tell the result as JSON
    #[arg(long)]
    json: bool,
}

/// Where a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NodeUrl {
    /// `host:port`.
    address: String,
}

#[derive(Debug, thiserror::Error)]
#[error("not of the form https://HOST:PORT")]
struct InvalidUrl;

impl FromStr for NodeUrl {
    type Err = InvalidUrl;

    /// The scheme may be left out.
    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let address = text.strip_prefix("https://").unwrap_or(text);
        let address = address.strip_suffix('/').unwrap_or(address);
        let (host, port) = address.rsplit_once(':').ok_or(InvalidUrl)?;
        let is_host = !host.is_empty() && !host.contains(['/', '@', '?', '#']);
        let is_port = port.parse::<u16>().is_ok_and(|port| port > 0);
        if is_host && is_port { Ok(Self { address: address.to_owned() }) } else { Err(InvalidUrl) }
    }
}

/// A service that was not looked at.
#[derive(Debug, thiserror::Error)]
enum StatusError {
    #[error("{}: {error}", .path.display())]
    Io { path: PathBuf, error: io::Error },
    #[error("{}: {error}", .path.display())]
    Certificate { path: PathBuf, error: InvalidCertificate },
    #[error("{0}")]
    System(#[from] io::Error),
}

impl StatusArgs {
    pub(crate) fn execute(&self) -> ExitCode {
        match self.show() {
            Ok(status) => ExitCode::from(status),
            Err(error) => exit::failed(error),
        }
    }

    fn show(&self) -> Result<u8, StatusError> {
        let service = certificate(&self.ca)?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let survey = runtime.block_on(Survey::take(&self.url.address, &service, self.timeout));
        exit::print(|out| match &survey {
            Ok(survey) if self.json => writeln!(out, "{:#}", table::json(survey)),
            Ok(survey) => table::write(survey, out),
            Err(error) if self.json => writeln!(out, "{:#}", self.silent_json(error)),
            Err(error) => writeln!(out, "NOT HEALTHY: the nodes are not known: {error}."),
        })?;
        let is_healthy = survey.is_ok_and(|survey| survey.health().is_ok());
        Ok(if is_healthy { 0 } else { exit::REFUSED })
    }

    fn silent_json(&self, error: &ClientError) -> serde_json::Value {
        json!({ "healthy": false, "reason": error.to_string(), "asked": self.url.address, "nodes": [] })
    }
}

fn certificate(path: &Path) -> Result<Certificate, StatusError> {
    let failed = |error| StatusError::Io { path: path.to_path_buf(), error };
    let pem = fs::read_to_string(path).map_err(failed)?;
    Certificate::from_pem(&pem).map_err(|error| StatusError::Certificate { path: path.to_path_buf(), error })
}

#[cfg(test)]
mod tests;
