//! Why a run could not be made.

use std::io;

/// Why a run could not be made; failures of single requests are counted in the report instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file, process or socket failed.
    #[error("{what}: {source}")]
    Io {
        /// The file, process or address.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// A certificate or key cannot be used.
    #[error("{what}: {source}")]
    Tls {
        /// The file or step.
        what: String,
        /// What the TLS library said.
        source: rustls::Error,
    },
    /// A certificate could not be made.
    #[error("making a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The address is not `https://HOST:PORT`.
    #[error("not an address of the form https://HOST:PORT: {0}")]
    Address(String),
    /// The server closed a connection with requests in flight.
    #[error("the server closed the connection")]
    Closed,
    /// The server's bytes are not the HTTP this client reads.
    #[error("unexpected answer: {0}")]
    Answer(&'static str),
    /// HTTP/2 failed.
    #[error("HTTP/2: {0}")]
    Http2(#[from] h2::Error),
    /// Filling the table before the run was refused.
    #[error("filling the table: status {0}")]
    Preload(u16),
    /// The plan contradicts itself.
    #[error("{0}")]
    Plan(&'static str),
    /// A thread of the generator stopped early.
    #[error("a thread of the generator stopped")]
    Thread,
    /// Another process used too much CPU in every attempt.
    #[error("{case}: foreign CPU {percent:.1} % in {attempts} attempts; use a quiet machine")]
    Foreign {
        /// The case of the suite.
        case: &'static str,
        /// The last attempt's figure, in percent of the whole machine.
        percent: f64,
        /// Attempts made.
        attempts: usize,
    },
    /// A case of the suite had failing requests.
    #[error("{case} on {service}: {failures}")]
    Failures {
        /// The case of the suite.
        case: &'static str,
        /// The service's name in the suite.
        service: String,
        /// What failed how often.
        failures: String,
    },
}

impl Error {
    /// Names the file, process or address of an I/O error; made for `map_err`.
    pub(crate) fn io(what: impl ToString) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what: what.to_string(), source }
    }

    /// Names the file or step of a TLS error; made for `map_err`.
    pub(crate) fn tls(what: impl ToString) -> impl FnOnce(rustls::Error) -> Self {
        move |source| Self::Tls { what: what.to_string(), source }
    }
}
