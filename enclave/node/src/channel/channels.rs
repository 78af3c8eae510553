//! The channels of a node, and who is heard.

use std::{collections::BTreeMap, sync::Arc};

use coco_boundary::Monotonic;
use coco_crypto::Entropy;
use coco_raft::NodeId;
use coco_wire::peer::{Draft, Frame, Step};

use super::{Channel, ChannelState, HandshakeDone, Identity, Limits, Output, Refusal};

/// Most strangers that are listened to at a time.
const MAX_STRANGERS: usize = 16;

/// A channel to each peer. Only nodes of a current or pending configuration have one, and strangers that introduced
/// themselves while this node knows no leader.
pub struct Channels {
    identity: Arc<Identity>,
    entropy: Arc<dyn Entropy>,
    limits: Limits,
    channels: BTreeMap<NodeId, Channel>,
    /// Nodes that this one does not know, and where those are reached that showed that they are endorsed.
    strangers: BTreeMap<NodeId, Option<Arc<str>>>,
    /// When the last introduction was looked at.
    met_at: Option<Monotonic>,
    counters: Counters,
}

/// Whether a node is in a current or pending configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is.
    Yes,
    /// It may be in one that this node has not heard of: it is heard if it shows that the service endorsed it.
    Perhaps,
    /// It is not, or not any more.
    No,
}

/// What has happened so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages handed over for sending.
    pub sent: u64,
    /// Messages received.
    pub received: u64,
    /// Sessions that came about.
    pub established: u64,
    /// Messages dropped because no session came about in time.
    pub dropped: u64,
    /// Frames ignored, by [`Refusal::name`].
    pub refused: BTreeMap<&'static str, u64>,
}

impl Channels {
    /// No channel yet.
    #[must_use]
    pub fn new(identity: Arc<Identity>, entropy: Arc<dyn Entropy>, limits: Limits) -> Self {
        Self {
            identity,
            entropy,
            limits,
            channels: BTreeMap::new(),
            strangers: BTreeMap::new(),
            met_at: None,
            counters: Counters::default(),
        }
    }

    /// Begins to connect to a node of a configuration, so that the first message need not wait.
    pub fn connect(&mut self, peer: NodeId, now: Monotonic, out: &mut Output) {
        if peer != self.identity.id() {
            self.channel(peer).connect(now, out);
        }
    }

    /// Sends a message to a node of a configuration, at once or when it is connected; if that takes too long, the oldest
    /// messages are dropped. To this node itself nothing is sent.
    pub fn send(&mut self, peer: NodeId, draft: Draft, now: Monotonic, out: &mut Output) {
        if peer != self.identity.id() {
            self.counters.sent += 1;
            self.channel(peer).send(draft, now, out);
        }
    }

    /// Takes a frame from anywhere. `known` is asked about its sender before anything else.
    ///
    /// # Errors
    /// When the frame is ignored.
    pub fn receive(
        &mut self,
        frame: Vec<u8>,
        known: impl FnOnce(&NodeId) -> Known,
        now: Monotonic,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let before = out.received.len();
        let result = self.hear(frame, known, now, out);
        self.counters.received += (out.received.len() - before) as u64;
        self.count(result)
    }

    /// Takes the result of a job. Those of channels that are gone are dropped.
    ///
    /// # Errors
    /// When what the peer sent was refused.
    pub fn done(&mut self, done: HandshakeDone, now: Monotonic, out: &mut Output) -> Result<(), Refusal> {
        let peer = done.peer();
        let Some(channel) = self.channels.get_mut(&peer) else { return Ok(()) };
        if let (Some(stranger), Some(address)) = (self.strangers.get_mut(&peer), done.met()) {
            *stranger = Some(Arc::clone(address));
        }
        let result = channel.done(done, now, out);
        self.count(result)
    }

