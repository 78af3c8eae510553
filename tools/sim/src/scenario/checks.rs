//! What a scenario asserts, and what it tells its reader.

use coco_raft::{Configuration, Membership};
use coco_wire::{Seqno, TxId};

use super::{
    driver::{Done, Driver, check, number},
    node::{Node, id_of, name_of},
    trace::{describe, leadership, phase},
};

impl Driver {
    pub(super) fn assert_state_sync(&mut self) -> Done {
        let differences = self.differences(&self.names());
        if differences.is_empty() { Ok(()) } else { Err(differences.join("; ")) }
    }

    pub(super) fn assert_commit_safety_of_all(&mut self) -> Done {
        self.names().iter().try_for_each(|name| self.assert_commit_safety(name))
    }

    /// What a node takes for committed is held by a majority of each configuration that is committed too.
    pub(super) fn assert_commit_safety(&mut self, name: &str) -> Done {
        let node = self.node(name)?;
        let committed = node.raft.log().committed().seqno;
        let end = usize::try_from(committed.0).expect("a scenario's log fits in memory");
        let prefix = &node.ledger[..end];
        let held = |id: &coco_raft::NodeId| {
            self.nodes.get(&name_of(id)).is_some_and(|other| other.ledger.get(..end) == Some(prefix))
        };
        for (from, nodes) in node.raft.log().configurations() {
            if from <= committed && !nodes.has_quorum(held) {
                return Err(format!(
                    "{name} takes {committed} for committed, which no majority of {from} holds"
                ));
            }
        }
        Ok(())
    }

    pub(super) fn assert_commit_idx(&mut self, name: &str, seqno: &str) -> Done {
        let (expected, is) = (number(seqno)?, self.node(name)?.raft.log().committed().seqno.0);
        check(is == expected, || format!("{name} committed {is}, not {expected}"))
    }

    pub(super) fn assert_detail(&mut self, name: &str, detail: &str, expected: &str, equal: bool) -> Done {
        let raft = &self.node(name)?.raft;
        let is = match detail {
            "leadership_state" => leadership(raft.role()).to_owned(),
            "membership_state" => {
                if raft.membership() == Membership::Active { "Active" } else { "Retired" }.to_owned()
            }
            "retirement_phase" => {
                phase(raft.membership()).ok_or_else(|| format!("{name} is not leaving"))?.to_owned()
            }
            "current_view" => raft.view().to_string(),
            "primary_id" => raft.leader().map_or("null".to_owned(), |leader| name_of(&leader)),
            _ => return Err(format!("no such detail: {detail}")),
        };
        check((is == expected) == equal, || format!("{detail} of {name} is {is}"))
    }

    pub(super) fn assert_config(&mut self, name: &str, from: &str, names: &[&str]) -> Done {
        let from = Seqno(number(from)?);
        let expected: Configuration = names.iter().map(|name| id_of(name)).collect();
        let found = self.node(name)?.raft.log().configurations().find(|(at, _)| *at == from);
        check(found.is_some_and(|(_, nodes)| *nodes == expected), || {
            format!("the configuration of {name} at {from} is {found:?}")
        })
    }

    pub(super) fn assert_absent_config(&mut self, name: &str, from: &str) -> Done {
        let from = Seqno(number(from)?);
        let absent = self.node(name)?.raft.log().configurations().all(|(at, _)| at != from);
        check(absent, || format!("{name} has a configuration at {from}"))
    }

    pub(super) fn say_of(&mut self, names: &[&str], what: fn(&Node) -> String) -> Done {
        for name in names {
            let note = format!("{name}: {}", what(self.node(name)?));
            self.notes.push(note);
        }
        Ok(())
    }

    pub(super) fn say_of_all(&mut self, what: fn(&Node) -> String) -> Done {
        self.names().iter().try_for_each(|name| self.say_of(&[name.as_str()], what))
    }

    pub(super) fn summarise_messages(&mut self, from: &str, to: &str) -> Done {
        let queued = self.node(from)?.outbox.iter().filter(|(receiver, _)| *receiver == id_of(to));
        let said: Vec<_> = queued.map(|(_, message)| describe(message).to_string()).collect();
        self.notes.push(format!("{from} to {to}: {} messages {}", said.len(), said.join(" ")));
        Ok(())
    }

    pub(super) fn state(node: &Node) -> String {
        let log = node.raft.log();
        let role = leadership(node.raft.role());
        format!("{role} in view {} at {}, committed {}", node.raft.view(), log.last(), log.committed())
    }

    pub(super) fn log_summary(node: &Node) -> String {
        let committed = node.raft.log().committed();
        let entries = node.ledger.iter().map(|stored| stored.entry.txid);
        let entry = |txid: TxId| if txid == committed { format!("[{txid}]") } else { txid.to_string() };
        entries.map(entry).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn differences(&self, names: &[String]) -> Vec<String> {
        let Some((first, others)) = names.split_first() else { return Vec::new() };
        let of = |name: &String| {
            let node = &self.nodes[name];
            (node.raft.view(), &node.ledger, node.raft.log().committed())
        };
        let different = others.iter().filter(|other| of(other) != of(first));
        let describe = |name: &String| format!("{name} is {}", Self::state(&self.nodes[name]));
        different.map(|other| format!("{}, but {}", describe(first), describe(other))).collect()
    }
}
