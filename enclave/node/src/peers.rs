//! The other nodes: messages go out sealed, and come in opened and decoded.
//!
//! This is no part of [`Core`](crate::Core), so that sealing and opening do not hold up the sequencer.

use std::sync::Arc;

use coco_boundary::{Effect, Monotonic};
use coco_crypto::Signer;
use coco_raft::{Message, NodeId};
use coco_tables::nodes::NodeStatus;
use coco_wire::peer::{Draft, ForwardId, Message as Sealed};

use crate::{
    channel::{Channels, Counters, HandshakeDone, HandshakeJob, Identity, Known, Limits, Opened, Output},
    core::Outgoing,
    view::Shared,
};

/// Channels to the other nodes.
pub struct Peers {
    shared: Arc<Shared>,
    /// Where other nodes reach this one.
    address: Arc<str>,
    /// Once this node belongs to a service.
    channels: Option<Channels>,
}

/// What follows from a message or the time.
#[derive(Default)]
pub struct PeersOutput {
    /// Frames for the host to send.
    pub effects: Vec<Effect>,
    /// What other nodes say, in order.
    pub heard: Vec<(NodeId, Heard)>,
    /// For another thread; their results go back through [`Peers::done`].
    pub jobs: Vec<HandshakeJob>,
}

/// What another node says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// For [`Core::heard`](crate::Core::heard): a message and the entries that it carries.
    Consensus(Message, Vec<Vec<u8>>),
    /// A client's request that a backup forwards.
    Request(ForwardId, Vec<u8>),
    /// The answer to a request that this node forwarded.
    Response(ForwardId, Vec<u8>),
}

impl Peers {
    /// The peers of a node, which may not belong to a service yet. They reach it at `address`, host and port.
    #[must_use]
    pub fn new(shared: Arc<Shared>, address: Arc<str>) -> Self {
        Self { shared, address, channels: None }
    }

    /// Sends messages of consensus.
    pub fn send(&mut self, messages: Vec<Outgoing>, out: &mut PeersOutput) {
        self.with_channels(out, |channels, now, out| {
            for Outgoing { to, message, entries } in messages {
                let draft = match &message {
                    Message::AppendEntries(header) => Draft::append_entries(header, &entries),
                    Message::AppendEntriesResponse(response) => {
                        Draft::of(&Sealed::AppendEntriesResponse(*response))
                    }
                    Message::RequestVote(request) => Draft::of(&Sealed::RequestVote(*request)),
                    Message::RequestVoteResponse(response) => {
                        Draft::of(&Sealed::RequestVoteResponse(*response))
                    }
                    Message::ProposeRequestVote { view } => {
                        Draft::of(&Sealed::ProposeRequestVote { view: *view })
                    }
                    Message::ReadIndex(message) => Draft::of(&Sealed::ReadIndex(*message)),
                };
                // Entries that fill a ledger also fit in a message; what does not would never arrive.
                if let Ok(draft) = draft {
                    channels.send(to, draft, now, out);
                }
            }
        });
    }

    /// Forwards a client's request; whether it is short enough.
    pub fn forward(&mut self, to: NodeId, id: ForwardId, body: &[u8], out: &mut PeersOutput) -> bool {
        self.tell(to, &Sealed::ForwardedRequest { id, body }, out)
    }

    /// Answers a forwarded request; whether the answer is short enough.
    pub fn answer(&mut self, to: NodeId, id: ForwardId, body: &[u8], out: &mut PeersOutput) -> bool {
        self.tell(to, &Sealed::ForwardedResponse { id, body }, out)
    }

    fn tell(&mut self, to: NodeId, message: &Sealed<'_>, out: &mut PeersOutput) -> bool {
        let Ok(draft) = Draft::of(message) else { return false };
        self.with_channels(out, |channels, now, out| channels.send(to, draft, now, out));
        true
    }

    /// Takes in a frame from the host. What is wrong with it is only counted, since anybody can make one up.
    pub fn frame(&mut self, frame: Vec<u8>, out: &mut PeersOutput) {
        let shared = Arc::clone(&self.shared);
        self.with_channels(out, |channels, now, out| {
            let _ = channels.receive(frame, |node| known(&shared, node), now, out);
        });
    }

    /// Takes in the result of a job.
    pub fn done(&mut self, done: HandshakeDone, out: &mut PeersOutput) {
        self.with_channels(out, |channels, now, out| {
            // A handshake that fails is begun again.
            let _ = channels.done(done, now, out);
        });
    }

