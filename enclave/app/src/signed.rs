//! Request bodies signed by members and users: COSE_Sign1 (RFC 9052, section 4.2).

use coco_crypto::{cose::CoseAlgorithm, x509::Certificate};
use coco_kv::{Reader as _, Snapshot};
use coco_wire::{
    Digest, TableName,
    cbor::Cbor,
    cose::{CoseError, CoseSign1, Headers},
};

use crate::{
    caller::SignedMessage,
    request::{Request, media},
};

/// Whose signature is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    User,
    Member,
}

impl Role {
    fn noun(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Member => "member",
        }
    }

    /// The protected headers that tell of a message.
    pub(crate) fn headers(self) -> HeaderNames {
        match self {
            Self::User => HeaderNames {
                message_type: "ccf.msg.type",
                created_at: "ccf.msg.created_at",
                proposal_id: Some("ccf.msg.proposal_id"),
            },
            Self::Member => HeaderNames {
                message_type: "ccf.gov.msg.type",
                created_at: "ccf.gov.msg.created_at",
                proposal_id: Some("ccf.gov.msg.proposal_id"),
            },
        }
    }
}

/// Names of protected headers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeaderNames {
    pub(crate) message_type: &'static str,
    pub(crate) created_at: &'static str,
    pub(crate) proposal_id: Option<&'static str>,
}

/// Verifies the body of `request` as a message signed by one of those registered in `certificates`. The reason of a refusal
/// is worded as CCF words it (`src/endpoints/authentication/cose_auth.cpp`).
pub(crate) fn verify(
    role: Role,
    names: HeaderNames,
    request: &Request,
    state: &Snapshot,
    certificates: &TableName,
) -> Result<(Digest, SignedMessage), String> {
    match request.headers.text("content-type") {
        Some(media::COSE) => {}
        Some(_) => return Err(format!("Content type is not set to {}", media::COSE)),
        None => return Err("Missing content-type header".into()),
    }
    let message = CoseSign1::decode(&request.body).map_err(|error| undecodable(&request.body, error))?;
    let label = message.protected.algorithm().ok_or("Missing algorithm in protected header")?;
    let algorithm = CoseAlgorithm::from_label(label)
        .filter(|algorithm| {
            matches!(algorithm, CoseAlgorithm::Es256 | CoseAlgorithm::Es384 | CoseAlgorithm::Es512)
        })
        .ok_or_else(|| format!("Unsupported algorithm: {label}"))?;
    let kid = message.protected.kid().ok_or("Missing kid in protected header")?;
    let unknown = || format!("Signer is not a known {}", role.noun());
    let id: Digest = str::from_utf8(kid).ok().and_then(|kid| kid.parse().ok()).ok_or_else(unknown)?;
    let registered = state.get(certificates, kid).ok_or_else(unknown)?;
    let certificate = str::from_utf8(&registered)
        .ok()
        .and_then(|pem| Certificate::from_pem(pem).ok())
        .ok_or("The registered certificate cannot be read")?;
    let signed = headers_of(role, names, &message)?;
    message
        .to_be_signed(None)
        .ok()
        .and_then(|bytes| algorithm.verify(certificate.public_key(), &bytes, message.signature).ok())
        .ok_or("Failed to validate COSE Sign1")?;
    Ok((id, SignedMessage { envelope: request.body.to_vec(), ..signed }))
}

/// Says at which part of a message reading it ends.
fn undecodable(body: &[u8], error: CoseError) -> String {
    const TAG_18: u8 = 0xd2;
    const ARRAY: u8 = 4;
    let is_tagged = body.first() == Some(&TAG_18);
    let major_type = body.get(usize::from(is_tagged)).map(|byte| byte >> 5);
    match error {
        _ if major_type != Some(ARRAY) => "Failed to parse COSE_Sign1 outer array".into(),
        _ if !is_tagged => "COSE_Sign1 is not tagged".into(),
        CoseError::ProtectedHeader => format!("Failed to decode protected header: {error}"),
        _ => format!("Failed to decode COSE_Sign1: {error}"),
    }
}

fn headers_of(role: Role, names: HeaderNames, message: &CoseSign1<'_>) -> Result<SignedMessage, String> {
    let text = |name| text_header(&message.protected, name);
    let created_at_s = match message.protected.get_text(names.created_at) {
        None => None,
        Some(Cbor::Int(seconds)) if *seconds >= 0 => Some(*seconds),
        Some(_) => return Err("Header parameter created_at must be positive".into()),
    };
    if role == Role::Member && created_at_s.is_none() {
        return Err("Missing created_at in protected header".into());
    }
    Ok(SignedMessage {
        envelope: Vec::new(),
        payload: message.payload.ok_or("The payload is detached")?.to_vec(),
        signature: message.signature.to_vec(),
        message_type: text(names.message_type)?,
        created_at_s,
        proposal_id: names.proposal_id.map_or(Ok(None), text)?,
    })
}

fn text_header(headers: &Headers<'_>, name: &str) -> Result<Option<String>, String> {
    match headers.get_text(name) {
        None => Ok(None),
        Some(Cbor::Text(text)) => Ok(Some((*text).to_owned())),
        Some(_) => Err(format!("Header parameter {name} is not text")),
    }
}
