//! Frames that claim to come from the peer.

use coco_boundary::Monotonic;
use coco_wire::peer::{Frame, Sealed, Step};

use super::{Channel, Output, Refusal, Role};

impl Channel {
    /// Takes a frame. `bytes` are used for the message that may be in it.
    ///
    /// # Errors
    /// When the frame is ignored; the channel is then as before, but for a session asked for when there is none.
    pub fn receive(&mut self, bytes: Vec<u8>, now: Monotonic, out: &mut Output) -> Result<(), Refusal> {
        let Frame { sender, step } = Frame::decode(&bytes)?;
        if sender != self.peer {
            return Err(Refusal::Unheard);
        }
        match step {
            Step::Initiate(initiate) => self.receive_initiate(&initiate, false, now, out),
            Step::Respond(respond) => self.receive_respond(&respond, out),
            Step::Finish(finish) => self.receive_finish(&finish, out),
            Step::Sealed(sealed) => self.receive_sealed(&sealed, bytes, now, out),
        }
    }

    fn receive_sealed(
        &mut self,
        sealed: &Sealed,
        bytes: Vec<u8>,
        now: Monotonic,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let opened = if let Some(next) = self.next.as_mut().filter(|next| next.session.id() == sealed.session)
        {
            let opened = next.session.open(sealed, bytes)?;
            self.established += u64::from(next.role == Role::Initiator);
            self.promote();
            self.flush(out);
            opened
        } else if let Some(session) = self.current.as_mut().filter(|session| session.id() == sealed.session) {
            session.open(sealed, bytes)?
        } else {
            // The peer may have a session that this node has not: a new one mends that. Whoever repeats old frames to
            // cause it gets one handshake for each `linger_ms`, beside the session that goes on.
            let linger_ms = self.limits.linger_ms;
            if self.sending().0.is_none_or(|session| now.since_ms(session.since()) >= linger_ms) {
                self.replace(now, out);
            }
            return Err(Refusal::UnknownSession);
        };
        out.received.extend(opened.map(|opened| (self.peer, opened)));
        self.settle(now, out);
        Ok(())
    }
}
