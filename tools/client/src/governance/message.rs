//! Messages that members sign: COSE_Sign1 with the headers that CCF's `ccf_cose_sign1` writes.

use coco_crypto::{
    Certificate, EcPublicKey, FixedSignature, NotAuthentic, SignatureForm, Signer as _, Verifier as _,
    cose::CoseAlgorithm, x509::UnixTime,
};
use coco_wire::{
    Digest,
    cbor::Cbor,
    cose::{self, CoseError, CoseSign1, Headers},
};

use crate::Identity;

const TYPE: &str = "ccf.gov.msg.type";
const CREATED_AT: &str = "ccf.gov.msg.created_at";
const PROPOSAL_ID: &str = "ccf.gov.msg.proposal_id";

/// Kind of a signed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Actions to be decided on.
    Proposal,
    /// A vote on the proposal of this identifier.
    Ballot(&'a str),
    /// The proposal of this identifier is taken back.
    Withdrawal(&'a str),
    /// Agreement with the state of the service.
    Ack,
    /// Wish to agree with the present state of the service.
    StateDigest,
    /// A recovery share.
    RecoveryShare,
}

impl<'a> Message<'a> {
    /// Where a message of this kind by `member` is sent.
    #[must_use]
    pub fn path(self, member: &Digest) -> String {
        match self {
            Self::Proposal => "/gov/members/proposals:create".to_owned(),
            Self::Ballot(id) => format!("/gov/members/proposals/{id}/ballots/{member}:submit"),
            Self::Withdrawal(id) => format!("/gov/members/proposals/{id}:withdraw"),
            Self::Ack => format!("/gov/members/state-digests/{member}:ack"),
            Self::StateDigest => format!("/gov/members/state-digests/{member}:update"),
            Self::RecoveryShare => format!("/gov/recovery/members/{member}:recover"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Proposal => "proposal",
            Self::Ballot(_) => "ballot",
            Self::Withdrawal(_) => "withdrawal",
            Self::Ack => "ack",
            Self::StateDigest => "state_digest",
            Self::RecoveryShare => "recovery_share",
        }
    }

    fn proposal_id(self) -> Option<&'a str> {
        match self {
            Self::Ballot(id) | Self::Withdrawal(id) => Some(id),
            Self::Proposal | Self::Ack | Self::StateDigest | Self::RecoveryShare => None,
        }
    }

    fn of(headers: &Headers<'a>) -> Option<Self> {
        let id = match headers.get_text(PROPOSAL_ID) {
            // It becomes part of a path.
            Some(Cbor::Text(id)) if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                Some(*id)
            }
            Some(_) => return None,
            None => None,
        };
        match (headers.get_text(TYPE), id) {
            (Some(Cbor::Text("proposal")), None) => Some(Self::Proposal),
            (Some(Cbor::Text("ballot")), Some(id)) => Some(Self::Ballot(id)),
            (Some(Cbor::Text("withdrawal")), Some(id)) => Some(Self::Withdrawal(id)),
            (Some(Cbor::Text("ack")), None) => Some(Self::Ack),
            (Some(Cbor::Text("state_digest")), None) => Some(Self::StateDigest),
            (Some(Cbor::Text("recovery_share")), None) => Some(Self::RecoveryShare),
            _ => None,
        }
    }
}

/// The key of a member is not one with which governance messages are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key of the certificate is not on one of the curves P-256, P-384 and P-521")]
pub struct NotElliptic;

/// Bytes that are no message of a member that is yet to be signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// Not COSE.
    #[error(transparent)]
    Cose(#[from] CoseError),
    /// The certificate has a key of another kind.
    #[error(transparent)]
    Key(#[from] NotElliptic),
    /// Headers of another algorithm, another member, or no kind of message.
    #[error("the headers are not those of a message of this member")]
    Headers,
}

/// A message before it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// SHA-256 of the certificate.
    member: Digest,
    key: EcPublicKey,
    protected: Vec<u8>,
    payload: Vec<u8>,
}

impl Unsigned {
    /// A message by the holder of `certificate`.
    ///
    /// # Errors
    /// [`NotElliptic`]
    pub fn new(
        certificate: &Certificate,
        message: Message<'_>,
        payload: &[u8],
        created_at: UnixTime,
    ) -> Result<Self, NotElliptic> {
        let key = certificate.public_key().as_ec().ok_or(NotElliptic)?;
        Ok(Self::of(certificate.fingerprint(), key, message, payload, created_at))
    }

