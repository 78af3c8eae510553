//! Answers that need fresh evidence of what this node runs.

use coco_boundary::Evidence;
use coco_wire::{ChannelBinding, Digest};

use crate::{error::Reject, request::Response};

/// An answer that waits for the platform. Only the node's own endpoints may begin one.
pub trait Attesting: Send {
    /// What the evidence is to be bound to, if the answer goes to the other end of this session.
    ///
    /// # Errors
    /// If the session has no name.
    fn report_data(&self, session: Option<&ChannelBinding>) -> Result<Digest, Reject>;

    /// The answer with the evidence.
    fn answer(&self, evidence: &Evidence) -> Response;
}
