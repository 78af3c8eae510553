//! Counts the votes on a proposal, asks the constitution for the verdict, and carries it out.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use coco_app::{Context, Reject};
use coco_js::{ErrorKind, Script};
use coco_kv::Tx;
use coco_tables::proposals::{Failure, ProposalInfo, ProposalState};
use coco_wire::Digest;
use serde_json::{Value, json};

use crate::{
    adapter::Governance,
    gate::internal,
    host::Host,
    node_rows::NodeRows,
    scripts::{Power, failure},
};

/// A proposal under decision.
pub(crate) struct Case<'a> {
    pub(crate) id: &'a str,
    /// The proposal as sent.
    pub(crate) text: &'a str,
    /// Source of the constitution.
    pub(crate) constitution: &'a str,
    /// Whose ballot is new; the others were accepted before.
    pub(crate) voter: Option<Digest>,
}

/// Outcome of the ballots.
struct Count {
    votes: BTreeMap<Digest, bool>,
    failures: BTreeMap<Digest, Failure>,
}

impl Governance {
    /// Decides and writes what becomes of the proposal. It stays as it was if it cannot be decided or carried out:
    /// then all writes of the request are dropped.
    pub(crate) fn resolve(
        &self,
        cx: &mut Context<'_>,
        case: &Case<'_>,
        info: &mut ProposalInfo,
    ) -> Result<(), Reject> {
        let count = self.count(cx, case, info)?;
        info.state = self.verdict(cx, case, info, &count)?;
        if info.state == ProposalState::Open {
            self.tables.proposals.info.put(cx.tx, case.id, info);
            return Ok(());
        }
        self.remove_closed_proposals(cx.tx, case.id)?;
        info.final_votes = Some(count.votes);
        info.vote_failures = Some(count.failures);
        self.tables.proposals.info.put(cx.tx, case.id, info);
        if info.state == ProposalState::Accepted { self.apply(cx, case) } else { Ok(()) }
    }

    /// Removes the proposals that are no longer open, but for one.
    pub(crate) fn remove_closed_proposals(&self, tx: &mut Tx, except: &str) -> Result<(), Reject> {
        let proposals = &self.tables.proposals;
        let rows: Result<Vec<_>, _> = proposals.info.iter(tx).collect();
        for (id, info) in rows.map_err(internal)? {
            if id != except && info.state != ProposalState::Open {
                proposals.proposals.remove(tx, &id);
                proposals.info.remove(tx, &id);
            }
        }
        Ok(())
    }

    /// Runs all ballots. One that throws is no vote; a new one that is no ballot at all is refused.
    fn count(&self, cx: &mut Context<'_>, case: &Case<'_>, info: &ProposalInfo) -> Result<Count, Reject> {
        let table = self.tables.proposals.info.name().as_str();
        let arguments = [Value::from(case.text), json!(info.proposer_id)];
        let mut count = Count { votes: BTreeMap::new(), failures: BTreeMap::new() };
        for (member, ballot) in &info.ballots {
            let name = format!("{table}[{}].ballots[{member}]", case.id);
            let script = Script { name: &name, source: ballot };
            match self.run(cx, script, "vote", &arguments, Power::Read) {
                Ok(vote) => {
                    count.votes.insert(*member, vote.is_truthy);
                }
                Err(error) if error.kind == ErrorKind::Load && case.voter == Some(*member) => {
                    let message = format!("The ballot cannot be evaluated: {}", error.message);
                    return Err(Reject::invalid_input(message));
                }
                Err(error) => {
                    count.failures.insert(*member, failure(error));
                }
            }
        }
        Ok(count)
    }

    fn verdict(
        &self,
        cx: &mut Context<'_>,
        case: &Case<'_>,
        info: &ProposalInfo,
        count: &Count,
    ) -> Result<ProposalState, Reject> {
        let votes: Vec<_> =
            count.votes.iter().map(|(member, vote)| json!({ "member_id": member, "vote": vote })).collect();
        let arguments = [case.text.into(), json!(info.proposer_id), votes.into(), case.id.into()];
        let verdict = self
            .call_constitution(cx, case.constitution, "resolve", &arguments, Power::Read)
            .map_err(|error| failed("Failed to resolve(): ", &failure(error)))?;
        match verdict.json.as_str() {
            Some("Open") => Ok(ProposalState::Open),
            Some("Accepted") => Ok(ProposalState::Accepted),
            Some("Rejected") => Ok(ProposalState::Rejected),
            text => {
                let status = text.map_or_else(|| verdict.json.to_string(), str::to_owned);
                let reason = format!("resolve() returned invalid status value: \"{status}\"");
                Err(failed("", &Failure { reason, trace: None }))
            }
        }
    }

    fn apply(&self, cx: &mut Context<'_>, case: &Case<'_>) -> Result<(), Reject> {
        let nodes = NodeRows::of(&self.tables.nodes, cx.tx);
        let host = Rc::new(RefCell::new(Host::new(self, cx)?));
        let arguments = [Value::from(case.text), Value::from(case.id)];
        let power = Power::Act(host.clone());
        self.call_constitution(cx, case.constitution, "apply", &arguments, power)
            .map_err(|error| failed("Failed to apply(): ", &failure(error)))?;
        let refused = |reason: String| failed("Failed to apply(): ", &Failure { reason, trace: None });
        nodes
            .check(&NodeRows::of(&self.tables.nodes, cx.tx))
            .map_err(|forbidden| refused(forbidden.to_string()))?;
        self.tables.nodes.check_diversity(&*cx.tx).map_err(|not| refused(not.to_string()))?;
        let requests = host.borrow().finish(cx.tx);
        cx.requests = requests.map_err(|refusal| refused(refusal.to_string()))?;
        Ok(())
    }
}

fn failed(what: &str, failure: &Failure) -> Reject {
    let trace = failure.trace.as_deref().unwrap_or("N/A");
    internal(format!("{what}{}\nTrace: {trace}", failure.reason))
}
