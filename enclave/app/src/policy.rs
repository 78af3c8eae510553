//! Authentication policies: which identities an endpoint accepts, and how they are proved.

use std::{borrow::Cow, sync::Arc};

use coco_kv::{Reader as _, Tx};
use coco_wire::{Digest, TableName};
use serde_json::json;

use crate::{
    adapter::Origin,
    caller::{Caller, ClientCertificate},
    error::{ErrorCode, Reject},
    jwt::Tokens,
    request::{Request, Response, Status},
    signed::{HeaderNames, Role, verify},
};

/// One way of proving an identity; an endpoint tries those it lists in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// TLS client certificate of a registered user, within its validity.
    UserCert,
    /// TLS client certificate of a registered member.
    MemberCert,
    /// Any TLS client certificate, within its validity.
    AnyCert,
    /// COSE_Sign1 body signed by a registered user.
    UserCoseSign1,
    /// COSE_Sign1 body of one kind, signed by a registered user.
    TypedUserCoseSign1(MessageKind),
    /// COSE_Sign1 body signed by a registered member.
    MemberCoseSign1,
    /// The same, for governance alone: that the member is active, it checks itself, in the transaction of the call.
    ActiveMemberCoseSign1,
    /// JSON Web Token of an issuer whose keys the members set.
    Jwt,
    /// No proof asked.
    NoAuth,
    /// Several at once.
    AllOf(AllOf),
}

/// A kind of messages that an application defines, so that a signature for one purpose serves no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageKind {
    /// What the type of the message must be.
    pub message_type: &'static str,
    /// Protected header that says it, such as `app.msg.type`.
    pub type_header: &'static str,
    /// Protected header that says when it was signed, in Unix seconds, such as `app.msg.created_at`.
    pub created_at_header: &'static str,
}

/// Policies all of which are to be satisfied, in the order of their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllOf(Arc<[Policy]>);

impl Policy {
    /// All of `policies` at once; the same one twice is as good as once.
    #[must_use]
    pub fn all_of(policies: impl IntoIterator<Item = Self>) -> Self {
        let mut policies: Vec<_> = policies.into_iter().collect();
        policies.sort_by(|a, b| a.name().cmp(&b.name()));
        policies.dedup();
        Self::AllOf(AllOf(policies.into()))
    }

    /// Its name in OpenAPI documents, error details and JavaScript applications.
    #[must_use]
    pub fn name(&self) -> Cow<'static, str> {
        let name = match self {
            Self::UserCert => "user_cert",
            Self::MemberCert => "member_cert",
            Self::AnyCert => "any_cert",
            Self::UserCoseSign1 => "user_cose_sign1",
            Self::TypedUserCoseSign1(_) => "typed_user_cose_sign1",
            Self::MemberCoseSign1 => "member_cose_sign1",
            Self::Jwt => "jwt",
            Self::ActiveMemberCoseSign1 => "active_member_cose_sign1",
            Self::NoAuth => "no_auth",
            Self::AllOf(AllOf(policies)) => {
                return policies.iter().map(Self::name).collect::<Vec<_>>().join("+").into();
            }
        };
        name.into()
    }

    /// What the header `www-authenticate` of a refusal asks for, if anything.
    #[must_use]
    pub fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::UserCoseSign1
            | Self::TypedUserCoseSign1(_)
            | Self::MemberCoseSign1
            | Self::ActiveMemberCoseSign1 => Some(r#"COSE-SIGN1 realm="Signed request access""#),
            Self::Jwt => Some(r#"Bearer realm="JWT bearer token access", error="invalid_token""#),
            Self::UserCert | Self::MemberCert | Self::AnyCert | Self::NoAuth | Self::AllOf(_) => None,
        }
    }
}

impl MessageKind {
    fn headers(&self) -> HeaderNames {
        let Self { type_header: message_type, created_at_header: created_at, .. } = *self;
        HeaderNames { message_type, created_at, proposal_id: None }
    }

    fn check(&self, found: Option<&str>) -> Result<(), String> {
        let expected = self.message_type;
        if found == Some(expected) {
            return Ok(());
        }
        let found = found.unwrap_or("none");
        Err(format!("Unexpected message type: {found}, expected: {expected}"))
    }
}

/// Why a policy is not satisfied.
struct Unproved {
    reason: Cow<'static, str>,
    challenge: Option<&'static str>,
}

/// The tables of registered identities.
#[derive(Clone, Debug)]
pub struct Identities {
    users: TableName,
    members: TableName,
    tokens: Tokens,
}

