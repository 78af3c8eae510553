//! What the events of a log make of PCRs that begin as at a reset.

use super::{Event, EventKind, EventLog};
use crate::tpm::{Hash, LogRefusal, PcrSet, pcrs::COUNT};

/// Where an event stands that belongs to no PCR.
const NO_PCR: u32 = u32::MAX;
/// What an event that is not measured begins with if it says who began to measure.
const STARTUP_LOCALITY: &[u8; 16] = b"StartupLocality\0";
/// Who can have begun: the firmware (0), the processor (3), or firmware measured by the processor (4).
const LOCALITIES: [u8; 3] = [0, 3, 4];
/// What firmware writes into a separator, in two versions of its specification, and what Windows does.
const SEPARATORS: [&[u8]; 3] = [&[0; 4], &[0xff; 4], b"WBCL"];

/// The PCRs of a bank in the making.
struct Replay {
    bank: Hash,
    values: Vec<Vec<u8>>,
    extended: u32,
    separated: u32,
}

impl EventLog<'_> {
    /// The values of all PCRs of a bank after the last event. PCRs that do not begin with zeros (from 17 to 22), and
    /// those that are extended by whoever writes no log, have others in a TPM.
    ///
    /// # Errors
    /// When the events are not in order.
    pub fn replay(&self, bank: Hash) -> Result<Vec<Vec<u8>>, LogRefusal> {
        let values = vec![vec![0; bank.digest_len()]; COUNT.into()];
        let mut replay = Replay { bank, values, extended: 0, separated: 0 };
        for (at, event) in self.events.iter().enumerate() {
            replay.take(event, at)?;
        }
        Ok(replay.values)
    }

    /// The events that were measured into these PCRs.
    #[must_use]
    pub fn measured_into(mut self, pcrs: PcrSet) -> Self {
        let into = |event: &Event<'_>| u8::try_from(event.pcr).is_ok_and(|number| pcrs.contains(number));
        self.events.retain(|event| event.kind != EventKind::NO_ACTION && into(event));
        self
    }
}

impl Replay {
    fn take(&mut self, event: &Event<'_>, at: usize) -> Result<(), LogRefusal> {
        if event.kind == EventKind::NO_ACTION {
            return self.begin(event, at);
        }
        let number = usize::try_from(event.pcr).ok();
        let value = number.and_then(|number| self.values.get_mut(number)).ok_or(LogRefusal::Pcr(at))?;
        let bit = 1 << event.pcr;
        let digest = event.digest(self.bank).ok_or(LogRefusal::NoDigest(at))?;
        if event.kind == EventKind::SEPARATOR {
            if event.measured(self.bank).is_none() || !SEPARATORS.contains(&event.data) {
                return Err(LogRefusal::Separator(at));
            }
            if self.separated & bit != 0 {
                return Err(LogRefusal::SecondSeparator(at));
            }
            self.separated |= bit;
        }
        value.extend_from_slice(digest);
        *value = self.bank.digest(value);
        self.extended |= bit;
        Ok(())
    }

    /// An event that is not measured can still say with what PCR 0 begins, if that is before anything else.
    fn begin(&mut self, event: &Event<'_>, at: usize) -> Result<(), LogRefusal> {
        if event.pcr >= COUNT.into() && event.pcr != NO_PCR {
            return Err(LogRefusal::Pcr(at));
        }
        let Some(locality) = event.data.strip_prefix(STARTUP_LOCALITY) else { return Ok(()) };
        let ([locality], 0, 0) = (locality, event.pcr, self.extended & 1) else {
            return Err(LogRefusal::Locality(at));
        };
        let last = self.values.first_mut().and_then(|value| value.last_mut());
        match last.filter(|last| LOCALITIES.contains(locality) && **last == 0) {
            Some(last) => *last = *locality,
            None => return Err(LogRefusal::Locality(at)),
        }
        Ok(())
    }
}
