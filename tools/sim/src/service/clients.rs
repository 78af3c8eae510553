//! Clients: what they ask, where, and what they make of the answers.

use coco_app::{Mode, TxStatus};
use coco_node::{Mount, Refusal, Write, view::Continuity};
use coco_wire::{Seqno, TxId};

use super::{
    Sabotage,
    app::Wish,
    checks::{Checked, broken, check},
    event::Event,
    faults::Fault,
    history::Deed,
    world::World,
};

/// How often a transaction is executed, as in `coco-http`.
const MAX_ATTEMPTS: u32 = 30;
/// Names of registers, and of counters.
const NAMES: u64 = 3;
/// Calls on an old state that are on a very old one, of a thousand.
const VERY_STALE: u64 = 200;
/// How often a client asks what became of a transaction.
const MAX_INQUIRIES: u32 = 40;
/// Answers that are wrong under sabotage, of a thousand.
const LIES: u64 = 50;
/// Between two such questions, in milliseconds.
const INQUIRY_MS: u64 = 150;

/// One client.
#[derive(Default)]
pub(super) struct Client {
    session: Option<Session>,
    /// Values written so far, which makes them all different.
    written: u64,
    pub(super) conflicts: u64,
}

/// A connection to a node.
#[derive(Clone, Copy)]
struct Session {
    place: usize,
    /// As it began; it ends when that changes.
    began: Continuity,
    /// The last transaction that it wrote.
    last: Seqno,
}

/// A transaction that waits for its place.
pub(super) struct Request {
    client: usize,
    pub(super) place: usize,
    wish: Wish,
    answer: String,
    write: Write,
    invoked: u64,
    attempts: u32,
}

/// Somebody wants to know what became of a transaction.
#[derive(Clone, Copy)]
pub(super) struct Inquiry {
    txid: TxId,
    /// A client that waits for it at a node.
    waits: Option<(usize, usize)>,
    left: u32,
}

