//! Handshakes in progress. None of them touches a session before it is complete.

use coco_boundary::Monotonic;
use coco_crypto::{EphemeralKey, exchange::Share};
use coco_wire::{
    Digest,
    peer::{AttemptId, Finish, Initiate, Respond, SessionId},
};
use zeroize::Zeroizing;

use super::{
    Channel, Next, Output, Refusal, Role,
    handshake::{Answer, HandshakeDone, HandshakeJob, Introduction, Outcome, Proof, Work},
    session::{Session, SessionKeys},
};

/// Most handshakes of a peer that are open at a time. Even if made-up initiations arrive all the time, a true one stays
/// open for that many times [`super::Limits::answer_ms`].
const MAX_HALF_OPEN: usize = 8;

/// A handshake that this node initiated.
pub(super) struct Attempt {
    id: AttemptId,
    /// There is another one then.
    pub(super) until: Monotonic,
    phase: AttemptPhase,
}

enum AttemptPhase {
    /// The share is being made.
    Offering,
    /// The peer is to respond.
    Offered(EphemeralKey),
    /// The response is being checked.
    Concluding,
    /// The peer is to confirm; the session is in [`Channel::next`].
    Concluded,
    /// Over, without success: the next one waits for its time.
    Failed,
}

/// A handshake that the peer initiated.
pub(super) struct HalfOpen {
    attempt: AttemptId,
    pub(super) since: Monotonic,
    phase: HalfOpenPhase,
}

enum HalfOpenPhase {
    /// The response is being made.
    Answering,
    /// The peer is to finish.
    Answered { keys: SessionKeys, transcript: Digest },
    /// The peer's proof is being checked.
    Accepting { keys: SessionKeys },
}

impl HalfOpenPhase {
    fn session(&self) -> Option<SessionId> {
        match self {
            Self::Answering => None,
            Self::Answered { keys, .. } | Self::Accepting { keys } => Some(keys.id),
        }
    }
}

impl Channel {
    /// Begins a handshake in place of one that may be in progress.
    pub(super) fn initiate(&mut self, now: Monotonic, out: &mut Output) {
        let mut id = [0; 8];
        self.entropy.fill(&mut id);
        let id = AttemptId(u64::from_le_bytes(id));
        let until = Monotonic(now.0.saturating_add(self.retry_ms));
        self.retry_ms = self.retry_ms.saturating_mul(2).min(self.limits.retry_max_ms);
        self.attempt = Some(Attempt { id, until, phase: AttemptPhase::Offering });
        let secret = self.draw_secret();
        self.start(Work::Offer { attempt: id, secret }, out);
    }

    /// Takes an initiation; that of a `stranger` is answered only if it introduces itself well.
    pub(super) fn receive_initiate(
        &mut self,
        initiate: &Initiate<'_>,
        stranger: bool,
        now: Monotonic,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let known = |half: &HalfOpen| half.attempt == initiate.attempt;
        if self.half_open.iter().any(known) {
            return Err(Refusal::Unexpected);
        }
        // If both initiate, the smaller name goes first; the other answers and lets its own attempt end unanswered.
        let trying = |attempt: &Attempt| !matches!(attempt.phase, AttemptPhase::Failed);
        if self.identity.id() < self.peer && self.attempt.as_ref().is_some_and(trying) {
            return Err(Refusal::Crossed);
        }
        if self.answered_at.is_some_and(|at| now.since_ms(at) < self.limits.answer_ms) {
            return Err(Refusal::TooSoon);
        }
        self.answered_at = Some(now);
        if self.half_open.len() >= MAX_HALF_OPEN {
            self.half_open.remove(0);
        }
        let (attempt, share, phase) = (initiate.attempt, initiate.share, HalfOpenPhase::Answering);
        self.half_open.push(HalfOpen { attempt, since: now, phase });
        let introduction = stranger.then(|| Introduction {
            address: initiate.address.into(),
            proof: proof(initiate.signature, initiate.certificate),
        });
        let secret = self.draw_secret();
        self.start(Work::Answer { attempt, share, introduction, secret }, out);
        Ok(())
    }

    pub(super) fn receive_respond(&mut self, respond: &Respond<'_>, out: &mut Output) -> Result<(), Refusal> {
        let attempt = self.attempt.as_mut().filter(|attempt| attempt.id == respond.attempt);
        let attempt = attempt.ok_or(Refusal::Unexpected)?;
        match std::mem::replace(&mut attempt.phase, AttemptPhase::Concluding) {
            AttemptPhase::Offered(key) => {
                let proof = proof(respond.signature, respond.certificate);
                let work = Work::Conclude { attempt: respond.attempt, key, share: respond.share, proof };
                self.start(work, out);
                Ok(())
            }
            phase => {
                attempt.phase = phase;
                Err(Refusal::Unexpected)
            }
        }
    }

