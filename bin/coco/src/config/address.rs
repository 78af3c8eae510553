//! Where something listens or is reached.

use std::{fmt, net::Ipv6Addr, str::FromStr};

use super::item::{ConfigError, Item, Parse};

/// A host and a port, written `host:port`; without a port, 0. An IPv6 address stands in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    /// Port; 0 lets the system choose.
    pub port: u16,
}

/// Text that is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// No host, or one with characters that no host has.
    #[error("not an address of the form host:port (an IPv6 address stands in brackets, [::1]:8080)")]
    Host,
    /// Not a port.
    #[error("the port is not a number from 0 to 65535")]
    Port,
}

impl Address {
    /// Name or IP address, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port),
            _ => (text, "0"),
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(host) if host.parse::<Ipv6Addr>().is_ok() => host,
            None if !host.is_empty() && host.bytes().all(allowed) => host,
            _ => return Err(InvalidAddress::Host),
        };
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits).ok_or(InvalidAddress::Port)?;
        Ok(Self { host: host.to_owned(), port })
    }
}

/// As it is written in a configuration.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl Parse for Address {
    fn parse(item: &Item<'_>) -> Result<Self, ConfigError> {
        item.form()
    }
}

#[cfg(test)]
mod tests;