impl World<'_> {
    /// A client asks for something.
    pub(super) fn call(&mut self, client: usize) -> Checked {
        self.events += 1;
        let Some(session) = self.session(client) else {
            self.call_again(client);
            return Ok(());
        };
        self.clients[client].session = Some(session);
        let name = |kind: &str, number: u64| format!("{kind}{number}");
        let number = self.random.below(NAMES);
        let wish = match self.random.below(10) {
            0..4 => {
                self.clients[client].written += 1;
                let value = format!("{client}.{}", self.clients[client].written);
                Wish::Put { name: name("register", number), value }
            }
            4..8 => Wish::Add { name: name("counter", number) },
            8 => Wish::Get { name: name("register", number) },
            _ => Wish::Get { name: name("counter", number) },
        };
        self.hash((client, &wish));
        match wish {
            Wish::Get { .. } => {
                self.call_again(client);
                self.read(client, session, &wish)
            }
            _ => {
                self.execute(client, session.place, wish, self.events, 0);
                Ok(())
            }
        }
    }

    fn call_again(&mut self, client: usize) {
        let ms = self.random.between(1, self.options.think_ms);
        self.after(ms, Event::Call(client));
    }

    /// The session that a client goes on with, or a new one, as `coco-http` decides it.
    fn session(&mut self, client: usize) -> Option<Session> {
        if let Some(session) = self.clients[client].session.take() {
            let machine = &self.machines[session.place];
            let goes_on = machine.takes_part() && machine.paused_until_ms <= self.now_ms;
            return (goes_on && machine.state().continuity() == session.began).then_some(session);
        }
        let all = || (0..self.machines.len()).filter(|place| self.machines[*place].takes_part());
        let primaries: Vec<_> = all().filter(|place| self.machines[*place].state().primary).collect();
        let others: Vec<_> = all().collect();
        let from = if self.random.chance(800) { primaries } else { others };
        let place = *self.random.pick(&from)?;
        let began = self.machines[place].state().continuity();
        Some(Session { place, began, last: Seqno::ZERO })
    }

    fn read(&mut self, client: usize, session: Session, wish: &Wish) -> Checked {
        let reads_committed = self.random.chance(500);
        let machine = &mut self.machines[session.place];
        let mode = if reads_committed {
            machine.core.refresh_committed();
            Mode::QueryCommitted
        } else {
            if machine.view.is_stale() {
                machine.core.refresh();
            }
            Mode::Query
        };
        let ran = machine.view.run(Mount::App, &wish.call(), mode, None);
        let value = String::from_utf8_lossy(&ran.response.body).into_owned();
        let Some(version) = ran.response.txid else { return Ok(()) };
        self.hash((client, version, &value));
        if !reads_committed {
            check(version.seqno >= session.last, "H8 a session sees its own writes", || {
                let Session { place, last, .. } = session;
                format!("client {client} at node {place} read {version}, having written {last}")
            })?;
        }
        let checks = &mut self.checks;
        let mut history = std::mem::take(&mut checks.history);
        let outcome = history.read(version, wish.name(), &value, |seqno| checks.at(seqno), reads_committed);
        checks.history = history;
        outcome
    }

    /// Executes a call on the state that the node shows, and lets it wait for its place.
    fn execute(&mut self, client: usize, place: usize, wish: Wish, invoked: u64, attempts: u32) {
        let stale = self.random.chance(self.options.stale_calls) && self.strike(Fault::StaleCall);
        let machine = &mut self.machines[place];
        if attempts > 0 || (!stale && machine.view.is_stale()) {
            machine.core.refresh();
        }
        let ran = machine.view.run(Mount::App, &wish.call(), Mode::Execute, None);
        let answer = String::from_utf8_lossy(&ran.response.body).into_owned();
        let mut write = ran.write.expect("puts and adds write");
        if self.conditions.sabotage == Some(Sabotage::BlindCounters) {
            let blind = Wish::Put { name: wish.name().to_owned(), value: answer.clone() };
            let ran = machine.view.run(Mount::App, &blind.call(), Mode::Execute, None);
            write = ran.write.expect("puts write");
        }
        let ms = match stale {
            // Long enough to see the node lead no more, and lead again.
            true if self.random.chance(VERY_STALE) => self.long_ms(),
            true => self.random.between(1, self.options.think_ms),
            false => self.random.between(1, 3),
        };
        let request = Request { client, place, wish, answer, write, invoked, attempts };
        self.after(ms, Event::Place(Box::new(request)));
    }

    /// A transaction is given its place, or not.
    pub(super) fn place(&mut self, request: Request) -> Checked {
        let Request { client, place, wish, answer, write, invoked, attempts } = request;
        let deed = Deed::Wish { wish: wish.clone(), answer };
        match self.sequence(place, &write, deed, invoked)? {
            Ok(txid) => {
                self.placed(client, place, txid);
                Ok(())
            }
            Err(Refusal::Conflict) if attempts < MAX_ATTEMPTS => {
                self.clients[client].conflicts += 1;
                self.execute(client, place, wish, invoked, attempts + 1);
                Ok(())
            }
            Err(Refusal::NotPrimary) => {
                self.clients[client].session = None;
                self.call_again(client);
                Ok(())
            }
            Err(Refusal::Full | Refusal::Conflict) => {
                self.call_again(client);
                Ok(())
            }
            Err(refusal @ (Refusal::TooLarge | Refusal::Malformed)) => {
                broken("small transactions have a place", refusal.to_string())
            }
        }
    }

    /// Asks a node to append; the history knows of it before anything follows.
    pub(super) fn sequence(
        &mut self,
        place: usize,
        write: &Write,
        deed: Deed,
        invoked: u64,
    ) -> Result<Result<TxId, Refusal>, crate::raft::Broken> {
        let placed = self.machines[place].core.sequence(write);
        self.hash((place, placed.ok()));
        self.note(|| format!("node {place} is to append {deed:?}: {placed:?}"));
        if let Ok(txid) = placed {
            if matches!(deed, Deed::Change { .. }) {
                self.machines[place].changed = txid;
            }
            self.checks.history.placed(txid, deed, invoked)?;
        }
        self.input(place, "flushes", coco_node::Core::flush)?;
        Ok(placed)
    }

    fn placed(&mut self, client: usize, place: usize, txid: TxId) {
        let waits = self.random.chance(400);
        let inquiry = Inquiry { txid, waits: waits.then_some((client, place)), left: MAX_INQUIRIES };
        let ms = self.random.between(1, INQUIRY_MS);
        self.after(ms, Event::Ask(inquiry));
        if let Some(session) = &mut self.clients[client].session {
            session.last = txid.seqno;
        }
        if !waits {
            self.checks.history.answered(txid, self.events);
            self.call_again(client);
        }
    }

    /// A node says what became of a transaction.
    pub(super) fn ask(&mut self, inquiry: Inquiry) -> Checked {
        let Inquiry { txid, waits, left } = inquiry;
        self.events += 1;
        let all: Vec<_> =
            (0..self.machines.len()).filter(|place| self.machines[*place].takes_part()).collect();
        let anywhere = self.random.pick(&all).copied();
        let place = match waits {
            Some((_, place)) => all.contains(&place).then_some(place),
            None => anywhere,
        };
        let status = place.map(|place| self.machines[place].state().chain.status(txid));
        let status = match status {
            Some(TxStatus::Pending)
                if self.conditions.sabotage == Some(Sabotage::EarlyCommits) && self.random.chance(LIES) =>
            {
                Some(TxStatus::Committed)
            }
            status => status,
        };
        if let Some(status) = status {
            let checks = &mut self.checks;
            let mut history = std::mem::take(&mut checks.history);
            let outcome = history.told(txid, status, |seqno| checks.at(seqno));
            checks.history = history;
            outcome?;
        }
        let settled = matches!(status, Some(TxStatus::Committed | TxStatus::Invalid));
        if let Some((client, _)) = waits
            && (settled || left == 0 || place.is_none())
        {
            if status == Some(TxStatus::Committed) {
                self.checks.history.answered(txid, self.events);
            }
            self.call_again(client);
        } else if !settled && left > 0 {
            let ms = self.random.between(INQUIRY_MS / 2, INQUIRY_MS);
            self.after(ms, Event::Ask(Inquiry { left: left - 1, ..inquiry }));
        }
        Ok(())
    }

    /// What a process that is gone was to do: a client does not wait for it for ever.
    pub(super) fn unanswered(&mut self, event: Event) -> Checked {
        match event {
            Event::Place(request) => {
                self.clients[request.client].session = None;
                self.call_again(request.client);
            }
            Event::Decide(step) => self.undecided(*step),
            _ => {}
        }
        Ok(())
    }
}