impl Default for Identities {
    fn default() -> Self {
        Self {
            users: TableName::new("public:ccf.gov.users.certs"),
            members: TableName::new("public:ccf.gov.members.certs"),
            tokens: Tokens::default(),
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
        let mut refused = Vec::new();
        for policy in policies {
            match self.prove(policy, request, origin) {
                Ok(caller) => return Ok(caller),
                Err(unproved) => refused.push(unproved),
            }
        }
        let challenge = refused.last().and_then(|unproved| unproved.challenge);
        let detail = |(policy, Unproved { reason, .. }): (&Policy, Unproved)| {
            let code = ErrorCode::InvalidAuthenticationInfo;
            json!({ "auth_policy": policy.name(), "code": code, "message": reason })
        };
        let details = policies.iter().zip(refused).map(detail).collect();
        let text = "Invalid authentication credentials.";
        let reject = Reject::new(Status::UNAUTHORIZED, ErrorCode::InvalidAuthenticationInfo, text);
        let response = Response::from(Reject { details, ..reject });
        Err(match challenge {
            Some(challenge) => response.header("www-authenticate", challenge),
            None => response,
        })
    }

    /// Whether the service still knows `caller`. Asked in the transaction that executes the call, so that an identity
    /// removed meanwhile is a conflict.
    pub fn knows(&self, caller: &Caller, tx: &mut Tx) -> bool {
        let is_in = |tx: &mut Tx, table, id: &Digest| tx.has(table, id.hex_digits(&mut [0; 64]).as_bytes());
        match caller {
            Caller::Anyone | Caller::AnyCertificate(..) => true,
            Caller::User(id) | Caller::UserSigned(id, _) => is_in(tx, &self.users, id),
            Caller::Member(id) | Caller::MemberSigned(id, _) => is_in(tx, &self.members, id),
            Caller::Jwt(identity) => self.tokens.knows(identity, tx),
            Caller::AllOf(callers) => callers.iter().all(|(_, caller)| self.knows(caller, tx)),
        }
    }

    fn prove(&self, policy: &Policy, request: &Request, origin: &Origin<'_>) -> Result<Caller, Unproved> {
        let Policy::AllOf(AllOf(policies)) = policy else {
            let unproved = |reason| Unproved { reason, challenge: policy.challenge() };
            return self.prove_one(policy, request, origin).map_err(unproved);
        };
        let proved = policies.iter().map(|policy| {
            let name = policy.name();
            match self.prove(policy, request, origin) {
                Ok(caller) => Ok((name.into_owned(), caller)),
                Err(unproved) => {
                    Err(Unproved { reason: format!("{name}:{}", unproved.reason).into(), ..unproved })
                }
            }
        });
        proved.collect::<Result<_, _>>().map(Caller::AllOf)
    }

    fn prove_one(
        &self,
        policy: &Policy,
        request: &Request,
        origin: &Origin<'_>,
    ) -> Result<Caller, Cow<'static, str>> {
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
                Ok(known.ok_or("Could not find matching user certificate")?)
            }
            Policy::MemberCert => {
                let shown = shown.ok_or("No caller member certificate")?;
                let known = registered(&self.members, shown).then_some(Caller::Member(shown.id));
                Ok(known.ok_or("Could not find matching member certificate")?)
            }
            Policy::AnyCert => {
                let shown = shown.ok_or("No caller certificate")?;
                check_validity(shown, origin.now_ms)?;
                Ok(Caller::AnyCertificate(shown.id, shown.der.to_vec(), origin.peer.session))
            }
            Policy::UserCoseSign1 => {
                let names = Role::User.headers();
                let (id, signed) = verify(Role::User, names, request, origin.state, &self.users)?;
                Ok(Caller::UserSigned(id, Box::new(signed)))
            }
            Policy::TypedUserCoseSign1(kind) => {
                let (id, signed) = verify(Role::User, kind.headers(), request, origin.state, &self.users)?;
                kind.check(signed.message_type.as_deref())?;
                Ok(Caller::UserSigned(id, Box::new(signed)))
            }
            Policy::MemberCoseSign1 | Policy::ActiveMemberCoseSign1 => {
                let names = Role::Member.headers();
                let (id, signed) = verify(Role::Member, names, request, origin.state, &self.members)?;
                Ok(Caller::MemberSigned(id, Box::new(signed)))
            }
            Policy::Jwt => {
                let identity = self.tokens.authenticate(request, origin.state, origin.now_ms / 1000)?;
                Ok(Caller::Jwt(Box::new(identity)))
            }
            Policy::AllOf(_) => self.prove(policy, request, origin).map_err(|unproved| unproved.reason),
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
