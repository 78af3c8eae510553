//! Asking one server after the other until one has certificates that go with a report.

use std::fmt;

use coco_crypto::{Certificate, pem};

use super::{Form, Part, Question, Report, Server, line};
use crate::sev_snp::{Refusal, certificates::of_thim, check_endorsements};

const OK: u16 = 200;
const TOO_MANY_REQUESTS: u16 = 429;
const SERVICE_UNAVAILABLE: u16 = 503;
/// Seconds between two tries, if the server does not say.
const WAIT_S: u64 = 3;
/// Most seconds of those that a server says.
const MAX_WAIT_S: u64 = 60;

/// An inquiry that is under way: there is always a question to put, and one answer to it to take in.
///
/// A server that does not answer, or with another status than 200, is asked again, as often as it may be; then, or if what
/// it says does not go with the report, the next one is.
#[derive(Clone, Debug)]
pub struct Inquiry {
    report: Vec<u8>,
    servers: Vec<(Server, Vec<Part>)>,
    /// Who is asked, and for which part.
    at: (usize, usize),
    /// What this server gave so far: PEM.
    found: Vec<u8>,
    /// How often this server was asked again.
    retries: u32,
    /// How often all were.
    all_retries: u64,
}

/// What follows from an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The server is asked for the rest.
    Ask,
    /// The server is asked the same again.
    AskAgain {
        /// Seconds to wait before that.
        after_s: u64,
        /// Why.
        because: Failure,
    },
    /// Another server is asked.
    AskOther {
        /// Why.
        because: Failure,
    },
    /// The certificates: PEM of the signing key, the intermediate and the root.
    Found(Vec<u8>),
    /// There is none that could still be asked.
    GiveUp {
        /// Why not the last one.
        because: Failure,
        /// That all were asked.
        all: NoAnswer,
    },
}

/// What a log says of the answer.
impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask => write!(f, "answered"),
            Self::Found(_) => write!(f, "answered, and complete"),
            Self::AskAgain { after_s, because } => write!(f, "{because}; asking again in {after_s} s"),
            Self::AskOther { because } => write!(f, "{because}; asking the next server"),
            Self::GiveUp { because, .. } => write!(f, "{because}"),
        }
    }
}

/// Why an answer is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// There is none: why is for people.
    #[error("{0}")]
    Unanswered(String),
    /// Another status than 200: redirections are not followed, as by CCF.
    #[error("it answered with status {0}")]
    Status(u16),
    /// Not the JSON with certificates.
    #[error("it answered with something else than JSON with `vcekCert` and `certificateChain`")]
    Json,
    /// Other certificates, or none.
    #[error("its certificates do not go with the report: {0}")]
    Certificates(#[from] Refusal),
}

/// Why servers give no certificates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// There is none.
    #[error("there is no server to ask")]
    NoServers,
    /// No server has certificates for such a report.
    #[error("servers have none for such a report: {0}")]
    Report(#[from] Refusal),
    /// All were asked. The text is CCF's.
    #[error("Giving up retrying fetching attestation endorsements from [{}] after {retries} attempts", addresses.join(", "))]
    GaveUp {
        /// `host:port` of each server.
        addresses: Vec<String>,
        /// Tries after the first one of each server.
        retries: u64,
    },
}

impl Inquiry {
    /// Begins with the first of these servers.
    ///
    /// # Errors
    /// If none can be asked about this report.
    pub fn new(servers: &[Server], report: &[u8]) -> Result<Self, NoAnswer> {
        let parsed = Report::read(report)?;
        if servers.is_empty() {
            return Err(NoAnswer::NoServers);
        }
        let product = line(&parsed)?;
        let with_parts = |server: &Server| (server.clone(), server.service.parts(&parsed, product));
        Ok(Self {
            report: report.to_vec(),
            servers: servers.iter().map(with_parts).collect(),
            at: (0, 0),
            found: Vec::new(),
            retries: 0,
            all_retries: 0,
        })
    }

    /// What to ask now.
    #[must_use]
    pub fn question(&self) -> Question<'_> {
        let (server, part) = self.asked();
        Question {
            scheme: server.service.scheme(),
            address: &server.address,
            target: &part.target,
            headers: server.service.headers(),
            max_answer: server.max_answer,
        }
    }

    /// Takes in an answer: its status, the field `Retry-After`, if it has one, and its body.
    pub fn answered(&mut self, status: u16, retry_after: Option<&str>, body: &[u8]) -> Next {
        match status {
            OK => self.keep(body).unwrap_or_else(|failure| self.ask_other(failure)),
            TOO_MANY_REQUESTS | SERVICE_UNAVAILABLE => {
                let asked = retry_after.and_then(|seconds| seconds.parse().ok());
                self.ask_again(asked.unwrap_or(WAIT_S).min(MAX_WAIT_S), Failure::Status(status))
            }
            _ => self.ask_again(WAIT_S, Failure::Status(status)),
        }
    }

    /// Takes in that there is no answer, and why.
    pub fn unanswered(&mut self, why: String) -> Next {
        self.ask_again(WAIT_S, Failure::Unanswered(why))
    }

    fn asked(&self) -> (&Server, &Part) {
        let (server, parts) = &self.servers[self.at.0];
        (server, &parts[self.at.1])
    }

    fn keep(&mut self, body: &[u8]) -> Result<Next, Failure> {
        let text = match self.asked().1.form {
            Form::Pem => body.to_vec(),
            Form::Der => {
                Certificate::from_der(body).map_err(Refusal::from)?;
                pem::encode("CERTIFICATE", body).into_bytes()
            }
            Form::Thim => of_thim(body).ok_or(Failure::Json)?,
        };
        self.found.extend(text);
        if self.at.1 + 1 < self.servers[self.at.0].1.len() {
            self.at.1 += 1;
            return Ok(Next::Ask);
        }
        check_endorsements(&self.found, &self.report)?;
        Ok(Next::Found(self.found.clone()))
    }

    fn ask_again(&mut self, after_s: u64, because: Failure) -> Next {
        if self.retries >= self.asked().0.max_retries {
            return self.ask_other(because);
        }
        self.retries += 1;
        self.all_retries += 1;
        Next::AskAgain { after_s, because }
    }

    fn ask_other(&mut self, because: Failure) -> Next {
        // What two servers say does not belong together.
        self.found.clear();
        self.retries = 0;
        if self.at.0 + 1 < self.servers.len() {
            self.at = (self.at.0 + 1, 0);
            return Next::AskOther { because };
        }
        self.at = (0, 0);
        let addresses = self.servers.iter().map(|(server, _)| server.address.clone()).collect();
        Next::GiveUp { because, all: NoAnswer::GaveUp { addresses, retries: self.all_retries } }
    }
}
