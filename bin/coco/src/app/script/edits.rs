//! Changes of a source that keep its lines, and its columns where they only erase.

use std::{cmp::Reverse, collections::BTreeSet, ops::Range};

/// Changes of a source, by bytes. Within one that is erased or replaced, others do not count.
#[derive(Clone, Debug, Default)]
pub(super) struct Edits {
    changes: Vec<Change>,
    /// Where statements end. What is erased up to there leaves a semicolon, so that the next line does not go on with
    /// the statement.
    ends: BTreeSet<usize>,
}

#[derive(Clone, Debug)]
struct Change {
    place: Range<usize>,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Erase,
    /// Leaves a semicolon.
    EraseStatement,
    Replace(String),
}

impl Edits {
    /// Leaves spaces.
    pub(super) fn erase(&mut self, place: Range<usize>) {
        self.changes.push(Change { place, kind: Kind::Erase });
    }

    /// Leaves a semicolon and spaces.
    pub(super) fn erase_statement(&mut self, place: Range<usize>) {
        self.changes.push(Change { place, kind: Kind::EraseStatement });
    }

    /// Puts text in the place; line ends that were there follow it.
    pub(super) fn replace(&mut self, place: Range<usize>, text: impl Into<String>) {
        self.changes.push(Change { place, kind: Kind::Replace(text.into()) });
    }

    /// Puts text in front of what is at a place.
    pub(super) fn insert(&mut self, at: usize, text: impl Into<String>) {
        self.replace(at..at, text);
    }

    /// Notes the end of a statement.
    pub(super) fn statement_ends(&mut self, at: usize) {
        self.ends.insert(at);
    }

    /// The changed source.
    pub(super) fn apply(&self, source: &str) -> String {
        let mut changes: Vec<_> = self.changes.iter().collect();
        changes.sort_by_key(|Change { place, .. }| (place.start, !place.is_empty(), Reverse(place.end)));
        let (mut text, mut done) = (String::with_capacity(source.len()), 0);
        for Change { place, kind } in changes {
            if place.start < done {
                continue;
            }
            text.push_str(&source[done..place.start]);
            let old = &source[place.clone()];
            match kind {
                Kind::Erase if self.ends.contains(&place.end) => blank(old, true, &mut text),
                Kind::Erase => blank(old, false, &mut text),
                Kind::EraseStatement => blank(old, true, &mut text),
                Kind::Replace(new) => {
                    text.push_str(new);
                    text.extend(old.chars().filter(|letter| is_line_end(*letter)));
                }
            }
            done = place.end;
        }
        text.push_str(&source[done..]);
        text
    }
}

/// A space for each letter, or a semicolon for the first.
fn blank(old: &str, semicolon: bool, text: &mut String) {
    let spaces = old.chars().map(|letter| if is_line_end(letter) { letter } else { ' ' });
    let begin = text.len();
    text.extend(spaces);
    if semicolon && text[begin..].starts_with(' ') {
        text.replace_range(begin..=begin, ";");
    }
}

fn is_line_end(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}
