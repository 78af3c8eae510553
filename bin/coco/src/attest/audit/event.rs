//! What happened in a transaction that matters to who takes part, in words and for programs.

use std::{
    fmt,
    io::{self, Write},
};

use coco_crypto::x509::UnixTime;
use coco_tables::nodes::{NodeStatus, Reason};
use coco_wire::{Digest, TxId, signature::SINGLETON_KEY, text::encode_hex};
use serde_json::{Value, json};

use super::{examine::Shown, fault::Fault};
use crate::attest::facts::{date, printable};

/// Longest value of a row that is printed, in bytes.
const MAX_VALUE: usize = 200;

/// A decision, or a change of what decisions rest on.
pub(super) struct Event {
    pub(super) at: TxId,
    /// As it was written down.
    pub(super) time: Option<UnixTime>,
    pub(super) what: What,
    /// Why it does not hold; none if it does.
    pub(super) faults: Vec<Fault>,
}

pub(super) enum What {
    /// A service begins, by its key.
    Service(Digest),
    /// It is open to users; from now on members decide who is trusted.
    Open(By),
    /// Members require something else of nodes.
    Policy { table: String, row: Row, by: By },
    /// A node of a snapshot, about which it says nothing more.
    Inherited { node: String, status: NodeStatus, platform: String },
    /// Evidence of a node was judged.
    Decision(Decision),
    /// A node stands otherwise.
    Standing { node: Digest, now: Standing, by: By },
    /// Those that decide together.
    Nodes,
    /// A row of a node that should not be there, or not so.
    Node { table: &'static str, node: String },
}

/// Why rows changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// A service began, anew or out of an earlier one.
    Founding,
    /// Members voted for it.
    Proposal(String),
    /// Enough members handed in their shares of the ledger secret.
    Shares,
    /// The primary retires whoever may no longer take part.
    Primary(Reason),
    /// Nothing that is written down.
    Unknown,
}

/// A row of a table that members write.
pub(super) struct Row {
    pub(super) key: Vec<u8>,
    pub(super) before: Option<Vec<u8>>,
    pub(super) after: Option<Vec<u8>>,
}

pub(super) struct Decision {
    pub(super) node: Digest,
    pub(super) act: Act,
    pub(super) status: NodeStatus,
    pub(super) shown: Shown,
}

/// Why evidence was judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Founded,
    Joined,
    Renewed,
    /// Nobody should have.
    Replaced,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Now(NodeStatus),
    /// Its row was removed.
    Gone,
}

impl Event {
    /// One line.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let time = match (self.time, &self.what) {
            (Some(time), _) => date(time),
            (None, What::Decision(_)) => "no time recorded".to_owned(),
            (None, _) => String::new(),
        };
        write!(out, "{:>8}  {time:23}  {}", self.at.seqno.0, self.what)?;
        if !self.faults.is_empty() {
            let faults: Vec<_> = self.faults.iter().map(|fault| printable(&fault.to_string())).collect();
            write!(out, ": DOES NOT HOLD: {}", faults.join("; "))?;
        } else if matches!(self.what, What::Decision(_)) {
            write!(out, ": welcome")?;
        }
        if let What::Decision(decision) = &self.what {
            write!(out, "{}", decision.shown)?;
        }
        writeln!(out)
    }

    pub(super) fn to_json(&self) -> Value {
        let mut value = self.what.to_json();
        value["transaction"] = json!(self.at);
        value["seqno"] = json!(self.at.seqno);
        value["holds"] = json!(self.faults.is_empty());
        if matches!(self.what, What::Decision(_)) || self.time.is_some() {
            value["time"] = json!(self.time.map(|time| time.0));
        }
        if !self.faults.is_empty() {
            let fault = |fault: &Fault| json!({ "fault": fault.name(), "text": fault.to_string() });
            value["faults"] = self.faults.iter().map(fault).collect();
        }
        value
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(identity) => write!(f, "service {identity} begins"),
            Self::Open(by) => write!(f, "service opens{by}"),
            Self::Policy { table, row, by } => {
                write!(f, "policy {}", printable(table))?;
                if let Some(key) = row.key() {
                    write!(f, " {}", printable(&key))?;
                }
                write!(f, " {}{by}{}", row.change(), row.value_in_words())
            }
            Self::Decision(Decision { node, act, status, shown }) => {
                write!(f, "node {node} {}, {status:?}, on {}", act.in_words(), printable(&shown.platform))
            }
            Self::Inherited { node, status, platform } => {
                let (node, platform) = (printable(node), printable(platform));
                write!(
                    f,
                    "node {node} is {status:?}, on {platform}: not judged, as the snapshot does not tell why"
                )
            }
            Self::Standing { node, now: Standing::Now(status), by } => {
                write!(f, "node {node} becomes {status:?}{by}")
            }
            Self::Standing { node, now: Standing::Gone, .. } => {
                write!(f, "node {node} is removed from nodes.info")
            }
            Self::Nodes => write!(f, "trusted nodes"),
            Self::Node { table, node } => write!(f, "row of {table} of node {}", printable(node)),
        }
    }
}

