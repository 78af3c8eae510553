//! Issuers are known by URL: which tokens a key is good for, and which limits its issuer may set.

/// Whose tokens name the tenant in the path of their issuer.
const ENTRA: &str = "login.microsoftonline.com";
/// Stands for any tenant in an issuer of that domain.
const ANY_TENANT: &str = "{tenantid}";

/// Host and path of a URL, found as RFC 3986, appendix B, does it; empty where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    pub(super) host: &'a str,
    pub(super) path: &'a str,
}

impl<'a> Parts<'a> {
    pub(super) fn of(url: &'a str) -> Self {
        let end = url.find(['?', '#']).unwrap_or(url.len());
        let hierarchy = match url[..end].find([':', '/']) {
            Some(colon) if colon > 0 && url[colon..].starts_with(':') => &url[colon + 1..end],
            _ => &url[..end],
        };
        let Some(rest) = hierarchy.strip_prefix("//") else { return Self { host: "", path: hierarchy } };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // An IPv6 address has colons of its own, within brackets.
        let bracket = authority.rfind(']').unwrap_or(0);
        let host = authority[bracket..].find(':').map_or(authority, |port| &authority[..bracket + port]);
        Self { host, path }
    }
}

/// Whether a key with this constraint verifies tokens of `issuer` and `tenant` (the claims `iss` and `tid`).
pub(super) fn admits(constraint: &str, issuer: &str, tenant: Option<&str>) -> bool {
    if Parts::of(constraint).host != ENTRA {
        // Other issuers have no tenants, and so do not say which.
        return issuer == constraint && tenant.is_none();
    }
    // The tenant must be the one that the issuer's path begins with, also where it is given in full.
    let Some(tenant) = tenant else { return false };
    issuer == constraint.replacen(ANY_TENANT, tenant, 1)
        && Parts::of(issuer).path.split('/').find(|element| !element.is_empty()) == Some(tenant)
}

/// Whether keys of `issuer` may be limited to this constraint: one of the same domain, or of one above it.
pub(super) fn may_constrain(issuer: &str, constraint: &str) -> bool {
    let (issuer, constraint) = (Parts::of(issuer).host, Parts::of(constraint).host);
    let above = || issuer.strip_suffix(constraint).is_some_and(|rest| rest.ends_with('.'));
    !constraint.is_empty() && (issuer == constraint || above())
}

#[cfg(test)]
mod tests;
