//! What happens in the world.

use coco_boundary::Event as News;
use coco_node::{Job, channel::HandshakeJob};
use coco_wire::TxId;

use super::{
    clients::Inquiry,
    network::Parcel,
    requests::Request,
    votes::{Motion, Step},
};

pub(super) enum Event {
    Tick(usize),
    /// A tick that the core asked for.
    Wake(usize),
    Deliver {
        from: usize,
        to: usize,
        parcel: Parcel,
    },
    Handshake(usize, HandshakeJob),
    Job(usize, Job),
    /// The host's answer to a request of the core.
    Answer(usize, News),
    Written(usize, TxId),
    Joined(usize),
    Call(usize),
    Place(Box<Request>),
    Ask(Inquiry),
    /// A client looks whether its node is still there that has not answered a request.
    Look(u64),
    /// The service is opened to clients.
    Open,
    /// So many nodes are to join.
    Grow(u64),
    Operate,
    /// A member says something.
    Vote(Box<Motion>),
    /// What it said is given its place.
    Decide(Box<Step>),
    /// A node that may be gone once its retirement is committed.
    Clear(usize),
}

impl Event {
    /// The node whose process it needs.
    pub(super) fn node(&self) -> Option<usize> {
        match self {
            Self::Tick(place)
            | Self::Wake(place)
            | Self::Deliver { to: place, .. }
            | Self::Job(place, _)
            | Self::Handshake(place, _)
            | Self::Answer(place, _)
            | Self::Joined(place) => Some(*place),
            Self::Place(request) => Some(request.place),
            Self::Decide(step) => Some(step.place),
            Self::Written(..)
            | Self::Call(_)
            | Self::Ask(_)
            | Self::Look(_)
            | Self::Open
            | Self::Grow(_)
            | Self::Operate
            | Self::Vote(_)
            | Self::Clear(_) => None,
        }
    }
}