impl What {
    fn to_json(&self) -> Value {
        match self {
            Self::Service(identity) => json!({ "what": "service", "service": identity }),
            Self::Open(by) => json!({ "what": "open", "by": by.to_string().trim_start() }),
            Self::Policy { table, row, by } => json!({
                "what": "policy",
                "table": table,
                "row": row.key(),
                "change": row.change(),
                "value": row.after.as_ref().and_then(|value| serde_json::from_slice::<Value>(value).ok()),
                "by": by.to_string().trim_start(),
            }),
            Self::Inherited { node, status, platform } => json!({
                "what": "not_judged", "node": node, "status": format!("{status:?}"), "platform": platform,
            }),
            Self::Decision(Decision { node, act, status, shown }) => json!({
                "what": "decision",
                "node": node,
                "act": act.name(),
                "status": format!("{status:?}"),
                "platform": shown.platform,
                "measurement": shown.measurement,
                "host_data": shown.host_data,
                "authentic": !shown.unproven,
            }),
            Self::Standing { node, now, by } => {
                let now = match now {
                    Standing::Now(status) => format!("{status:?}"),
                    Standing::Gone => "gone".to_owned(),
                };
                json!({ "what": "standing", "node": node, "status": now, "by": by.to_string().trim_start() })
            }
            Self::Nodes => json!({ "what": "nodes" }),
            Self::Node { table, node } => json!({ "what": "row", "table": table, "node": node }),
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Founding => write!(f, " as a service begins"),
            Self::Proposal(id) => write!(f, " by proposal {}", printable(id)),
            Self::Shares => write!(f, " by recovery shares"),
            Self::Primary(reason) => write!(f, " by the primary: {reason}"),
            Self::Unknown => write!(f, " by no proposal"),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = [("measurement", &self.measurement), ("host data", &self.host_data)]
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)))
            .peekable();
        if said.peek().is_some() {
            write!(f, "{}", if self.unproven { "; by its own word" } else { ";" })?;
        }
        for (at, (name, value)) in said.enumerate() {
            write!(f, "{} {name} {}", if at > 0 { "," } else { "" }, printable(value))?;
        }
        Ok(())
    }
}

impl Act {
    fn in_words(self) -> &'static str {
        match self {
            Self::Founded => "began the service",
            Self::Joined => "joined",
            Self::Renewed => "showed fresh evidence",
            Self::Replaced => "has other evidence",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Founded => "founded",
            Self::Joined => "joined",
            Self::Renewed => "renewed",
            Self::Replaced => "replaced",
        }
    }
}

impl Row {
    /// None in tables of one row.
    fn key(&self) -> Option<String> {
        let text = || String::from_utf8(self.key.clone()).unwrap_or_else(|_| encode_hex(&self.key));
        (self.key != SINGLETON_KEY).then(text)
    }

    fn change(&self) -> &'static str {
        match (&self.before, &self.after) {
            (None, _) => "added",
            (Some(_), Some(_)) => "changed",
            (Some(_), None) => "removed",
        }
    }

    /// What the row says, where that is more than that it is there.
    fn value_in_words(&self) -> String {
        let value = self.after.as_deref().filter(|value| value.len() <= MAX_VALUE && value.starts_with(b"{"));
        let text = value.and_then(|value| str::from_utf8(value).ok());
        text.map_or_else(String::new, |text| format!(": {}", printable(text)))
    }
}
