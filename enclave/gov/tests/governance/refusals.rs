//! What is refused, and how: status, code and message as clients of CCF know them, and nothing written.

mod forging;
mod names;
mod proposals;
mod signers;
mod versions;

use coco_app::{Method, request::media};
use coco_tables::proposals::{ProposalInfo, ProposalState};
use coco_wire::Digest;
use serde_json::{Value, json};

use crate::{
    consortium::{Envelope, Service, body, sign, text},
    constitutions::PLAIN,
};

pub(crate) const AYE: &str = "export function vote() { return true }";
const CHALLENGE: &str = r#"COSE-SIGN1 realm="Signed request access""#;

/// A service in which much can be asked for in vain: of three members, two are active, and one of these has voted for
/// the open proposal of the other.
pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) open: String,
    /// Proposals that are closed, made by the first member.
    pub(crate) closed: Vec<(String, &'static str)>,
}

/// A request that signs for itself.
pub(crate) struct Signed {
    pub(crate) path: String,
    pub(crate) message_type: &'static str,
    pub(crate) policy: &'static str,
    pub(crate) proposal_id: Option<String>,
    pub(crate) payload: Value,
}

/// A request, and the refusal that it meets.
pub(crate) struct Case {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) message: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) text: String,
    /// Policy and reason, where it is one of authentication.
    pub(crate) detail: Option<(&'static str, String)>,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut service = Service::new(PLAIN);
        (0..2).for_each(|by| service.acknowledge(by));
        let open = service.proposed(0, &json!([{ "name": "noop" }]));
        service.vote(1, &open, AYE);
        let states = [
            (ProposalState::Accepted, "accepted"),
            (ProposalState::Rejected, "rejected"),
            (ProposalState::Withdrawn, "withdrawn"),
            (ProposalState::Dropped, "dropped"),
        ];
        let mut closed = Vec::new();
        let proposer_id = service.members[0].id;
        for (number, (state, word)) in (1..).zip(states) {
            let id = Digest([number; 32]).to_hex();
            let info = ProposalInfo {
                proposer_id,
                state,
                ballots: Default::default(),
                final_votes: None,
                vote_failures: None,
                failure: None,
            };
            service.write(|tables, tx| {
                tables.proposals.info.put(tx, &id, &info);
                tables.proposals.proposals.put(tx, &id, &b"{\"actions\":[]}".to_vec());
            });
            closed.push((id, word));
        }
        Self { service, open, closed }
    }

    pub(crate) fn id(&self, member: usize) -> String {
        self.service.members[member].id.to_hex()
    }

    /// One good request of each kind that members sign, in the name of this member.
    pub(crate) fn requests(&self, member: usize) -> Vec<Signed> {
        let id = self.id(member);
        let request = |path: String, message_type, policy, proposal_id, payload| Signed {
            path,
            message_type,
            policy,
            proposal_id,
            payload,
        };
        let (open, active, known) =
            (Some(self.open.clone()), "active_member_cose_sign1", "member_cose_sign1");
        vec![
            request(
                "/members/proposals:create".into(),
                "proposal",
                active,
                None,
                json!({ "actions": [{ "name": "noop" }] }),
            ),
            request(
                format!("/members/proposals/{}:withdraw", self.open),
                "withdrawal",
                active,
                open.clone(),
                json!({}),
            ),
            request(
                format!("/members/proposals/{}/ballots/{id}:submit", self.open),
                "ballot",
                active,
                open,
                json!({ "ballot": AYE }),
            ),
            request(format!("/members/state-digests/{id}:update"), "state_digest", known, None, json!({})),
            request(
                format!("/members/state-digests/{id}:ack"),
                "ack",
                known,
                None,
                json!({ "stateDigest": Digest([7; 32]) }),
            ),
            request(
                format!("/recovery/members/{id}:recover"),
                "recovery_share",
                active,
                None,
                json!({ "share": "" }),
            ),
        ]
    }

    /// The refusal of a request with this content, signed by a member as it should be.
    pub(crate) fn signed(&self, by: usize, request: &Signed, refusal: (u16, &'static str, String)) -> Case {
        let envelope = Envelope {
            message_type: Some(request.message_type),
            proposal_id: request.proposal_id.as_deref(),
            ..Envelope::default()
        };
        let payload = request.payload.to_string();
        let message = sign(&self.service.members[by], &envelope, payload.as_bytes());
        Case::post(&request.path, message, refusal)
    }

    /// Meets all of them.
    pub(crate) fn check(&mut self, cases: &[Case]) {
        let version = self.service.store.version();
        for case in cases {
            let Case { method, target, content_type, .. } = case;
            let ran = self.service.run_as(*content_type, *method, target, case.message.clone());
            let response = ran.response;
            let error = body(&response)["error"].take();
            let found = (response.status.0, error["code"].as_str(), error["message"].as_str());
            assert_eq!(
                found,
                (case.status, Some(case.code), Some(&*case.text)),
                "{method} {target}: {}",
                text(&response)
            );
            assert!(ran.executed.is_none(), "{method} {target} writes");
            let challenge = response.headers.iter().find(|(name, _)| name == "www-authenticate");
            assert_eq!(challenge.map(|(_, value)| &**value), case.detail.as_ref().map(|_| CHALLENGE));
            let details = case.detail.as_ref().map_or(
                Value::Null,
                |(policy, reason)| json!([{ "auth_policy": policy, "code": case.code, "message": reason }]),
            );
            assert_eq!(error["details"], details, "{method} {target}");
        }
        assert_eq!(self.service.store.version(), version);
    }
}

impl Case {
    /// A read of `path` below `/gov`.
    pub(crate) fn get(path: &str, (status, code, text): (u16, &'static str, String)) -> Self {
        let separator = if path.contains('?') { '&' } else { '?' };
        let target = format!("/gov{path}{separator}api-version=2024-07-01");
        let content_type = Some(media::COSE);
        Self {
            method: Method::Get,
            target,
            content_type,
            message: Vec::new(),
            status,
            code,
            text,
            detail: None,
        }
    }

    /// A message sent to `path` below `/gov`.
    pub(crate) fn post(path: &str, message: Vec<u8>, refusal: (u16, &'static str, String)) -> Self {
        Self { method: Method::Post, message, ..Self::get(path, refusal) }
    }

    /// A message that is not believed.
    pub(crate) fn unsigned(request: &Signed, message: Vec<u8>, reason: impl Into<String>) -> Self {
        let text = "Invalid authentication credentials.".to_owned();
        let refused = Self::post(&request.path, message, (401, "InvalidAuthenticationInfo", text));
        Self { detail: Some((request.policy, reason.into())), ..refused }
    }
}

#[test]
fn there_are_many_refusals() {
    let mut world = World::new();
    let mut count = 0;
    for group in [versions::cases, signers::cases, names::cases, proposals::cases] {
        let cases = group(&world);
        world.check(&cases);
        count += cases.len();
    }
    println!("{count} refusals");
    assert!(count >= 240, "{count}");
}
