//! What a node makes of a request, its client's or one that another node forwarded, as `coco-http` does it.

use coco_app::{ErrorCode, Freshness, Mode, Reject, Response, Status};
use coco_boundary::Monotonic;
use coco_node::{Core, Planned, Readable, Refusal, Write};
use coco_raft::ReadId;
use coco_wire::{TxId, peer::ForwardId};

use super::{
    Sabotage,
    app::{What, Wish},
    checks::{Checked, broken},
    event::Event,
    faults::Fault,
    history::Deed,
    world::World,
};
use crate::raft::Broken;

/// How often a transaction is executed, as in `coco-http`.
const MAX_ATTEMPTS: u32 = 30;
/// Calls on an old state that are on a very old one, of a thousand.
const VERY_STALE: u64 = 200;

/// Where an answer goes.
#[derive(Clone, Copy)]
pub(super) enum Reply {
    /// To a client that is connected to the node: the one with this request.
    Client(u64),
    /// To a node that forwarded the request.
    Node(usize, ForwardId),
}

/// A read that waits until it is certain that it misses nothing.
pub(super) struct Reading {
    planned: Planned,
    reply: Reply,
}

/// A transaction that waits for its place.
pub(super) struct Request {
    pub(super) place: usize,
    planned: Planned,
    reply: Reply,
    response: Response,
    write: Write,
    attempts: u32,
}

impl World<'_> {
    /// Answers a request, now or later.
    pub(super) fn answer(&mut self, place: usize, planned: Planned, reply: Reply) -> Checked {
        if let Freshness::Linearizable { within_ms } = planned.plan.freshness {
            return self.read_later(place, planned, within_ms, reply);
        }
        if planned.plan.mode == Mode::Execute {
            self.execute(place, planned, reply, 0);
            return Ok(());
        }
        self.read(place, &planned, reply)
    }

    pub(super) fn reply(&mut self, place: usize, reply: Reply, response: Response) -> Checked {
        match reply {
            Reply::Client(number) => self.hear(number, &response),
            Reply::Node(to, id) => self.answer_node(place, to, id, response),
        }
    }

    fn read(&mut self, place: usize, planned: &Planned, reply: Reply) -> Checked {
        let machine = &mut self.machines[place];
        if planned.plan.mode == Mode::QueryCommitted {
            machine.core.refresh_committed();
        } else if machine.view.is_stale() {
            machine.core.refresh();
        }
        let ran = machine.view.run(planned.mount, &planned.plan.calls[0], planned.plan.mode, None);
        self.reply(place, reply, ran.response)
    }

    fn read_later(&mut self, place: usize, planned: Planned, within_ms: u64, reply: Reply) -> Checked {
        let machine = &mut self.machines[place];
        let (now, _) = machine.clock.read(self.now_ms);
        match machine.reads.wait(Reading { planned, reply }, Monotonic(now.0 + within_ms)) {
            Ok(()) => self.ask_to_read(place),
            Err(Reading { reply, .. }) => self.reply(place, reply, refused("Too many reads.")),
        }
    }

    fn ask_to_read(&mut self, place: usize) -> Checked {
        loop {
            let machine = &mut self.machines[place];
            let (now, _) = machine.clock.read(self.now_ms);
            let Some(id) = machine.reads.next_question(now) else { return Ok(()) };
            self.input(place, "is to read", |core, out| core.read(id, out))?;
        }
    }

    /// Questions of reads were answered.
    pub(super) fn settle_reads(&mut self, place: usize, settled: Vec<(ReadId, Readable)>) -> Checked {
        for (id, readable) in settled {
            let machine = &mut self.machines[place];
            let (now, _) = machine.clock.read(self.now_ms);
            for Reading { planned, reply } in machine.reads.settled(id, readable, now) {
                self.read(place, &planned, reply)?;
            }
            if readable == Readable::Yes {
                self.ask_to_read(place)?;
            }
        }
        Ok(())
    }

    /// Asks again for what got no answer, and gives up on what has waited long enough.
    pub(super) fn tick_reads(&mut self, place: usize) -> Checked {
        let machine = &mut self.machines[place];
        let (now, _) = machine.clock.read(self.now_ms);
        for Reading { reply, .. } in machine.reads.tick(now) {
            self.reply(place, reply, refused("No primary confirmed the read in time."))?;
        }
        self.ask_to_read(place)
    }

    /// Executes a call on the state that the node shows, and lets it wait for its place.
    fn execute(&mut self, place: usize, planned: Planned, reply: Reply, attempts: u32) {
        let stale = self.random.chance(self.options.stale_calls) && self.strike(Fault::StaleCall);
        let machine = &mut self.machines[place];
        if attempts > 0 || (!stale && machine.view.is_stale()) {
            machine.core.refresh();
        }
        let call = &planned.plan.calls[0];
        let ran = machine.view.run(planned.mount, call, Mode::Execute, None);
        let response = ran.response;
        let mut write = ran.write.expect("puts and adds write");
        if self.conditions.sabotage == Some(Sabotage::BlindCounters)
            && let Some(wish) = Wish::of(call)
        {
            let value = String::from_utf8_lossy(&response.body).into_owned();
            let blind = Wish { what: What::Put(value), ..wish };
            let ran = machine.view.run(planned.mount, &blind.call(), Mode::Execute, None);
            write = ran.write.expect("puts write");
        }
        let ms = match stale {
            // Long enough to see the node lead no more, and lead again.
            true if self.random.chance(VERY_STALE) => self.long_ms(),
            true => self.random.between(1, self.options.think_ms),
            false => self.random.between(1, 3),
        };
        let request = Request { place, planned, reply, response, write, attempts };
        self.after(ms, Event::Place(Box::new(request)));
    }

    /// A transaction is given its place, or not.
    pub(super) fn place(&mut self, request: Request) -> Checked {
        let Request { place, planned, reply, response, write, attempts } = request;
        let Some(wish) = Wish::of(&planned.plan.calls[0]) else { return Ok(()) };
        let invoked = self.invoked(wish.number);
        let answer = String::from_utf8_lossy(&response.body).into_owned();
        match self.sequence(place, &write, Deed::Wish { wish, answer }, invoked)? {
            Ok(txid) => self.reply(place, reply, Response { txid: Some(txid), ..response }),
            Err(Refusal::Conflict) if attempts < MAX_ATTEMPTS => {
                self.conflicts += 1;
                self.execute(place, planned, reply, attempts + 1);
                Ok(())
            }
            Err(Refusal::NotPrimary | Refusal::Full | Refusal::Conflict) => {
                self.reply(place, reply, refused("No place."))
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
    ) -> Result<Result<TxId, Refusal>, Broken> {
        let placed = self.machines[place].core.sequence(write);
        self.hash((place, placed.ok()));
        self.note(|| format!("node {place} is to append {deed:?}: {placed:?}"));
        if let Ok(txid) = placed {
            if let Deed::Change { admitted, removed } = &deed {
                self.machines[place].changed = txid;
                self.remember_change(place, admitted, removed);
            }
            self.checks.history.placed(txid, deed, invoked)?;
        }
        self.input(place, "flushes", Core::flush)?;
        Ok(placed)
    }
}

/// The client is told nothing of use.
pub(super) fn refused(text: &'static str) -> Response {
    Reject::new(Status::SERVICE_UNAVAILABLE, ErrorCode::PrimaryNotFound, text).into()
}