    /// Where a stranger is reached that introduced itself.
    #[must_use]
    pub fn address(&self, stranger: &NodeId) -> Option<&Arc<str>> {
        self.strangers.get(stranger)?.as_ref()
    }

    /// Lets time pass in all channels; a call each 100 ms or so is enough.
    pub fn tick(&mut self, now: Monotonic, out: &mut Output) {
        for channel in self.channels.values_mut() {
            channel.tick(now, out);
        }
    }

    /// Forgets the channels, keys and waiting messages of nodes that are in no configuration any more, and of strangers
    /// that nothing came of. To be called whenever configurations change.
    pub fn retain(&mut self, known: impl Fn(&NodeId) -> Known) {
        let Self { channels, strangers, counters, .. } = self;
        strangers.retain(|peer, _| {
            known(peer) == Known::Perhaps && channels.get(peer).is_some_and(|channel| !channel.is_quiet())
        });
        channels.retain(|peer, channel| {
            let stays = match known(peer) {
                Known::Yes => true,
                Known::Perhaps => strangers.contains_key(peer),
                Known::No => false,
            };
            if !stays {
                counters.established += channel.established();
                counters.dropped += channel.dropped();
            }
            stays
        });
    }

    /// Uses another certificate in handshakes to come. With another node key or service all channels are forgotten.
    pub fn renew(&mut self, identity: Arc<Identity>) {
        let same = identity.id() == self.identity.id() && identity.service_id() == self.identity.service_id();
        if !same {
            self.retain(|_| Known::No);
        }
        for channel in self.channels.values_mut() {
            channel.renew(Arc::clone(&identity));
        }
        self.identity = identity;
    }

    /// How far the channel to `peer` is.
    #[must_use]
    pub fn state(&self, peer: &NodeId) -> ChannelState {
        self.channels.get(peer).map_or(ChannelState::Idle, Channel::state)
    }

    /// What has happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters.clone();
        for channel in self.channels.values() {
            counters.established += channel.established();
            counters.dropped += channel.dropped();
        }
        counters
    }

    fn hear(
        &mut self,
        frame: Vec<u8>,
        known: impl FnOnce(&NodeId) -> Known,
        now: Monotonic,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let Frame { sender, step } = Frame::decode(&frame)?;
        if sender == self.identity.id() {
            return Err(Refusal::Unheard);
        }
        match known(&sender) {
            Known::No => Err(Refusal::Unheard),
            Known::Perhaps if self.address(&sender).is_none() => self.meet(sender, step, now, out),
            Known::Perhaps | Known::Yes => self.channel(sender).receive(frame, now, out),
        }
    }

    /// Takes a frame of a stranger, which is to introduce itself. One introduction is looked at in a time, whoever it is
    /// of, since anybody can make them up.
    fn meet(
        &mut self,
        sender: NodeId,
        step: Step<'_>,
        now: Monotonic,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let Step::Initiate(initiate) = step else { return Err(Refusal::Unheard) };
        if initiate.address.is_empty() {
            return Err(Refusal::Unheard);
        }
        let soon = self.met_at.is_some_and(|at| now.since_ms(at) < self.limits.answer_ms);
        let full = self.strangers.len() >= MAX_STRANGERS && !self.strangers.contains_key(&sender);
        if soon || full {
            return Err(Refusal::TooSoon);
        }
        self.channel(sender).receive_initiate(&initiate, true, now, out)?;
        self.strangers.insert(sender, None);
        self.met_at = Some(now);
        Ok(())
    }

    fn channel(&mut self, peer: NodeId) -> &mut Channel {
        self.channels.entry(peer).or_insert_with(|| {
            Channel::new(peer, Arc::clone(&self.identity), Arc::clone(&self.entropy), self.limits)
        })
    }

    fn count(&mut self, result: Result<(), Refusal>) -> Result<(), Refusal> {
        if let Err(refusal) = result {
            *self.counters.refused.entry(refusal.name()).or_default() += 1;
        }
        result
    }
}
