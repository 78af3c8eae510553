//! What is asked of evidence on the command line, and whether that means anything for it.

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    time::SystemTime,
};

use clap::Args;
use coco_attest::dcap::Collateral;
use coco_crypto::{
    Certificate, pem,
    x509::{InvalidCertificate, UnixTime},
};
use coco_wire::{Digest, text::decode_hex};

use super::VerifyError;
use crate::{
    attest::{
        certificates,
        form::{MAX_LEN, read_bytes},
        piece::{Piece, Platform},
    },
    input,
};

/// Bytes as hexadecimal digits of either case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hex(pub(super) Vec<u8>);

impl FromStr for Hex {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        decode_hex(&text.to_ascii_lowercase()).map(Self).map_err(|_| "not hexadecimal digits")
    }
}

/// The value that a register must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Register {
    pub(super) number: u8,
    pub(super) value: Vec<u8>,
}

impl FromStr for Register {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, value) = text.split_once('=').ok_or("not of the form N=HEX")?;
        let number = number.parse().ok().filter(|number| *number < 32).ok_or("no such register")?;
        Ok(Self { number, value: value.parse::<Hex>()?.0 })
    }
}

/// Arguments that cannot be followed.
#[derive(Debug, thiserror::Error)]
pub(in crate::attest) enum Misuse {
    #[error("--{option} has no meaning for evidence of {}", .platform.name())]
    Option { option: &'static str, platform: Platform },
    #[error("--accept {what} has no meaning for evidence of {}; it takes {takes}", .platform.name())]
    Accept { what: String, platform: Platform, takes: &'static str },
    #[error("--{option} takes {expected} bytes here")]
    Length { option: &'static str, expected: usize },
    #[error("--minimum-tcb takes {0}")]
    MinimumTcb(&'static str),
    #[error("evidence of {} needs {needed}", .platform.name())]
    Missing { needed: &'static str, platform: Platform },
    #[error("{}: {error}", .path.display())]
    Certificate { path: PathBuf, error: InvalidCertificate },
    #[error("the register {0} does not exist there")]
    Register(u8),
    #[error(
        "an event log alone can be shown but not verified: it needs the quote that it leads to, \
         as `message`, `signature` and `pcrs` beside `event_log` in JSON"
    )]
    LogAlone,
}

/// What can be asked of all evidence, wherever it comes from.
#[derive(Args)]
pub(in crate::attest) struct WantedArgs {
    /// Certificates for the key that signed, PEM or DER, up to the root, beside those that come with it
    #[arg(long, value_name = "FILE")]
    endorsements: Vec<PathBuf>,
    /// Endorsements of the utility VM of SEV-SNP
    #[arg(long, value_name = "FILE")]
    uvm_endorsements: Option<PathBuf>,
    /// What the maker publishes: Intel's collateral as JSON, or AMD's revocation lists as DER
    #[arg(long, value_name = "FILE")]
    collateral: Vec<PathBuf>,
    /// Certificate of a root that you trust, instead of the maker's or where there is no maker
    #[arg(long, value_name = "FILE")]
    root: Option<PathBuf>,
    /// The TPM's key that you know: its public key as PEM, or its public area
    #[arg(long, value_name = "FILE", conflicts_with = "root")]
    key: Option<PathBuf>,
    /// Certificate of who may vouch for what the firmware of Windows starts
    #[arg(long, value_name = "FILE")]
    boot_authority: Vec<PathBuf>,
    /// When it is looked at, such as 2026-11-30T12:00:00Z; now if not given
    #[arg(long, value_name = "TIME")]
    at: Option<UnixTime>,
    /// The code that must run
    #[arg(long, value_name = "HEX")]
    measurement: Option<Hex>,
    /// What the host must have configured at the launch
    #[arg(long, value_name = "HEX")]
    host_data: Option<Hex>,
    /// Value of a register: PCR of a TPM or a Nitro Enclave, RTMR of TDX
    #[arg(long, value_name = "N=HEX")]
    register: Vec<Register>,
    /// The oldest trusted computing base: 16 digits on SEV-SNP, evaluation number of Intel, secure kernel of Windows
    #[arg(long, value_name = "VERSION")]
    minimum_tcb: Option<String>,
    /// Something that is refused otherwise; a refusal names it
    #[arg(long, value_name = "WHAT")]
    accept: Vec<String>,
}

/// What evidence must be bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound<'a> {
    /// A session of ours.
    Session(&'a Digest),
    /// What an option says.
    Given(&'a [u8]),
    /// The name of the node that shows it.
    Node(&'a Digest),
    /// Nothing in particular.
    Anything,
}

impl<'a> Bound<'a> {
    pub(super) fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Self::Session(name) | Self::Node(name) => Some(&name.0),
            Self::Given(bytes) => Some(bytes),
            Self::Anything => None,
        }
    }
}

/// What is asked, with files read.
pub(in crate::attest) struct Asked {
    /// When the evidence is looked at.
    pub(in crate::attest) now: UnixTime,
    pub(super) endorsements: Vec<Vec<u8>>,
    pub(super) uvm: Option<Vec<u8>>,
    pub(super) collateral: Vec<Vec<u8>>,
    pub(super) root: Option<Certificate>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) boot_authorities: Vec<Certificate>,
    /// What evidence must be bound to that was made for a session of ours.
    pub(in crate::attest) session: Option<Digest>,
    pub(super) report_data: Option<Vec<u8>>,
    pub(super) nonce: Option<Vec<u8>>,
    pub(super) measurement: Option<Vec<u8>>,
    pub(super) host_data: Option<Vec<u8>>,
    pub(super) registers: Vec<Register>,
    pub(super) minimum_tcb: Option<String>,
    pub(super) accept: Vec<String>,
}

impl Asked {
    /// What these arguments ask for, and nothing else.
    pub(in crate::attest) fn of(args: &WantedArgs) -> Result<Self, VerifyError> {
        let hex = |hex: &Option<Hex>| hex.as_ref().map(|hex| hex.0.clone());
        let endorsements = args.endorsements.iter().map(|path| read_bytes(path));
        let collateral = args.collateral.iter().map(|path| input::read(path, MAX_LEN));
        let boot_authorities = args.boot_authority.iter().map(|path| certificate(path));
        Ok(Self {
            now: args.at.unwrap_or_else(now),
            endorsements: endorsements.collect::<Result<_, _>>()?,
            uvm: args.uvm_endorsements.as_deref().map(read_bytes).transpose()?,
            collateral: collateral.collect::<Result<_, _>>()?,
            root: args.root.as_deref().map(certificate).transpose()?,
            key: args.key.as_deref().map(read_bytes).transpose()?,
            boot_authorities: boot_authorities.collect::<Result<_, _>>()?,
            session: None,
            report_data: None,
            nonce: None,
            measurement: hex(&args.measurement),
            host_data: hex(&args.host_data),
            registers: args.register.clone(),
            minimum_tcb: args.minimum_tcb.clone(),
            accept: args.accept.clone(),
        })
    }

    /// Refuses options that mean nothing for this piece.
    pub(super) fn only(&self, platform: Platform, meaningful: &[&str]) -> Result<(), Misuse> {
        let given = [
            ("endorsements", !self.endorsements.is_empty()),
            ("uvm-endorsements", self.uvm.is_some()),
            ("collateral", !self.collateral.is_empty()),
            ("root", self.root.is_some()),
            ("key", self.key.is_some()),
            ("boot-authority", !self.boot_authorities.is_empty()),
            ("report-data", self.report_data.is_some()),
            ("nonce", self.nonce.is_some()),
            ("measurement", self.measurement.is_some()),
            ("host-data", self.host_data.is_some()),
            ("register", !self.registers.is_empty()),
            ("minimum-tcb", self.minimum_tcb.is_some()),
            ("accept", !self.accept.is_empty()),
        ];
        match given.into_iter().find(|(option, given)| *given && !meaningful.contains(option)) {
            Some((option, _)) => Err(Misuse::Option { option, platform }),
            None => Ok(()),
        }
    }

    /// Refuses to accept what means nothing for this piece; `takes` says what would.
    pub(super) fn accepts_only(
        &self,
        platform: Platform,
        takes: &'static str,
        known: impl Fn(&str) -> bool,
    ) -> Result<(), Misuse> {
        match self.accept.iter().find(|what| !known(what)) {
            Some(what) => Err(Misuse::Accept { what: what.clone(), platform, takes }),
            None => Ok(()),
        }
    }

    pub(super) fn accepts(&self, what: &str) -> bool {
        self.accept.iter().any(|accepted| accepted.eq_ignore_ascii_case(what))
    }

    /// What a piece must be bound to, where its platform has room for that; `given` is what the option for that says.
    pub(super) fn bound<'a>(&'a self, given: Option<&'a [u8]>, piece: &'a Piece) -> Bound<'a> {
        match (&self.session, given, &piece.node) {
            (Some(session), _, _) => Bound::Session(session),
            (None, Some(given), _) => Bound::Given(given),
            (None, None, Some(node)) => Bound::Node(node),
            (None, None, None) => Bound::Anything,
        }
    }

