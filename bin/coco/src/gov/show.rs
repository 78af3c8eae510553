//! `coco gov show`: one proposal, who voted how, and what is still wanted.

use std::io::{self, Write};

use clap::Args;
use coco_client::{
    Client,
    governance::{self, Member, Proposal, ProposalState},
};
use coco_wire::Digest;
use serde_json::{Value, json};

use super::{
    error::GovError,
    list::short,
    local::{Rows, Votes},
    plain::plain,
    report::OutputArgs,
};
use crate::{
    connection::{Places, ServiceArgs},
    exit,
};

const EXAMPLES: &str = "\
Examples:
  coco gov show PROPOSAL --url https://127.0.0.1:8000 --service-cert service_cert.pem
  coco gov show PROPOSAL --dir my-service --json

How ballots of an open proposal would count, and what is still wanted, is found out by running them and the constitution
here, on what anyone may read of members and the service.
Exit status: 0 shown, 1 there is no such proposal, 2 wrong arguments, unreadable files, or no connection.";

/// Most members whose votes are tried.
const MAX_TRIED: usize = 256;

/// Show a proposal.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ShowArgs {
    /// Identifier of the proposal
    #[arg(value_name = "PROPOSAL")]
    proposal: Digest,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    service: ServiceArgs,
}

/// A proposal, and what follows from it.
pub(super) struct Picture {
    pub(super) proposal: Proposal,
    pub(super) text: String,
    pub(super) ballots: Vec<Ballot>,
    /// Of an open proposal.
    pub(super) wanted: Option<Wanted>,
}

/// A member's vote.
pub(super) struct Ballot {
    pub(super) member: Digest,
    pub(super) script: Option<String>,
    pub(super) vote: Vote,
}

/// What a ballot says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Vote {
    For,
    Against,
    Fails(String),
}

/// What an open proposal lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Active members who have not voted.
    pub(super) silent: Vec<Digest>,
    /// How many of them have to agree; none if that cannot be said, or all of them together do not suffice.
    pub(super) more: Option<usize>,
}

impl ShowArgs {
    pub(super) async fn run(&self) -> Result<(), GovError> {
        let places = Places::new(self.service.dir.as_deref())?;
        let mut client = self.service.resolve(&places)?.client()?;
        let id = self.proposal.to_string();
        let proposal = governance::proposal(&mut client, &id).await?;
        let proposal = proposal.ok_or(GovError::NoProposal(self.proposal))?;
        let picture = Picture::take(&mut client, proposal).await?;
        exit::print(|out| {
            if self.output.json { writeln!(out, "{:#}", picture.json()) } else { picture.write(out) }
        })?;
        Ok(())
    }
}

impl Picture {
    async fn take(client: &mut Client, proposal: Proposal) -> Result<Self, GovError> {
        let text = governance::proposed(client, &proposal.proposal_id).await?;
        let members = governance::members(client).await?;
        let rows = Rows::default().service(&governance::service(client).await?).members(&members);
        let ballots = ballots(client, &proposal, &text, &members, &rows).await?;
        let mut picture = Self { proposal, text, ballots, wanted: None };
        if picture.proposal.proposal_state == ProposalState::Open {
            let constitution = governance::constitution(client).await?;
            picture.wanted = Some(picture.wanted(&members, &rows, &constitution));
        }
        Ok(picture)
    }

    /// Has the constitution decide with one agreeing member more at a time.
    pub(super) fn wanted(&self, members: &[Member], rows: &Rows, constitution: &str) -> Wanted {
        let has_voted = |id: &Digest| self.ballots.iter().any(|ballot| ballot.member == *id);
        let silent = members.iter().filter(|member| member.is_active()).map(|member| member.member_id);
        let silent: Vec<_> = silent.filter(|id| !has_voted(id)).collect();
        let counted = self.ballots.iter().filter_map(|ballot| match ballot.vote {
            Vote::For => Some((ballot.member, true)),
            Vote::Against => Some((ballot.member, false)),
            Vote::Fails(_) => None,
        });
        let mut votes: Votes = counted.collect();
        let proposal = (self.proposal.proposal_id.as_str(), self.text.as_str(), &self.proposal.proposer_id);
        let mut more = None;
        for (number, member) in silent.iter().enumerate().take(MAX_TRIED) {
            votes.push((*member, true));
            match rows.resolve(constitution, proposal, &votes) {
                Ok(verdict) if verdict == "Accepted" => {
                    more = Some(number + 1);
                    break;
                }
                Ok(_) => {}
                Err(_) => break,
            }
        }
        Wanted { silent, more }
    }

