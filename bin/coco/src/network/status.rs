//! `coco network status`: who leads, who follows, and how far each node is.

use std::{io, path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use coco_client::ClientError;
use serde_json::json;
use tokio::runtime;

use super::{survey::Survey, table};
use crate::{
    config::duration,
    connection::{NodeUrl, certificate},
    exit,
    input::Unreadable,
};

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

/// A service that was not looked at.
#[derive(Debug, thiserror::Error)]
enum StatusError {
    #[error(transparent)]
    Certificate(#[from] Unreadable),
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