    pub(super) fn receive_finish(&mut self, finish: &Finish<'_>, out: &mut Output) -> Result<(), Refusal> {
        let half = self.half_open.iter_mut().find(|half| half.phase.session() == Some(finish.session));
        let half = half.ok_or(Refusal::Unexpected)?;
        match std::mem::replace(&mut half.phase, HalfOpenPhase::Answering) {
            HalfOpenPhase::Answered { keys, transcript } => {
                half.phase = HalfOpenPhase::Accepting { keys };
                let proof = proof(finish.signature, finish.certificate);
                self.start(Work::Accept { session: finish.session, transcript, proof }, out);
                Ok(())
            }
            phase => {
                half.phase = phase;
                Err(Refusal::Unexpected)
            }
        }
    }

    /// Takes the result of a job. Results of handshakes that are over by now are dropped.
    ///
    /// # Errors
    /// When what the peer sent was refused.
    pub fn done(&mut self, done: HandshakeDone, now: Monotonic, out: &mut Output) -> Result<(), Refusal> {
        match done.outcome {
            Outcome::Offered { attempt, key, frame } => {
                self.offered(attempt, key, frame, out);
                Ok(())
            }
            Outcome::Answered { attempt, answer } => self.answered(attempt, answer, out),
            Outcome::Concluded { attempt, conclusion } => self.concluded(attempt, conclusion, now, out),
            Outcome::Accepted { session, verdict } => self.accepted(session, verdict, now, out),
        }
    }

    fn offered(&mut self, id: AttemptId, key: EphemeralKey, frame: Vec<u8>, out: &mut Output) {
        if let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.id == id) {
            attempt.phase = AttemptPhase::Offered(key);
            out.frames.push((self.peer, frame));
        }
    }

    fn answered(
        &mut self,
        id: AttemptId,
        answer: Result<Answer, Refusal>,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let Some(at) = self.half_open.iter().position(|half| half.attempt == id) else { return Ok(()) };
        match answer {
            Ok(Answer { keys, transcript, frame, .. }) => {
                self.half_open[at].phase = HalfOpenPhase::Answered { keys, transcript };
                out.frames.push((self.peer, frame));
                Ok(())
            }
            Err(refusal) => {
                self.half_open.remove(at);
                Err(refusal)
            }
        }
    }

    fn concluded(
        &mut self,
        id: AttemptId,
        conclusion: Result<(SessionKeys, Vec<u8>), Refusal>,
        now: Monotonic,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let Some(attempt) = self.attempt.as_mut().filter(|attempt| attempt.id == id) else { return Ok(()) };
        match conclusion {
            Ok((keys, frame)) => {
                attempt.phase = AttemptPhase::Concluded;
                self.next = Some(Next { session: Session::new(keys, now), role: Role::Initiator });
                out.frames.push((self.peer, frame));
                Ok(())
            }
            Err(refusal) => {
                attempt.phase = AttemptPhase::Failed;
                Err(refusal)
            }
        }
    }

    fn accepted(
        &mut self,
        id: SessionId,
        verdict: Result<(), Refusal>,
        now: Monotonic,
        out: &mut Output,
    ) -> Result<(), Refusal> {
        let position = self.half_open.iter().position(|half| half.phase.session() == Some(id));
        let Some(at) = position else { return Ok(()) };
        let half = self.half_open.remove(at);
        verdict?;
        let HalfOpenPhase::Accepting { keys } = half.phase else { return Ok(()) };
        // An older handshake that completes late must not replace this one.
        self.half_open.drain(..at);
        let mut session = Session::new(keys, now);
        out.frames.push((self.peer, session.confirm(&self.identity.id())));
        self.next = Some(Next { session, role: Role::Responder });
        self.attempt = None;
        self.retry_ms = self.limits.retry_ms;
        self.established += 1;
        self.flush(out);
        Ok(())
    }

    fn start(&self, step: Work, out: &mut Output) {
        let identity = std::sync::Arc::clone(&self.identity);
        out.jobs.push(HandshakeJob { peer: self.peer, identity, step });
    }

    fn draw_secret(&self) -> Zeroizing<Share> {
        let mut secret = Zeroizing::new([0; size_of::<Share>()]);
        self.entropy.fill(&mut *secret);
        secret
    }
}

fn proof(signature: &[u8], certificate: &[u8]) -> Proof {
    Proof { signature: signature.to_vec(), certificate: certificate.to_vec() }
}
