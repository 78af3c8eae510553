//! Where requests go and who sends them.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};

use crate::error::Error;
use crate::identity::{AnyCertificate, certificates, private_key};

/// A service's address with the TLS settings to reach it.
#[derive(Clone)]
pub struct Target {
    /// The socket to connect to.
    pub address: SocketAddr,
    /// `HOST:PORT` as given, for the `host` header.
    pub authority: String,
    pub(crate) name: ServerName<'static>,
    pub(crate) http1: Arc<ClientConfig>,
    pub(crate) http2: Arc<ClientConfig>,
}

/// Files that prove the client to the service and the service to the client, all PEM.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credentials<'a> {
    /// The service's certificate; without it any server is believed.
    pub service: Option<&'a Path>,
    /// The client's certificate and its private key (PKCS#8 or SEC1).
    pub client: Option<(&'a Path, &'a Path)>,
}

impl Target {
    /// Reads `https://HOST:PORT` and the credentials.
    pub fn new(url: &str, credentials: Credentials<'_>) -> Result<Self, Error> {
        let wrong = || Error::Address(url.to_owned());
        let authority = url.strip_prefix("https://").ok_or_else(wrong)?.trim_end_matches('/');
        let (host, port) = authority.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port: u16 = port.parse().map_err(|_| wrong())?;
        let address = (host, port).to_socket_addrs().map_err(Error::io(url))?.next().ok_or_else(wrong)?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| wrong())?;
        let config = config(credentials)?;
        let with = |protocol: &[u8]| {
            let mut config = config.clone();
            config.alpn_protocols = vec![protocol.to_vec()];
            Arc::new(config)
        };
        let (http1, http2) = (with(b"http/1.1"), with(b"h2"));
        Ok(Self { address, authority: authority.to_owned(), name, http1, http2 })
    }
}

/// Sessions are never resumed: a handshake that is measured must be a whole one.
fn config(credentials: Credentials<'_>) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder();
    let builder = match credentials.service {
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(Error::tls(file.display()))?;
            }
            builder.with_root_certificates(roots)
        }
        None => builder.dangerous().with_custom_certificate_verifier(AnyCertificate::new(false)),
    };
    let mut config = match credentials.client {
        Some((certificate, key)) => {
            let chain = certificates(certificate)?;
            builder
                .with_client_auth_cert(chain, private_key(key)?)
                .map_err(Error::tls(certificate.display()))?
        }
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(config)
}
