//! What comes of evidence, told for people and for programs.

use std::io::{self, Write};

use coco_crypto::x509::{UnixTime, Validity};
use coco_wire::text::encode_hex;
use serde_json::{Value, json};

use super::{Asked, Misuse, Refused, asked::Bound};
use crate::attest::{
    facts::{Facts, date},
    piece::Piece,
    show::{fields, head},
};

/// Why there is no verdict.
pub(in crate::attest) enum NotShown {
    Refused(Box<Refused>),
    Misuse(Misuse),
}

impl<R: Into<Refused>> From<R> for NotShown {
    fn from(refused: R) -> Self {
        Self::Refused(Box::new(refused.into()))
    }
}

impl From<Misuse> for NotShown {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}

/// What believed evidence is believed for.
#[derive(Default)]
pub(in crate::attest) struct Verdict {
    /// Step by step from what is trusted to begin with.
    trusted: Vec<String>,
    /// What holds of all that was asked for.
    asked: Vec<String>,
    /// What it says.
    facts: Vec<Facts>,
    not_checked: Vec<String>,
}

impl Verdict {
    pub(super) fn trust(&mut self, step: impl Into<String>) {
        self.trusted.push(step.into());
    }

    pub(super) fn trust_all(&mut self, steps: Vec<String>) {
        self.trusted.extend(steps);
    }

    pub(in crate::attest) fn holds(&mut self, what: impl Into<String>) {
        self.asked.push(what.into());
    }

    pub(super) fn says(&mut self, facts: Facts) {
        self.facts.push(facts);
    }

    pub(in crate::attest) fn not_checked(&mut self, what: impl Into<String>) {
        self.not_checked.push(what.into());
    }

    /// All that was used is valid in this span.
    pub(super) fn valid(&mut self, validity: Validity) {
        let (begin, end) = (date(validity.not_before()), date(validity.not_after()));
        self.trust(format!("All certificates, lists and documents are valid from {begin} to {end}."));
    }

    /// Holds what was found against what was asked for with an option; `why` says what is open otherwise.
    pub(super) fn compare(
        &mut self,
        what: &'static str,
        (option, asked): (&'static str, Option<&[u8]>),
        found: &[u8],
        why: &str,
    ) -> Result<(), NotShown> {
        match asked {
            None => self.not_checked(format!("the {what} (--{option}): {why}")),
            Some(asked) if asked.len() != found.len() => {
                return Err(Misuse::Length { option, expected: found.len() }.into());
            }
            Some(asked) if asked != found => {
                return Err(Refused::Other { what, found: encode_hex(found) }.into());
            }
            Some(_) => self.holds(format!("the {what}, as asked (--{option})")),
        }
        Ok(())
    }

    /// That the report data are what the verifier was told to look for.
    pub(super) fn report_data(&mut self, asked: &Asked, piece: &Piece) {
        self.bound(("report data", "report-data"), "it", asked.bound(asked.report_data.as_deref(), piece));
    }

    /// That the part of the evidence which `option` names is what the verifier was told to look for. `it` was made for that.
    pub(super) fn bound(
        &mut self,
        (what, option): (&'static str, &'static str),
        it: &'static str,
        bound: Bound<'_>,
    ) {
        match bound {
            Bound::Session(_) => self.holds(format!(
                "the {what}: {it} was made now, for this TLS session, our nonce, the service, and the node whose key the \
                 other end of the session has"
            )),
            Bound::Given(_) => self.holds(format!("the {what}, as asked (--{option})")),
            Bound::Node(node) => {
                self.holds(format!(
                    "the {what}: {it} was made for the node {node}, which is the SHA-256 of its key"
                ));
                self.not_checked("that the node you talk to has this key: compare with its certificate");
            }
            Bound::Anything => self.not_checked(format!(
                "the {what} (--{option}): {it} may have been made for another key, or long ago"
            )),
        }
    }
}

/// A piece of evidence and what came of it.
pub(in crate::attest) struct Outcome {
    pub(in crate::attest) piece: Piece,
    pub(in crate::attest) found: Result<Verdict, Refused>,
}

impl Outcome {
    pub(in crate::attest) fn to_json(&self) -> Value {
        let mut value = head(&self.piece);
        value["verified"] = json!(self.found.is_ok());
        match &self.found {
            Ok(verdict) => {
                value["trusted"] = json!(verdict.trusted);
                value["holds"] = json!(verdict.asked);
                value["not_checked"] = json!(verdict.not_checked);
                value["fields"] = fields(&verdict.facts);
            }
            Err(refused) => {
                value["reason"] = json!(refused.to_string());
                value["advice"] = json!(refused.advice());
            }
        }
        value
    }

    pub(in crate::attest) fn write(&self, now: UnixTime, out: &mut dyn Write) -> io::Result<()> {
        let verdict = match &self.found {
            Ok(verdict) => verdict,
            Err(refused) => {
                self.write_head("REFUSED", now, out)?;
                writeln!(out, "  Why: {refused}.")?;
                return match refused.advice() {
                    Some(advice) => writeln!(out, "  What to do: {advice}."),
                    None => Ok(()),
                };
            }
        };
        self.write_head("VERIFIED", now, out)?;
        let sections = [
            ("Trusted, and why", &verdict.trusted),
            ("What was asked for and holds", &verdict.asked),
            ("NOT CHECKED", &verdict.not_checked),
        ];
        for (title, lines) in sections.into_iter().filter(|(_, lines)| !lines.is_empty()) {
            writeln!(out, "\n{title}")?;
            for line in lines {
                writeln!(out, "  - {line}")?;
            }
        }
        for facts in &verdict.facts {
            writeln!(out)?;
            facts.write(out)?;
        }
        Ok(())
    }

    fn write_head(&self, word: &str, now: UnixTime, out: &mut dyn Write) -> io::Result<()> {
        let platform = self.piece.platform.name();
        let node = self.piece.node.map(|node| format!(", of node {node}")).unwrap_or_default();
        writeln!(out, "{word}: {}, evidence of {platform}{node}, looked at {}.", self.piece.origin, date(now))
    }
}
