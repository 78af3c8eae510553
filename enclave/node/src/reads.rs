//! Reads that must miss nothing that was committed before they were asked for.
//!
//! All that came since the last question wait for the answer to the next one: one question of consensus serves them all.

use coco_boundary::Monotonic;
use coco_raft::ReadId;

use crate::core::Readable;

/// Reads that may wait.
const MAX_WAITING: usize = 10_000;
/// When a question that is not answered is asked again, in milliseconds: messages get lost, and primaries.
const PATIENCE_MS: u64 = 500;

/// All reads of a node that wait; a `W` is one of them, with where its answer goes.
pub struct Reads<W> {
    /// Came since the last question.
    new: Vec<Waiting<W>>,
    /// The question that is not answered yet.
    asked: Option<Asked<W>>,
    questions: u64,
    /// No question before this time: the last one could not be answered.
    not_before: Monotonic,
}

struct Asked<W> {
    id: ReadId,
    at: Monotonic,
    reads: Vec<Waiting<W>>,
}

struct Waiting<W> {
    read: W,
    deadline: Monotonic,
}

impl<W> Default for Reads<W> {
    fn default() -> Self {
        Self { new: Vec::new(), asked: None, questions: 0, not_before: Monotonic(0) }
    }
}

impl<W> Reads<W> {
    /// Has a read wait for the next question: see [`Reads::next_question`].
    ///
    /// # Errors
    /// If too many wait; the read is handed back.
    pub fn wait(&mut self, read: W, deadline: Monotonic) -> Result<(), W> {
        if self.len() >= MAX_WAITING {
            return Err(read);
        }
        self.new.push(Waiting { read, deadline });
        Ok(())
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.new.len() + self.asked.as_ref().map_or(0, |asked| asked.reads.len())
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next question for [`Core::read`](crate::Core::read), if there is one to ask now.
    pub fn next_question(&mut self, now: Monotonic) -> Option<ReadId> {
        if self.asked.is_some() || self.new.is_empty() || now < self.not_before {
            return None;
        }
        let id = ReadId(self.questions);
        self.questions += 1;
        self.asked = Some(Asked { id, at: now, reads: std::mem::take(&mut self.new) });
        Some(id)
    }

    /// A question was answered: yields what may be read now, the committed state.
    pub fn settled(&mut self, id: ReadId, readable: Readable, now: Monotonic) -> Vec<W> {
        let Some(asked) = self.asked.take_if(|asked| asked.id == id) else { return Vec::new() };
        match readable {
            Readable::Yes => asked.reads.into_iter().map(|waiting| waiting.read).collect(),
            Readable::NotNow => {
                self.ask_again(asked);
                // The next tick asks again: by then another primary may be known.
                self.not_before = Monotonic(now.0.saturating_add(1));
                Vec::new()
            }
        }
    }

    /// Lets time pass: what got no answer can be asked again. Yields what has waited long enough.
    pub fn tick(&mut self, now: Monotonic) -> Vec<W> {
        if let Some(asked) = self.asked.take_if(|asked| now.since_ms(asked.at) >= PATIENCE_MS) {
            self.ask_again(asked);
        }
        let asked = self.asked.as_mut().map(|asked| &mut asked.reads);
        let waiting = asked.into_iter().chain([&mut self.new]);
        let expired =
            waiting.flat_map(|reads| reads.extract_if(.., |read| read.deadline <= now).collect::<Vec<_>>());
        expired.map(|waiting| waiting.read).collect()
    }

    /// Takes back what was asked.
    fn ask_again(&mut self, asked: Asked<W>) {
        let new = std::mem::replace(&mut self.new, asked.reads);
        self.new.extend(new);
    }
}

#[cfg(test)]
mod tests;