    pub(super) fn by(member: &Identity, message: Message<'_>, payload: &[u8], created_at: UnixTime) -> Self {
        Self::of(member.id(), member.key().public_key(), message, payload, created_at)
    }

    fn of(
        member: Digest,
        key: &EcPublicKey,
        message: Message<'_>,
        payload: &[u8],
        created_at: UnixTime,
    ) -> Self {
        let kid = member.to_string();
        // In the order of deterministic CBOR: shorter keys first.
        let mut parameters = vec![
            (Cbor::Int(cose::ALG), Cbor::Int(CoseAlgorithm::of(key).label())),
            (Cbor::Int(cose::KID), Cbor::Bytes(kid.as_bytes())),
            (Cbor::Text(TYPE), Cbor::Text(message.name())),
            (Cbor::Text(CREATED_AT), Cbor::Int(created_at.0)),
        ];
        if let Some(id) = message.proposal_id() {
            parameters.push((Cbor::Text(PROPOSAL_ID), Cbor::Text(id)));
        }
        let protected = Headers::new(parameters).encode();
        Self { member, key: key.clone(), protected, payload: payload.to_vec() }
    }

    /// Reads what [`Unsigned::encode`] wrote, of the holder of `certificate`.
    ///
    /// # Errors
    /// See [`InvalidMessage`].
    pub fn decode(certificate: &Certificate, bytes: &[u8]) -> Result<Self, InvalidMessage> {
        let decoded = CoseSign1::decode(bytes)?;
        let payload = decoded.payload.ok_or(CoseError::Payload)?;
        let key = certificate.public_key().as_ec().ok_or(NotElliptic)?;
        let member = certificate.fingerprint();
        let headers = &decoded.protected;
        let is_theirs = headers.algorithm() == Some(CoseAlgorithm::of(key).label())
            && headers.kid() == Some(member.to_string().as_bytes())
            && matches!(headers.get_text(CREATED_AT), Some(Cbor::Int(_)));
        Message::of(headers).filter(|_| is_theirs).ok_or(InvalidMessage::Headers)?;
        Ok(Self {
            member,
            key: key.clone(),
            protected: decoded.protected_bytes.to_vec(),
            payload: payload.to_vec(),
        })
    }

    /// The message with an empty signature.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.with(&[])
    }

    /// Its kind.
    #[must_use]
    pub fn message(&self) -> Message<'_> {
        let headers = Headers::decode(&self.protected).expect("they were encoded, or read before");
        Message::of(&headers).expect("a message has a kind")
    }

    /// Where it is sent.
    #[must_use]
    pub fn path(&self) -> String {
        self.message().path(&self.member)
    }

    /// Who is to sign it.
    #[must_use]
    pub fn member(&self) -> Digest {
        self.member
    }

    /// The public half of the key that is to sign it.
    #[must_use]
    pub fn key(&self) -> &EcPublicKey {
        &self.key
    }

    /// How it is to be signed.
    #[must_use]
    pub fn algorithm(&self) -> CoseAlgorithm {
        CoseAlgorithm::of(&self.key)
    }

    /// The hash that is to be signed, by the function that the algorithm names.
    #[must_use]
    pub fn digest(&self) -> Vec<u8> {
        self.key.curve().hash().digest(&cose::to_be_signed(&self.protected, &self.payload))
    }

    /// The message signed by the member that it is of.
    #[must_use]
    pub fn sign(&self, member: &Identity) -> Vec<u8> {
        let signature = member.key().sign(&cose::to_be_signed(&self.protected, &self.payload));
        self.with(signature.as_fixed())
    }

    /// The message with a signature that was made elsewhere.
    ///
    /// # Errors
    /// If it is not one of the member's key over this message.
    pub fn finish(&self, signature: &FixedSignature) -> Result<Vec<u8>, NotAuthentic> {
        let signed = cose::to_be_signed(&self.protected, &self.payload);
        self.key.verify(&signed, signature.as_fixed(), SignatureForm::Fixed)?;
        Ok(self.with(signature.as_fixed()))
    }

    fn with(&self, signature: &[u8]) -> Vec<u8> {
        cose::encode(&self.protected, &Headers::empty(), Some(&self.payload), signature)
    }
}

/// A COSE_Sign1 message by `member`.
#[must_use]
pub fn sign(member: &Identity, message: Message<'_>, payload: &[u8], created_at: UnixTime) -> Vec<u8> {
    Unsigned::by(member, message, payload, created_at).sign(member)
}
