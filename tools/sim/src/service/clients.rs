//! Clients: what they ask, where, and what they make of the answers.

use coco_app::{InterfaceName, Peer, Response, TxStatus};
use coco_node::view::Continuity;
use coco_wire::{Seqno, TxId, View};

use super::{
    Sabotage,
    app::{Seeing, What, Wish},
    checks::{Checked, check},
    event::Event,
    requests::Reply,
    world::World,
};

/// Names of registers, and of counters.
const NAMES: u64 = 3;
/// How often a client asks what became of a transaction.
const MAX_INQUIRIES: u32 = 40;
/// Answers that are wrong under sabotage, of a thousand.
const LIES: u64 = 50;
/// Between two such questions, in milliseconds.
const INQUIRY_MS: u64 = 150;
/// How often a client looks whether its node is still there, in milliseconds.
const LOOK_MS: u64 = 250;
/// Clients that leave a node which could not answer, of a thousand.
const LEAVES: u64 = 300;
/// How long it waits for an answer at most, in milliseconds.
const PATIENCE_MS: u64 = 5_000;

/// One client.
#[derive(Default)]
pub(super) struct Client {
    pub(super) session: Option<Session>,
    /// The request whose answer it awaits.
    awaits: Option<u64>,
    /// Values written so far, which makes them all different.
    written: u64,
}

/// A connection to a node.
#[derive(Clone, Copy)]
pub(super) struct Session {
    place: usize,
    /// As it began; it ends when that changes.
    pub(super) began: Continuity,
    /// Whether a request was forwarded, as in `coco-http`.
    pub(super) forwarded: bool,
    /// The last transaction that it wrote.
    last: TxId,
}

/// What somebody asked for.
pub(super) struct Asked {
    pub(super) client: usize,
    pub(super) wish: Wish,
    /// The node to which its client is connected.
    place: usize,
    /// Step of the world.
    pub(super) invoked: u64,
    at_ms: u64,
    /// What was committed anywhere then.
    committed: Seqno,
}

/// Somebody wants to know what became of a transaction.
#[derive(Clone, Copy)]
pub(super) struct Inquiry {
    txid: TxId,
    /// A client that waits for it at a node.
    waits: Option<(usize, usize)>,
    left: u32,
}

