//! What comes of an audit.

use std::io::{self, Write};

use coco_wire::{Seqno, TxId};
use serde_json::{Value, json};

use super::{
    Damage,
    event::{Event, What},
};
use crate::exit;

/// How far the ledger could be read.
pub(super) enum Ending {
    /// To its end, but for entries that no signature covers.
    Whole {
        unsigned: u64,
    },
    Damaged(Damage),
    OtherService,
    /// Earlier entries are not there.
    NoBeginning {
        begun: Seqno,
        first: Seqno,
    },
}

/// What was found.
#[derive(Default)]
pub(super) struct Count {
    decisions: u64,
    /// Decisions without a recorded time.
    timeless: u64,
    /// Nodes of a snapshot, whose decisions stand before it.
    unknown: u64,
    /// Decisions, and changes of tables, that do not hold.
    faulty: u64,
}

/// The result.
pub(super) struct Told {
    pub(super) ending: Ending,
    pub(super) count: Count,
    /// The last transaction that was looked at.
    pub(super) to: TxId,
}

impl Count {
    pub(super) fn add(&mut self, event: &Event) {
        if matches!(event.what, What::Decision(_)) {
            self.decisions += 1;
            self.timeless += u64::from(event.time.is_none());
        }
        self.unknown += u64::from(matches!(event.what, What::Inherited { .. }));
        self.faulty += u64::from(!event.faults.is_empty());
    }
}

impl Told {
    pub(super) fn status(&self) -> u8 {
        if self.name() == "holds" { 0 } else { exit::REFUSED }
    }

    fn is_empty(&self) -> bool {
        self.to == TxId::default()
    }

    fn name(&self) -> &'static str {
        match self.ending {
            Ending::Damaged(_) => "damaged",
            Ending::OtherService => "other_service",
            Ending::NoBeginning { .. } => "no_beginning",
            Ending::Whole { .. } if self.count.faulty > 0 => "does_not_hold",
            Ending::Whole { .. } if self.is_empty() => "nothing_signed",
            Ending::Whole { .. } => "holds",
        }
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Count { decisions, faulty, .. } = self.count;
        match &self.ending {
            Ending::Damaged(damage) => {
                write!(out, "DAMAGED: {} at offset {}", damage.file, damage.offset)?;
                if let Some(seqno) = damage.seqno {
                    write!(out, ", entry {seqno}")?;
                }
                writeln!(out, ": {}.", damage.reason)?;
                writeln!(
                    out,
                    "Audited before it: {decisions} decisions about nodes, to {}; lines that do not hold: {faulty}.",
                    self.to
                )
            }
            Ending::OtherService => writeln!(
                out,
                "REFUSED: the ledger does not end with the service of the certificate. Nothing above is about it."
            ),
            Ending::NoBeginning { begun, first } => writeln!(
                out,
                "REFUSED: the ledger begins with entry {first}. Entries {} to {} are not there, as with a node that \
                 began with a snapshot. Take the files of another node, or of a backup, as well; or begin behind the \
                 snapshot by --snapshot, and do without knowing who was let in before.",
                begun.next(),
                first.previous()
            ),
            Ending::Whole { unsigned } => self.write_whole(*unsigned, out),
        }
    }

    fn write_whole(&self, unsigned: u64, out: &mut dyn Write) -> io::Result<()> {
        let Count { decisions, timeless, unknown, faulty } = self.count;
        match (decisions, faulty) {
            (0, _) if self.is_empty() => {
                writeln!(out, "REFUSED: no signature covers anything in this ledger.")?;
            }
            (_, 0) => writeln!(out, "All decisions about nodes hold: {decisions}, to {}.", self.to)?,
            (_, _) => {
                let lines = if faulty == 1 {
                    "1 line above does".to_owned()
                } else {
                    format!("{faulty} lines above do")
                };
                let to = self.to;
                writeln!(out, "REFUSED: {lines} not hold, of {decisions} decisions about nodes, to {to}.")?;
            }
        }
        if timeless > 0 {
            writeln!(out, "  no time      {timeless} of them were written down without their time")?;
        }
        if unknown > 0 {
            writeln!(
                out,
                "  not judged   {unknown} nodes of the snapshot: who let them in stands before it"
            )?;
        }
        if unsigned > 0 {
            writeln!(out, "  not audited  {unsigned} entries at the end, which no signature covers")?;
        }
        Ok(())
    }

    pub(super) fn to_json(&self) -> Value {
        let Count { decisions, timeless, unknown, faulty } = self.count;
        let mut value = json!({
            "what": "result",
            "result": self.name(),
            "holds": self.status() == 0,
            "audited_to": self.to,
            "decisions": decisions,
            "without_time": timeless,
            "not_judged": unknown,
            "not_holding": faulty,
        });
        match &self.ending {
            Ending::Whole { unsigned } => value["unsigned_entries"] = json!(unsigned),
            Ending::Damaged(damage) => {
                value["damage"] = json!({
                    "file": damage.file,
                    "offset": damage.offset,
                    "seqno": damage.seqno,
                    "reason": damage.reason.to_string(),
                });
            }
            Ending::NoBeginning { first, .. } => value["first"] = json!(first),
            Ending::OtherService => {}
        }
        value
    }
}