    /// The report data that a piece must have; zeros follow what it must be bound to.
    pub(super) fn report_data<const N: usize>(&self, piece: &Piece) -> Result<Option<[u8; N]>, Misuse> {
        let Some(asked) = self.bound(self.report_data.as_deref(), piece).bytes() else { return Ok(None) };
        let mut padded = [0; N];
        let room = padded.get_mut(..asked.len());
        room.ok_or(Misuse::Length { option: "report-data", expected: N })?.copy_from_slice(asked);
        Ok(Some(padded))
    }

    /// PEM of a chain out of the certificates that were given and those that stand beside the piece.
    pub(super) fn certificates(&self, piece: &Piece) -> Vec<u8> {
        certificates::chain_of(self.endorsements.iter().chain([&piece.certificates]).map(Vec::as_slice))
    }

    /// The only collateral of Intel: what was given, or what stands beside the piece.
    pub(super) fn intel(&self, piece: &Piece) -> Result<Collateral, super::NotShown> {
        let needed = "--collateral FILE: what Intel publishes about its machine, as JSON";
        match (self.collateral.as_slice(), &piece.collateral) {
            ([json], _) | ([], Some(json)) => Ok(Collateral::from_json(json)?),
            _ => Err(Misuse::Missing { needed, platform: piece.platform }.into()),
        }
    }

    /// Revocation lists as DER.
    pub(super) fn revocation_lists(&self) -> Vec<Vec<u8>> {
        let der = |bytes: &Vec<u8>| {
            let text = std::str::from_utf8(bytes).ok();
            let block = text.and_then(|text| pem::decode(text, "X509 CRL").ok());
            block.map_or_else(|| bytes.clone(), |der| der.to_vec())
        };
        self.collateral.iter().map(der).collect()
    }
}

pub(super) fn certificate(path: &Path) -> Result<Certificate, VerifyError> {
    let bytes = input::read(path, MAX_LEN)?;
    let read =
        Certificate::from_der(&bytes).or_else(|_| Certificate::from_pem(&String::from_utf8_lossy(&bytes)));
    Ok(read.map_err(|error| Misuse::Certificate { path: path.to_path_buf(), error })?)
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
