//! Whom a certificate is for.

use std::{fmt, net::IpAddr, str::FromStr};

use crate::der;

/// Most bytes of one part of a subject name.
const MAX_VALUE_LEN: usize = 128;
/// Most parts of a subject name.
const MAX_PARTS: usize = 16;

/// A distinguished name in DER, as a certificate carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(Vec<u8>);

/// Text that is not a name of the expected form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Not `KEY=value` joined by commas with the keys CN, C, L, ST, O and OU, each once.
    #[error("not a subject name of the form CN=value")]
    Subject,
    /// Not `iPAddress:` and an address or `dNSName:` and a host name.
    #[error("not a subject alternative name of the form iPAddress:ADDRESS or dNSName:NAME")]
    SubjectAltName,
}

impl Name {
    /// `CN=value`.
    ///
    /// # Errors
    /// When `value` is empty or longer than 128 bytes.
    pub fn common(value: &str) -> Result<Self, InvalidName> {
        let part = part("CN", value).ok_or(InvalidName::Subject)?;
        Ok(Self(der::sequence(&[&part])))
    }

    pub(crate) fn from_der(der: &[u8]) -> Self {
        Self(der.to_vec())
    }

    pub(crate) fn as_der(&self) -> &[u8] {
        &self.0
    }
}

/// Reads the form of CCF's configuration, as `CN=CCF Node,O=Contoso`.
impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let mut keys = Vec::new();
        let mut parts = Vec::new();
        for item in text.split(',') {
            let (key, value) = item.split_once('=').ok_or(InvalidName::Subject)?;
            if keys.contains(&key) || keys.len() == MAX_PARTS {
                return Err(InvalidName::Subject);
            }
            keys.push(key);
            parts.push(part(key, value).ok_or(InvalidName::Subject)?);
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        Ok(Self(der::sequence(&parts)))
    }
}

/// One relative name: a SET of one attribute.
fn part(key: &str, value: &str) -> Option<Vec<u8>> {
    let attribute = match key {
        "CN" => 3,
        "C" => 6,
        "L" => 7,
        "ST" => 8,
        "O" => 10,
        "OU" => 11,
        _ => return None,
    };
    let is_country = value.len() == 2 && value.bytes().all(|byte| byte.is_ascii_uppercase());
    if value.is_empty() || value.len() > MAX_VALUE_LEN || (key == "C" && !is_country) {
        return None;
    }
    let tag = if key == "C" { der::PRINTABLE_STRING } else { der::UTF8_STRING };
    let object_id = der::element(der::OBJECT_ID, &[&[0x55, 0x04, attribute]]);
    let attribute = der::sequence(&[&object_id, &der::element(tag, &[value.as_bytes()])]);
    Some(der::element(der::SET, &[&attribute]))
}

/// A host name, perhaps with a wildcard label; its case is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsName(String);

impl DnsName {
    /// Checks the characters and lengths of RFC 1035, with `_` and `*` allowed.
    ///
    /// # Errors
    /// [`InvalidName::SubjectAltName`].
    pub fn new(name: &str) -> Result<Self, InvalidName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_*".contains(&byte);
        let label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(allowed);
        let valid = name.len() <= 253 && name.split('.').all(label);
        if valid { Ok(Self(name.to_owned())) } else { Err(InvalidName::SubjectAltName) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An address under which the holder of a certificate is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectAltName {
    /// A host name.
    Dns(DnsName),
    /// An IP address.
    Ip(IpAddr),
}

impl SubjectAltName {
    /// DER of GeneralName (RFC 5280 section 4.2.1.6).
    pub(crate) fn to_der(&self) -> Vec<u8> {
        const DNS_NAME: u8 = 0x82;
        const IP_ADDRESS: u8 = 0x87;
        match self {
            Self::Dns(name) => der::element(DNS_NAME, &[name.as_str().as_bytes()]),
            Self::Ip(IpAddr::V4(address)) => der::element(IP_ADDRESS, &[&address.octets()]),
            Self::Ip(IpAddr::V6(address)) => der::element(IP_ADDRESS, &[&address.octets()]),
        }
    }
}

/// `iPAddress:ADDRESS` or `dNSName:NAME`, as in CCF's configuration.
impl FromStr for SubjectAltName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        match text.split_once(':') {
            Some(("iPAddress", address)) => {
                address.parse().map(Self::Ip).map_err(|_| InvalidName::SubjectAltName)
            }
            Some(("dNSName", name)) => DnsName::new(name).map(Self::Dns),
            _ => Err(InvalidName::SubjectAltName),
        }
    }
}

impl fmt::Display for SubjectAltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "dNSName:{}", name.as_str()),
            Self::Ip(address) => write!(f, "iPAddress:{address}"),
        }
    }
}

#[cfg(test)]
mod tests;