/// As the node knows all clients.
pub(super) fn peer() -> Peer {
    Peer { interface: InterfaceName::new("primary"), certificate: None, session: None }
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
        let wish = self.wish(client, session);
        self.hash((client, &wish));
        let number = wish.number;
        self.clients[client].awaits = Some(number);
        self.after(LOOK_MS, Event::Look(number));
        let (request, place) = (wish.request(), session.place);
        let (invoked, at_ms, committed) = (self.events, self.now_ms, self.checks.committed());
        self.asked.push(Asked { client, wish, place, invoked, at_ms, committed });
        let machine = &self.machines[place];
        let planned = match machine.view.decode(request.clone(), &peer()) {
            Ok(planned) => planned,
            Err(response) => return self.hear(number, &response),
        };
        if machine.is_backup() && planned.is_forwarded(session.forwarded) {
            return self.forward(place, number, &request);
        }
        self.answer(place, planned, Reply::Client(number))
    }

    fn call_again(&mut self, client: usize) {
        let ms = self.random.between(1, self.options.think_ms);
        self.after(ms, Event::Call(client));
    }

    fn wish(&mut self, client: usize, session: Session) -> Wish {
        let of_registers = self.random.chance(500);
        let name =
            format!("{}{}", if of_registers { "register" } else { "counter" }, self.random.below(NAMES));
        let what = match self.random.below(12) {
            // Whoever had a write forwarded likes to see it.
            2..5 if session.forwarded => What::Get(Seeing::Latest),
            0..7 if of_registers => {
                self.clients[client].written += 1;
                What::Put(format!("{client}.{}", self.clients[client].written))
            }
            0..7 => What::Add,
            7 | 8 => What::Get(Seeing::Latest),
            9 => What::Get(Seeing::Committed),
            _ => What::Get(Seeing::All),
        };
        Wish { number: self.asked.len() as u64, what, name }
    }

    /// The session that a client goes on with, or a new one, as `coco-http` decides it.
    fn session(&mut self, client: usize) -> Option<Session> {
        if let Some(mut session) = self.clients[client].session.take() {
            let machine = &self.machines[session.place];
            let goes_on = machine.takes_part() && machine.paused_until_ms <= self.now_ms;
            let follows = goes_on && session.began.follow(machine.state().continuity()).is_ok();
            return follows.then_some(session);
        }
        let all = || (0..self.machines.len()).filter(|place| self.machines[*place].takes_part());
        let primaries: Vec<_> = all().filter(|place| self.machines[*place].state().primary).collect();
        let others: Vec<_> = all().collect();
        let from = if self.random.chance(400) { primaries } else { others };
        let place = *self.random.pick(&from)?;
        let began = self.machines[place].state().continuity();
        Some(Session { place, began, forwarded: false, last: TxId::default() })
    }

    /// Who waits for an answer for too long, or from a node that is gone, connects anew.
    pub(super) fn look(&mut self, number: u64) {
        let Asked { client, place, at_ms, .. } = *self.asked(number);
        if self.clients[client].awaits != Some(number) {
            return;
        }
        if self.machines[place].alive && self.now_ms < at_ms + PATIENCE_MS {
            return self.after(LOOK_MS, Event::Look(number));
        }
        self.clients[client].awaits = None;
        self.clients[client].session = None;
        self.call_again(client);
    }

    /// A client has its answer.
    pub(super) fn hear(&mut self, number: u64, response: &Response) -> Checked {
        let Asked { client, place, committed, .. } = *self.asked(number);
        if self.clients[client].awaits != Some(number) {
            return Ok(());
        }
        self.clients[client].awaits = None;
        self.hash((client, number, response.status.0, response.txid));
        let value = String::from_utf8_lossy(&response.body).into_owned();
        self.note(|| format!("client {client} hears {} {:?} {value:?}", response.status.0, response.txid));
        let Some(txid) = response.txid.filter(|_| response.status.is_success()) else {
            // Another node may know more.
            if self.random.chance(LEAVES) {
                self.clients[client].session = None;
            }
            self.call_again(client);
            return Ok(());
        };
        let wish = self.asked(number).wish.clone();
        match wish.what {
            What::Put(_) | What::Add => {
                self.checks.history.heard(txid, number, &value)?;
                self.wrote(client, place, txid);
                return Ok(());
            }
            What::Get(Seeing::Latest) => self.check_session(client, txid)?,
            What::Get(Seeing::Committed) => {}
            What::Get(Seeing::All) => {
                self.reads += 1;
                check(txid.seqno >= committed, "H7 reads miss nothing that was committed before", || {
                    format!("client {client} at node {place} read {txid}, {committed} was committed")
                })?;
            }
        }
        self.call_again(client);
        let reads_committed = wish.what != What::Get(Seeing::Latest);
        let checks = &mut self.checks;
        let mut history = std::mem::take(&mut checks.history);
        let outcome = history.read(txid, &wish.name, &value, |seqno| checks.at(seqno), reads_committed);
        checks.history = history;
        outcome
    }

    fn check_session(&self, client: usize, version: TxId) -> Checked {
        let Some(Session { place, last, .. }) = self.clients[client].session else { return Ok(()) };
        check(self.checks.includes(version, last), "H8 a session sees its own writes", || {
            format!("client {client} at node {place} read {version}, having written {last}")
        })
    }

    /// The request of a client goes to another node, and so do those that it makes next. Yields the view of its session.
    pub(super) fn follows_its_writes(&mut self, number: u64) -> View {
        let client = self.asked(number).client;
        let Some(session) = &mut self.clients[client].session else { return View::default() };
        session.forwarded = true;
        session.began.view()
    }

    fn asked(&self, number: u64) -> &Asked {
        &self.asked[usize::try_from(number).expect("as many as fit in memory")]
    }

    /// Who asked for something, and at which step.
    pub(super) fn invoked(&self, number: u64) -> u64 {
        self.asked(number).invoked
    }

    fn wrote(&mut self, client: usize, place: usize, txid: TxId) {
        let waits = self.random.chance(400);
        let inquiry = Inquiry { txid, waits: waits.then_some((client, place)), left: MAX_INQUIRIES };
        let ms = self.random.between(1, INQUIRY_MS);
        self.after(ms, Event::Ask(inquiry));
        if let Some(session) = &mut self.clients[client].session {
            session.last = txid;
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
}