    /// Lets time pass: wanted about every 100 ms.
    pub fn tick(&mut self, out: &mut PeersOutput) {
        let shared = Arc::clone(&self.shared);
        self.with_channels(out, |channels, now, out| {
            channels.tick(now, out);
            // An election is no time for handshakes: they would have candidates split the votes.
            for (node, _) in shared.peers.load().iter().filter(|(_, peer)| peer.status == NodeStatus::Trusted)
            {
                channels.connect(*node, now, out);
            }
            channels.retain(|node| known(&shared, node));
        });
    }

    /// What has happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.channels.as_ref().map(Channels::counters).unwrap_or_default()
    }

    fn with_channels(
        &mut self,
        out: &mut PeersOutput,
        run: impl FnOnce(&mut Channels, Monotonic, &mut Output),
    ) {
        if self.channels.is_none() {
            self.channels = self.open();
        }
        let Some(channels) = &mut self.channels else { return };
        let mut done = Output::default();
        run(channels, self.shared.clock.now(), &mut done);
        let peers = self.shared.peers.load();
        for (to, frame) in done.frames {
            // A peer without an address is one that left meanwhile.
            let known = peers.get(&to).map(|peer| &peer.address);
            if let Some(address) = known.or_else(|| channels.address(&to)) {
                out.effects.push(Effect::Send { to: Arc::clone(address), frame });
            }
        }
        out.heard
            .extend(done.received.into_iter().filter_map(|(from, opened)| Some((from, heard(&opened)?))));
        out.jobs.extend(done.jobs);
    }

    /// Shows the certificate that the node has now, in handshakes to come.
    pub fn renew(&mut self) {
        let identity = self.identity();
        if let (Some(channels), Some(identity)) = (&mut self.channels, identity) {
            channels.renew(identity);
        }
    }

    fn open(&self) -> Option<Channels> {
        let entropy = Arc::clone(&self.shared.entropy);
        Some(Channels::new(self.identity()?, entropy, Limits::default()))
    }

    fn identity(&self) -> Option<Arc<Identity>> {
        let keys = &self.shared.keys;
        let service = keys.service()?;
        let signer: Arc<dyn Signer> = keys.node.clone();
        let (endorsed, certificate) = (service.endorsed.load(), service.certificate.load());
        match Identity::new(Arc::clone(&self.address), signer, (**endorsed).clone(), (**certificate).clone())
        {
            Ok(identity) => Some(Arc::new(identity)),
            Err(error) => {
                self.shared.log.fail(format_args!("No channel to other nodes can be opened: {error}"));
                None
            }
        }
    }
}

/// Whether a node is heard. One that this node does not know may have been let in since, and may even lead by now: it is
/// heard by who follows nobody else, or is itself in no configuration that it knows of.
fn known(shared: &Shared, node: &NodeId) -> Known {
    if shared.peers.load().contains_key(node) {
        return Known::Yes;
    }
    let state = shared.state.load();
    let agrees = state.consensus.configurations.iter().any(|(_, nodes)| nodes.contains(&shared.keys.node_id));
    let follows = state.consensus.leader.is_some_and(|leader| leader != *node);
    if agrees && follows { Known::No } else { Known::Perhaps }
}

/// What a message says; a node of this service sends no other.
fn heard(opened: &Opened) -> Option<Heard> {
    Some(match Sealed::decode(opened).ok()? {
        Sealed::AppendEntries(header, entries) => {
            Heard::Consensus(Message::AppendEntries(header), entries.iter().map(<[u8]>::to_vec).collect())
        }
        Sealed::AppendEntriesResponse(response) => {
            Heard::Consensus(Message::AppendEntriesResponse(response), Vec::new())
        }
        Sealed::RequestVote(request) => Heard::Consensus(Message::RequestVote(request), Vec::new()),
        Sealed::RequestVoteResponse(response) => {
            Heard::Consensus(Message::RequestVoteResponse(response), Vec::new())
        }
        Sealed::ProposeRequestVote { view } => {
            Heard::Consensus(Message::ProposeRequestVote { view }, Vec::new())
        }
        Sealed::ReadIndex(message) => Heard::Consensus(Message::ReadIndex(message), Vec::new()),
        Sealed::ForwardedRequest { id, body } => Heard::Request(id, body.to_vec()),
        Sealed::ForwardedResponse { id, body } => Heard::Response(id, body.to_vec()),
    })
}
