//! The members of the consortium, and what they sign.

use bytes::Bytes;
use coco_app::{Method, Request, media, request::Headers};
use coco_crypto::{
    Certificate, Curve, EcKey, Entropy, Signer as _,
    cose::CoseAlgorithm,
    x509::{Name, UnixTime, Validity, issue_participant},
};
use coco_kv::Tx;
use coco_node::genesis::NewMember;
use coco_tables::{
    Tables,
    members::{MemberInfo, MemberStatus},
};
use coco_wire::{
    Digest,
    cbor::Cbor,
    cose::{self, Headers as CoseHeaders},
};
use serde_json::Value;

/// How many there are.
pub(super) const MEMBERS: usize = 3;
/// Parts of the constitution, in order.
const CONSTITUTION: [&str; 4] = [
    include_str!("../../../../samples/constitutions/default/actions.js"),
    include_str!("../../../../samples/constitutions/default/validate.js"),
    include_str!("../../../../samples/constitutions/default/resolve.js"),
    include_str!("../../../../samples/constitutions/default/apply.js"),
];

/// All members.
pub(super) struct Consortium([Member; MEMBERS]);

struct Member {
    key: EcKey,
    certificate: Certificate,
}

impl Consortium {
    /// Keys on P-256.
    pub(super) fn new(entropy: &dyn Entropy, validity: Validity) -> Self {
        let member = |number| {
            let key = EcKey::generate(Curve::P256, entropy);
            let name = Name::common(&format!("member{number}")).expect("a short name");
            let certificate = issue_participant(&key, &name, validity, entropy);
            Member { key, certificate }
        };
        Self(std::array::from_fn(member))
    }

    /// What the service begins with.
    pub(super) fn members(&self) -> Vec<NewMember> {
        let new = |member: &Member| NewMember::new(member.certificate.to_pem(), None, Value::Null, None);
        self.0.iter().map(|member| new(member).expect("a valid member")).collect()
    }

    /// By which they decide.
    pub(super) fn constitution() -> String {
        CONSTITUTION.concat()
    }

    /// Has all of them take part, as if each had acknowledged the state.
    pub(super) fn activate(&self, tables: &Tables, tx: &mut Tx) {
        for member in &self.0 {
            let info =
                MemberInfo { status: MemberStatus::Active, member_data: Value::Null, recovery_role: None };
            tables.members.info.put(tx, &member.certificate.fingerprint(), &info);
        }
    }

    /// A proposal.
    pub(super) fn propose(&self, by: usize, at: UnixTime, actions: &Value) -> Request {
        let content = serde_json::json!({ "actions": actions }).to_string();
        self.request(by, "/gov/members/proposals:create", ("proposal", at, None), &content)
    }

    /// A ballot for it.
    pub(super) fn agree(&self, by: usize, at: UnixTime, proposal: &str) -> Request {
        let content = serde_json::json!({ "ballot": "export function vote () { return true }" }).to_string();
        let path = format!("/gov/members/proposals/{proposal}/ballots/{}:submit", self.id(by));
        self.request(by, &path, ("ballot", at, Some(proposal)), &content)
    }

    fn id(&self, of: usize) -> Digest {
        self.0[of].certificate.fingerprint()
    }

    fn request(
        &self,
        by: usize,
        path: &str,
        (kind, at, proposal): (&str, UnixTime, Option<&str>),
        content: &str,
    ) -> Request {
        let key = &self.0[by].key;
        let kid = self.id(by).to_hex();
        let mut parameters = vec![
            (Cbor::Int(cose::ALG), Cbor::Int(CoseAlgorithm::of(key.public_key()).label())),
            (Cbor::Int(cose::KID), Cbor::Bytes(kid.as_bytes())),
            (Cbor::Text("ccf.gov.msg.created_at"), Cbor::Int(at.0)),
            (Cbor::Text("ccf.gov.msg.type"), Cbor::Text(kind)),
        ];
        parameters.extend(proposal.map(|id| (Cbor::Text("ccf.gov.msg.proposal_id"), Cbor::Text(id))));
        let protected = CoseHeaders::new(parameters).encode();
        let signature = key.sign(&cose::to_be_signed(&protected, content.as_bytes()));
        let body =
            cose::encode(&protected, &CoseHeaders::empty(), Some(content.as_bytes()), signature.as_fixed());
        let headers = Headers::from_pairs([(&b"content-type"[..], media::COSE.as_bytes())]);
        Request::new(Method::Post, format!("{path}?api-version=2024-07-01"), headers, Bytes::from(body))
    }
}
