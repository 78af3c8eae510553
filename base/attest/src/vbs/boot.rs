//! What a boot of Windows measured: that the hypervisor and the secure kernel were started, by whom, in what state, and
//! with which key the secure kernel signs.
//!
//! Whoever boots another system can measure whatever they like, so that all rests on who vouched for the boot manager.
//! Windows' boot loaders put a separator behind their measurements before the kernel runs; what follows it is not theirs.

use coco_crypto::{PublicKey, RsaPublicKey};
use coco_wire::Digest;

use super::{
    BootRefusal, Demand, Requirements, secure_boot,
    tagged::{Record, Tag, records},
};
use crate::{
    cursor::Cursor,
    tpm::{Event, EventKind, Hash, PcrSet},
};

/// The PCRs that the log must lead to: those of firmware, and those of Windows.
pub const PCRS: PcrSet = PcrSet::of(&[0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14]);
/// Where Windows measures its state, and where it measures the same with more about modules.
const STATE: [u8; 2] = [12, 13];
/// What Windows' separator says.
const SEPARATOR: &[u8] = b"WBCL";
/// The kind of a key: RSA.
const RSA: u32 = 1;

/// The records of the state of both PCRs, those of the first first.
struct State<'a>([Vec<Record<'a>>; 2]);

/// A boot that was as required.
pub(super) struct Started {
    /// Of the secure kernel.
    pub(super) key: PublicKey,
    /// Who vouched for what firmware started.
    pub(super) authorities: Vec<Digest>,
    /// All demands that it meets.
    pub(super) met: Vec<Demand>,
}

/// What a boot started, if it was as required.
pub(super) fn started(
    events: &[Event<'_>],
    bank: Hash,
    requirements: &Requirements<'_>,
) -> Result<Started, BootRefusal> {
    let authorities = secure_boot::authorities(events, bank)?;
    if authorities.iter().any(|authority| !requirements.boot_authorities.contains(authority)) {
        return Err(BootRefusal::Authority);
    }
    let state = State::read(events, bank)?;
    state.check()?;
    let met: Vec<Demand> = Demand::ALL.into_iter().filter(|demand| state.is_on(demand.tag())).collect();
    if let Some(demand) = requirements.demands.iter().find(|demand| !met.contains(demand)) {
        return Err(BootRefusal::Demand(*demand));
    }
    let [mut of_state, mut beside] = state.0.each_ref().map(|records| all(records, Tag::SIGNING_KEY));
    let key = of_state.next().ok_or(BootRefusal::NoSigningKey)?;
    if of_state.next().is_some() || beside.any(|other| other != key) {
        return Err(BootRefusal::SigningKeys);
    }
    let key = rsa(key).map(PublicKey::Rsa).ok_or(BootRefusal::SigningKey)?;
    Ok(Started { key, authorities, met })
}

impl<'a> State<'a> {
    fn read(events: &[Event<'a>], bank: Hash) -> Result<Self, BootRefusal> {
        let mut state = [Vec::new(), Vec::new()];
        for (pcr, records) in STATE.into_iter().zip(&mut state) {
            read(events, pcr, bank, records)?;
        }
        Ok(Self(state))
    }

    /// All that is said of a tag.
    fn all(&self, tag: Tag) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().flat_map(move |records| all(records, tag))
    }

    fn is_said(&self, tag: Tag) -> bool {
        all(&self.0[0], tag).next().is_some()
    }

    /// Whether it is said, and never that it is off.
    fn is_on(&self, tag: Tag) -> bool {
        self.is_said(tag) && self.all(tag).all(|data| data.iter().any(|byte| *byte != 0))
    }

    /// Whether it is never said that it is on.
    fn is_never_on(&self, tag: Tag) -> bool {
        self.all(tag).all(|data| data.iter().all(|byte| *byte == 0))
    }

    fn is_off(&self, tag: Tag) -> bool {
        self.is_said(tag) && self.is_never_on(tag)
    }

    fn check(&self) -> Result<(), BootRefusal> {
        let checks = [
            (self.is_off(Tag::BOOT_DEBUGGING), BootRefusal::BootDebugging),
            (self.is_off(Tag::KERNEL_DEBUGGING), BootRefusal::KernelDebugging),
            (self.is_never_on(Tag::HYPERVISOR_DEBUGGING), BootRefusal::HypervisorDebugging),
            (self.is_off(Tag::TEST_SIGNING), BootRefusal::TestSigning),
            (self.is_never_on(Tag::FLIGHT_SIGNING), BootRefusal::FlightSigning),
            (self.is_on(Tag::CODE_INTEGRITY), BootRefusal::CodeIntegrity),
            (self.is_off(Tag::SAFE_MODE), BootRefusal::SafeMode),
            (self.is_never_on(Tag::PREINSTALLATION), BootRefusal::Preinstallation),
            (self.is_on(Tag::VSM_LAUNCH), BootRefusal::VsmOff),
            (self.is_on(Tag::HYPERVISOR_LAUNCH), BootRefusal::HypervisorOff),
        ];
        checks.into_iter().find_map(|(is_so, refusal)| (!is_so).then_some(refusal)).map_or(Ok(()), Err)
    }
}

/// The records of a PCR, which a separator must end.
fn read<'a>(
    events: &[Event<'a>],
    pcr: u8,
    bank: Hash,
    into: &mut Vec<Record<'a>>,
) -> Result<(), BootRefusal> {
    let mut ended = false;
    for event in events.iter().filter(|event| event.is_in(pcr)) {
        if ended {
            return Err(BootRefusal::BehindSeparator(pcr));
        }
        let data = event.measured(bank).ok_or(BootRefusal::NotMeasured(pcr))?;
        if event.kind == EventKind::SEPARATOR && data == SEPARATOR {
            ended = true;
        } else {
            records(data, into).ok_or(BootRefusal::Unknown(pcr))?;
        }
    }
    if ended { Ok(()) } else { Err(BootRefusal::NoSeparator(pcr)) }
}

fn all<'a, 'b>(records: &'b [Record<'a>], tag: Tag) -> impl Iterator<Item = &'a [u8]> + use<'a, 'b> {
    records.iter().filter(move |record| record.tag == tag).map(|record| record.data)
}

/// `SIPAEVENT_VSM_IDK_INFO_PAYLOAD`: numbers are big-endian, their lengths are not.
pub(super) fn rsa(payload: &[u8]) -> Option<RsaPublicKey> {
    let mut fields = Cursor::new(payload);
    if fields.u32_le()? != RSA {
        return None;
    }
    let [bits, exponent_len, modulus_len] = [fields.u32_le()?, fields.u32_le()?, fields.u32_le()?];
    let exponent = fields.take(usize::try_from(exponent_len).ok()?)?;
    let modulus = fields.take(usize::try_from(modulus_len).ok()?)?;
    let key = RsaPublicKey::from_numbers(modulus, exponent).ok()?;
    (fields.is_empty() && Ok(key.bits()) == usize::try_from(bits)).then_some(key)
}

impl Demand {
    /// What must be said to be on.
    fn tag(self) -> Tag {
        match self {
            Self::BootDmaProtection => Tag::BOOT_DMA_PROTECTION,
            Self::NoHibernation => Tag::HIBERNATION_DISABLED,
            Self::NoDumps => Tag::DUMPS_DISABLED,
            Self::EncryptedDumps => Tag::DUMPS_ENCRYPTED,
            Self::EncryptedPageFile => Tag::PAGE_FILE_ENCRYPTED,
        }
    }
}
