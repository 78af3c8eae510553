//! Which service a command talks to and who talks: from arguments, the environment, or the directory of a sandbox.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;
use coco_client::{Client, ClientError};
use coco_crypto::Certificate;

use crate::input::{Unreadable, read_text};

mod member;
mod places;

pub(crate) use member::{MemberArgs, MemberError, party};
pub(crate) use places::Places;

/// Which service, and how to know it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Service")]
pub(crate) struct ServiceArgs {
    /// Any node of the service [or COCO_URL]
    #[arg(long, value_name = "https://HOST:PORT")]
    pub(crate) url: Option<NodeUrl>,
    /// PEM certificate of the service [or COCO_SERVICE_CERT]
    #[arg(long, value_name = "FILE")]
    pub(crate) service_cert: Option<PathBuf>,
    /// Directory of a sandbox, whose sandbox.json tells all of this, and its members' keys [or COCO_DIR]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// A service that is known by its certificate.
pub(crate) struct Service {
    pub(crate) url: NodeUrl,
    pub(crate) certificate: Certificate,
}

/// A service that is not known well enough.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    #[error("which service? Give --url https://HOST:PORT or --dir DIR of a sandbox, or set COCO_URL")]
    NoUrl,
    #[error(
        "by which certificate is the service known? Give --service-cert FILE or --dir DIR of a sandbox, or set \
         COCO_SERVICE_CERT"
    )]
    NoCertificate,
    #[error("COCO_URL: {0}")]
    Variable(#[from] InvalidUrl),
    #[error(transparent)]
    File(#[from] Unreadable),
}

impl ServiceArgs {
    /// The service that these arguments name or, where they do not, what is found in `places`.
    pub(crate) fn resolve(&self, places: &Places<'_>) -> Result<Service, ServiceError> {
        Ok(Service { url: self.url(places)?, certificate: self.certificate(places)? })
    }

    fn url(&self, places: &Places<'_>) -> Result<NodeUrl, ServiceError> {
        let url = |text: &str| text.parse::<NodeUrl>();
        if let Some(given) = &self.url {
            return Ok(given.clone());
        }
        let found = places.find("COCO_URL", |sandbox| Some(sandbox.url.clone().into()))?;
        Ok(url(&found.ok_or(ServiceError::NoUrl)?.to_string_lossy())?)
    }

    /// The certificate alone, for what needs no connection.
    pub(crate) fn certificate(&self, places: &Places<'_>) -> Result<Certificate, ServiceError> {
        let path = match &self.service_cert {
            Some(given) => given.clone(),
            None => {
                let found = places
                    .find("COCO_SERVICE_CERT", |sandbox| Some(sandbox.service_certificate.clone().into()))?;
                found.ok_or(ServiceError::NoCertificate)?.into()
            }
        };
        Ok(certificate(&path)?)
    }
}

impl Service {
    /// A client that shows no certificate: whoever signs messages needs none.
    pub(crate) fn client(&self) -> Result<Client, ClientError> {
        Client::new(&self.url.address, &self.certificate, None)
    }
}

/// Where a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeUrl {
    /// `host:port`.
    pub(crate) address: String,
}

#[derive(Debug, thiserror::Error)]
#[error("not of the form https://HOST:PORT")]
pub(crate) struct InvalidUrl;

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

/// Reads a PEM certificate.
pub(crate) fn certificate(path: &Path) -> Result<Certificate, Unreadable> {
    Certificate::from_pem(&read_text(path)?).map_err(|error| Unreadable::content(path, error))
}

#[cfg(test)]
mod tests;