    fn json(&self) -> Value {
        let proposed: Value = serde_json::from_str(&self.text).unwrap_or_default();
        let ballot = |ballot: &Ballot| {
            let (vote, failure) = match &ballot.vote {
                Vote::For => (Some(true), None),
                Vote::Against => (Some(false), None),
                Vote::Fails(reason) => (None, Some(reason)),
            };
            json!({ "memberId": ballot.member, "vote": vote, "failure": failure, "ballot": ballot.script })
        };
        let mut told = json!(self.proposal);
        told["actions"] = proposed["actions"].clone();
        told["ballots"] = self.ballots.iter().map(ballot).collect();
        told["wanted"] = match &self.wanted {
            Some(Wanted { silent, more }) => json!({ "notVoted": silent, "more": more }),
            None => Value::Null,
        };
        told
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let proposal = &self.proposal;
        writeln!(out, "Proposal {} of {}", proposal.proposal_id, short(&proposal.proposer_id))?;
        writeln!(out, "State    {}", proposal.proposal_state)?;
        if let Some(failure) = &proposal.failure {
            writeln!(out, "Failure  {}", plain(&failure.reason))?;
        }
        writeln!(out, "Actions")?;
        let proposed: Value = serde_json::from_str(&self.text).unwrap_or_default();
        for action in proposed["actions"].as_array().into_iter().flatten() {
            writeln!(out, "  {}", plain(action["name"].as_str().unwrap_or("?")))?;
            for (name, value) in action["args"].as_object().into_iter().flatten() {
                writeln!(out, "    {}: {}", plain(name), brief(value))?;
            }
        }
        writeln!(out, "Votes{}", if self.ballots.is_empty() { "    none" } else { "" })?;
        for Ballot { member, vote, .. } in &self.ballots {
            match vote {
                Vote::For => writeln!(out, "  {}  for", short(member))?,
                Vote::Against => writeln!(out, "  {}  against", short(member))?,
                Vote::Fails(reason) => writeln!(out, "  {}  fails: {}", short(member), plain(reason))?,
            }
        }
        match &self.wanted {
            Some(wanted) => wanted.write(out),
            None => Ok(()),
        }
    }
}

impl Wanted {
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let silent: Vec<_> = self.silent.iter().map(short).collect();
        let silent = silent.join(", ");
        match self.more {
            _ if self.silent.is_empty() => writeln!(out, "Wanted   nobody is left to vote"),
            Some(1) => writeln!(out, "Wanted   one more vote for it, of {silent}"),
            Some(more) => writeln!(out, "Wanted   {more} more votes for it, of {silent}"),
            None => writeln!(out, "Wanted   more than the votes of {silent}, as far as can be said here"),
        }
    }
}

/// The ballots of everyone who voted.
async fn ballots(
    client: &mut Client,
    proposal: &Proposal,
    text: &str,
    members: &[Member],
    rows: &Rows,
) -> Result<Vec<Ballot>, GovError> {
    let mut ballots = Vec::new();
    for Member { member_id: member, .. } in members {
        if ballots.len() as u64 >= proposal.ballot_count {
            break;
        }
        if let Some(script) = governance::ballot(client, &proposal.proposal_id, member).await? {
            let vote = decided(proposal, member).unwrap_or_else(|| {
                match rows.vote(&script, text, &proposal.proposer_id) {
                    Ok(true) => Vote::For,
                    Ok(false) => Vote::Against,
                    Err(error) => Vote::Fails(error.message),
                }
            });
            ballots.push(Ballot { member: *member, script: Some(script), vote });
        }
    }
    // Members who have left since.
    for member in proposal.final_votes.iter().flat_map(|votes| votes.keys()) {
        if !ballots.iter().any(|ballot| ballot.member == *member)
            && let Some(vote) = decided(proposal, member)
        {
            ballots.push(Ballot { member: *member, script: None, vote });
        }
    }
    Ok(ballots)
}

/// How a vote counted when the proposal was decided.
fn decided(proposal: &Proposal, member: &Digest) -> Option<Vote> {
    if let Some(failure) = proposal.vote_failures.as_ref().and_then(|failures| failures.get(member)) {
        return Some(Vote::Fails(failure.reason.clone()));
    }
    let vote = proposal.final_votes.as_ref()?.get(member)?;
    Some(if *vote { Vote::For } else { Vote::Against })
}

/// A value on one line.
fn brief(value: &Value) -> String {
    const MAX_CHARS: usize = 100;
    let text = match value {
        Value::String(text) => plain(text),
        other => plain(&other.to_string()),
    };
    let chars = text.chars().count();
    if chars <= MAX_CHARS {
        return text;
    }
    let begin: String = text.chars().take(MAX_CHARS).collect();
    format!("{begin}… ({chars} characters)")
}

#[cfg(test)]
mod tests;
