//! URLs that a node of the service sends this one to.

/// Longest address, and longest path, in bytes.
const MAX_LEN: usize = 256;

/// `host:port` of a URL such as `https://host:port/node/join`.
pub(crate) fn address_in(location: &str) -> Option<&str> {
    let rest = location.strip_prefix("https://")?;
    let address = rest.split('/').next()?;
    let (host, port) = address.rsplit_once(':')?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte);
    let sound = !host.is_empty() && address.len() <= MAX_LEN && address.bytes().all(allowed);
    (sound && port.parse::<u16>().is_ok()).then_some(address)
}

/// Path and query of such a URL.
pub(crate) fn path_in(location: &str) -> Option<&str> {
    let rest = location.strip_prefix("https://")?;
    let path = &rest[rest.find('/')?..];
    let sound = path.len() <= MAX_LEN && path.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    sound.then_some(path)
}
