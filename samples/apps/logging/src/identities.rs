//! What the service knows of who calls, told back to the caller.

use coco_app::{
    Call, Caller, Context, Description, Endpoint, ErrorCode, Forwarding, Method, Policy, Redirection, Reject,
    Response, Status, media,
};
use coco_crypto::pem;
use coco_kv::{Malformed, Tx};
use coco_tables::{members::Members, users::Users};

use crate::{ANYONE, Answer};

pub(crate) fn endpoints() -> Vec<Endpoint> {
    // The first that is proved counts: the less it asks for, the later it comes.
    let policies = [
        Policy::all_of([Policy::UserCert, Policy::Jwt, Policy::UserCoseSign1]),
        Policy::UserCert,
        Policy::MemberCert,
        Policy::AnyCert,
        Policy::Jwt,
        Policy::UserCoseSign1,
        Policy::NoAuth,
    ];
    let (users, members) = (Users::default(), Members::default());
    let multi_auth = move |call: &Call, cx: &mut Context<'_>| {
        let text = describe(&call.caller, &users, &members, cx.tx)
            .map_err(|_| Reject::internal("What is stored of the caller cannot be read."))?;
        Ok(Response::with_body(Status::OK, media::TEXT, text.into_bytes()))
    };
    vec![
        Endpoint::write(Method::Post, "/multi_auth", &policies, multi_auth).describe(Description::text()),
        Endpoint::write(
            Method::Post,
            "/log/cose_signed_content",
            &[Policy::MemberCoseSign1],
            cose_signed_content,
        )
        .describe(Description::text()),
        Endpoint::read(Method::Get, "/log/request_query", ANYONE, request_query)
            .forwarding(Forwarding::Always)
            .redirection(Redirection::ToPrimary)
            .describe(Description::text()),
    ]
}

fn describe(caller: &Caller, users: &Users, members: &Members, tx: &Tx) -> Result<String, Malformed> {
    Ok(match caller {
        Caller::Anyone => "Unauthenticated".into(),
        Caller::AnyCertificate(_, der, _) => {
            format!("Any TLS cert\nThe caller's cert is:\n{}", pem::encode("CERTIFICATE", der))
        }
        Caller::User(id) => {
            let mut text = format!("User TLS cert\nThe caller is a user with ID: {id}");
            if let Some(cert) = users.certs.get(tx, id)? {
                text += &format!("\nThe caller's cert is:\n{cert}");
            }
            if let Some(info) = users.info.get(tx, id)? {
                text += &format!("\nThe caller's user data is: {}", info.user_data);
            }
            text
        }
        Caller::Member(id) => {
            let mut text = format!("Member TLS cert\nThe caller is a member with ID: {id}");
            if let Some(cert) = members.certs.get(tx, id)? {
                text += &format!("\nThe caller's cert is:\n{cert}");
            }
            if let Some(info) = members.info.get(tx, id)? {
                text += &format!("\nThe caller's member data is: {}", info.member_data);
            }
            text
        }
        Caller::UserSigned(id, signed) | Caller::MemberSigned(id, signed) => {
            let role = if matches!(caller, Caller::UserSigned(..)) { "User" } else { "Member" };
            format!(
                "{role} COSE Sign1\nThe caller is identified by a COSE Sign1 signed by kid: {id}\nThe caller is \
                 identified by a COSE Sign1 with content of size: {}",
                signed.payload.len()
            )
        }
        Caller::Jwt(identity) => format!(
            "JWT\nThe caller is identified by a JWT issued by: {}\nThe JWT header is:\n{:#}\nThe JWT payload is:\n{:#}",
            identity.key_issuer,
            identity.header_json(),
            identity.payload_json()
        ),
        Caller::AllOf(callers) => {
            let names: Vec<_> = callers.iter().map(|(name, _)| name.as_str()).collect();
            let mut text = format!("Conjoined auth policy: {}", names.join("+"));
            for (name, caller) in callers {
                text += &format!("\n\n{name}:\n{}", describe(caller, users, members, tx)?);
            }
            text
        }
    })
}

/// What the member signed.
fn cose_signed_content(call: &Call, _: &mut Context<'_>) -> Answer {
    Ok(Response::with_body(Status::OK, media::TEXT, call.content().to_vec()))
}

/// The query as the application understands it.
fn request_query(call: &Call, _: &mut Context<'_>) -> Answer {
    let query = call.request().query().replace('+', " ");
    let decoded = coco_app::request::percent_decode(&query).ok_or_else(|| {
        let text = "The query is not percent-encoded UTF-8.";
        Reject::new(Status::BAD_REQUEST, ErrorCode::InvalidQueryParameterValue, text)
    })?;
    Ok(Response::with_body(Status::OK, media::TEXT, decoded.into_owned().into_bytes()))
}
