//! Authentication policies: which identities an endpoint accepts, and how they are proved.

use coco_kv::{Reader as _, Tx};
use coco_wire::{Digest, TableName};
use serde_json::json;

use crate::{
    adapter::Origin,
    caller::{Caller, ClientCertificate},
    error::{ErrorCode, Reject},
    request::{Request, Response, Status},
    signed::{Role, verify},
};

/// One way of proving an identity; an endpoint tries those it lists in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// TLS client certificate of a registered user, within its validity.
    UserCert,
    /// TLS client certificate of a registered member.
    MemberCert,
    /// Any TLS client certificate, within its validity.
    AnyCert,
    /// COSE_Sign1 body signed by a registered user.
    UserCoseSign1,
    /// COSE_Sign1 body signed by a registered member.
    MemberCoseSign1,
    /// No proof asked.
    NoAuth,
}

impl Policy {
    /// Its name in OpenAPI documents, error details and JavaScript applications.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::UserCert => "user_cert",
            Self::MemberCert => "member_cert",
            Self::AnyCert => "any_cert",
            Self::UserCoseSign1 => "user_cose_sign1",
            Self::MemberCoseSign1 => "member_cose_sign1",
            Self::NoAuth => "no_auth",
        }
    }
}

/// The tables of registered identities.
#[derive(Clone, Debug)]
pub struct Identities {
    users: TableName,
    members: TableName,
}

impl Default for Identities {
    fn default() -> Self {
        Self {
            users: TableName::new("public:ccf.gov.users.certs"),
            members: TableName::new("public:ccf.gov.members.certs"),
        }
    }
}

impl Identities {
    /// Tries `policies` in order and takes the first identity proved.
    ///
    /// # Errors
    /// 401 `InvalidAuthenticationInfo`, with a detail for each policy, when none is satisfied. The last policy says in the
    /// header `www-authenticate` what it wants, as in CCF.
    pub fn authenticate(
        &self,
        policies: &[Policy],
        request: &Request,
        origin: &Origin<'_>,
    ) -> Result<Caller, Response> {
        if policies.is_empty() {
            return Ok(Caller::Anyone);
        }
        let mut details = Vec::new();
        for policy in policies {
            match self.prove(*policy, request, origin) {
                Ok(caller) => return Ok(caller),
                Err(reason) => details.push(json!({
                    "auth_policy": policy.name(),
                    "code": ErrorCode::InvalidAuthenticationInfo,
                    "message": reason,
                })),
            }
        }
        let text = "Invalid authentication credentials.";
        let reject = Reject::new(Status::UNAUTHORIZED, ErrorCode::InvalidAuthenticationInfo, text);
        let response = Response::from(Reject { details, ..reject });
        Err(match policies.last() {
            Some(Policy::UserCoseSign1 | Policy::MemberCoseSign1) => {
                response.header("www-authenticate", r#"COSE-SIGN1 realm="Signed request access""#)
            }
            _ => response,
        })
    }

    /// Whether the service still knows `caller`. Asked in the transaction that executes the call, so that an identity
    /// removed meanwhile is a conflict.
    pub fn knows(&self, caller: &Caller, tx: &mut Tx) -> bool {
        let is_in = |table, id: &Digest| tx.has(table, id.hex_digits(&mut [0; 64]).as_bytes());
        match caller {
            Caller::Anyone | Caller::AnyCertificate(..) => true,
            Caller::User(id) | Caller::UserSigned(id, _) => is_in(&self.users, id),
            Caller::Member(id) | Caller::MemberSigned(id, _) => is_in(&self.members, id),
        }
    }

    fn prove(&self, policy: Policy, request: &Request, origin: &Origin<'_>) -> Result<Caller, String> {
        let shown = origin.peer.certificate.as_ref();
        let registered = |table, shown: &ClientCertificate| {
            origin.state.has(table, shown.id.hex_digits(&mut [0; 64]).as_bytes())
        };
        match policy {
            Policy::NoAuth => Ok(Caller::Anyone),
            Policy::UserCert => {
                let shown = shown.ok_or("No caller user certificate")?;
                check_validity(shown, origin.now_ms)?;
                let known = registered(&self.users, shown).then_some(Caller::User(shown.id));
                known.ok_or_else(|| "Could not find matching user certificate".to_owned())
            }
            Policy::MemberCert => {
                let shown = shown.ok_or("No caller member certificate")?;
                let known = registered(&self.members, shown).then_some(Caller::Member(shown.id));
                known.ok_or_else(|| "Could not find matching member certificate".to_owned())
            }
            Policy::AnyCert => {
                let shown = shown.ok_or("No caller certificate")?;
                check_validity(shown, origin.now_ms)?;
                Ok(Caller::AnyCertificate(shown.id, shown.der.to_vec(), shown.session))
            }
            Policy::UserCoseSign1 => {
                let (id, signed) = verify(Role::User, request, origin.state, &self.users)?;
                Ok(Caller::UserSigned(id, Box::new(signed)))
            }
            Policy::MemberCoseSign1 => {
                let (id, signed) = verify(Role::Member, request, origin.state, &self.members)?;
                Ok(Caller::MemberSigned(id, Box::new(signed)))
            }
        }
    }
}

fn check_validity(shown: &ClientCertificate, now_ms: u64) -> Result<(), String> {
    let now = i64::try_from(now_ms / 1000).unwrap_or(i64::MAX);
    let (from, to) = shown.validity_s;
    if now < from {
        return Err(format!("Current time {now} is before certificate's Not Before validity period {from}"));
    }
    if now > to {
        return Err(format!("Current time {now} is after certificate's Not After validity period {to}"));
    }
    Ok(())
}
