//! What becomes of proposals, whatever members do, against a small model.

mod model;

use std::collections::BTreeMap;

use coco_app::Response;
use proptest::prelude::*;
use serde_json::{Value, json};

use self::model::{Ballot, Kind, Model, Outcome, Rule, Step};
use crate::consortium::{Service, body, refusal, text};

const CONSTITUTION: &str = include_str!("lifecycle.js");
const MEMBERS: usize = 4;

fn constitution(rule: Rule) -> String {
    match rule {
        Rule::Majority => CONSTITUTION.to_owned(),
        Rule::Unanimity => CONSTITUTION.replace(r#"RULE = "majority""#, r#"RULE = "unanimity""#),
    }
}

/// The service, the model, and the names of all proposals that there ever were.
struct World {
    service: Service,
    model: Model,
    names: Vec<String>,
}

impl World {
    fn new() -> Self {
        let mut service = Service::with_roles(&constitution(Rule::Majority), 1, &[None; MEMBERS]);
        service.acknowledge_all();
        Self { service, model: Model::new(MEMBERS), names: Vec::new() }
    }

    fn step(&mut self, step: &Step) {
        let version = self.service.store.version();
        let named = |at: usize| self.model.named(at).map(|at| self.names[at].clone());
        let name = match step {
            Step::Propose(..) => None,
            Step::Vote(_, at, _) | Step::Withdraw(_, at) => named(*at),
        };
        let Some(expected) = self.model.step(step) else { return };
        let name = name.unwrap_or_default();
        let response = match step {
            Step::Propose(by, kind) => self.propose(*by, *kind),
            Step::Vote(by, _, ballot) => self.service.vote(*by, &name, source(*ballot)),
            Step::Withdraw(by, _) => self.service.withdraw(*by, &name),
        };
        match expected {
            Outcome::State(state) => {
                assert_eq!(response.status.0, 200, "{step:?}: {}", text(&response));
                assert_eq!(body(&response)["proposalState"], state, "{step:?}");
            }
            Outcome::Unknown => assert_eq!(response.status.0, 204, "{step:?}: {}", text(&response)),
            Outcome::Refused(status, code) => {
                let (found, found_code, message) = refusal(&response);
                assert_eq!((found, &*found_code), (status, code), "{step:?}: {message}");
                assert_eq!(self.service.store.version(), version, "{step:?} wrote something");
            }
        }
        self.compare();
    }

    fn propose(&mut self, by: usize, kind: Kind) -> Response {
        let action = match kind {
            Kind::Nothing => json!({ "name": "nothing" }),
            Kind::Fail => json!({ "name": "fail" }),
            Kind::Remove(member) => {
                json!({ "name": "remove", "args": { "member": self.service.members[member].id } })
            }
            Kind::Rule(rule) => json!({ "name": "rule", "args": { "constitution": constitution(rule) } }),
        };
        let response = self.service.propose(by, &json!([action]));
        if response.status.is_success() {
            self.names.push(body(&response)["proposalId"].as_str().unwrap().to_owned());
        }
        response
    }

    /// Everything that can be read is as the model says.
    fn compare(&mut self) {
        let listed = body(&self.service.get("/members/proposals"))["value"].take();
        let found: BTreeMap<String, Value> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|proposal| (proposal["proposalId"].as_str().unwrap().to_owned(), proposal.clone()))
            .collect();
        let kept = self.names.iter().zip(&self.model.proposals);
        let expected: BTreeMap<_, _> = kept
            .filter_map(|(name, proposal)| {
                let proposal = proposal.as_ref()?;
                Some((name.clone(), self.describe(name, proposal)))
            })
            .collect();
        assert_eq!(found, expected);
        let members = body(&self.service.get("/service/members"))["value"].take();
        let ids = members.as_array().unwrap().iter().map(|member| member["memberId"].clone());
        let mut ids: Vec<Value> = ids.collect();
        let mut active: Vec<Value> =
            self.model.active.iter().map(|member| json!(self.service.members[*member].id)).collect();
        ids.sort_by_key(ToString::to_string);
        active.sort_by_key(ToString::to_string);
        assert_eq!(ids, active);
        let source = self.service.get("/service/constitution").body;
        assert_eq!(source, constitution(self.model.rule).as_bytes());
    }

    fn describe(&self, name: &str, proposal: &model::Proposal) -> Value {
        let id = |member: &usize| self.service.members[*member].id.to_hex();
        let mut described = json!({
            "proposalId": name, "proposerId": id(&proposal.proposer), "proposalState": proposal.state,
            "ballotCount": proposal.ballots.len(),
        });
        if proposal.was_decided {
            let cast = proposal.ballots.iter().filter(|(_, cast)| **cast != Ballot::Throw);
            let votes = cast.map(|(member, cast)| (id(member), json!(*cast == Ballot::Aye)));
            described["finalVotes"] = Value::Object(votes.collect());
            let thrown = proposal.ballots.iter().filter(|(_, cast)| **cast == Ballot::Throw);
            let failed = thrown.map(|(member, _)| {
                let member = id(member);
                let script = format!("public:ccf.gov.proposals_info[{name}].ballots[{member}]");
                let trace = format!("    at vote ({script}:1:36)\n");
                (member, json!({ "reason": "Error: no vote", "trace": trace }))
            });
            described["voteFailures"] = Value::Object(failed.collect());
        }
        described
    }
}

fn source(ballot: Ballot) -> &'static str {
    match ballot {
        Ballot::Aye => "export function vote() { return true }",
        Ballot::Nay => "export function vote() { return false }",
        Ballot::Throw => "export function vote() { throw new Error('no vote') }",
    }
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop_oneof![
        4 => Just(Kind::Nothing),
        1 => Just(Kind::Fail),
        1 => (0..MEMBERS).prop_map(Kind::Remove),
        1 => prop_oneof![Just(Rule::Majority), Just(Rule::Unanimity)].prop_map(Kind::Rule),
    ];
    let ballot = prop_oneof![4 => Just(Ballot::Aye), 2 => Just(Ballot::Nay), 1 => Just(Ballot::Throw)];
    prop_oneof![
        3 => (0..MEMBERS, kind).prop_map(|(by, kind)| Step::Propose(by, kind)),
        8 => (0..MEMBERS, 0..8_usize, ballot).prop_map(|(by, at, ballot)| Step::Vote(by, at, ballot)),
        1 => (0..MEMBERS, 0..8_usize).prop_map(|(by, at)| Step::Withdraw(by, at)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn proposals_go_as_the_model_says(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            world.step(step);
        }
    }
}
