//! Evidence with anything in it changed. One place of several is, unless `COCO_FULL` is set.

use coco_wire::Digest;

use super::{
    super::{Collateral, Document, Refusal, Requirements, Signed},
    machine::{self, Claims, Kind, Machine, NOW},
};
use crate::tests::changes::{Random, each_nth_change, is_full};

/// Evidence as the verifier takes it.
#[derive(Clone, PartialEq, Eq)]
struct Evidence {
    kind: Kind,
    root: Digest,
    quote: Vec<u8>,
    collateral: Collateral,
}

impl Evidence {
    fn of(kind: Kind) -> Self {
        let machine::Evidence { quote, collateral, root, .. } = Machine::new(kind).sign();
        Self { kind, root, quote, collateral: machine::collateral(&collateral) }
    }

    fn verify(&self) -> Result<Claims, Refusal> {
        let requirements = Requirements { root: self.root, ..Requirements::STRICT };
        machine::verify(self.kind, &self.quote, &self.collateral, &requirements, NOW)
    }
}

/// A part of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Quote,
    Text(Document),
    Signature(Document),
    Issuers(Document),
    RootList,
    MachineList,
}

const PARTS: [Part; 9] = [
    Part::Quote,
    Part::Text(Document::TcbInfo),
    Part::Signature(Document::TcbInfo),
    Part::Issuers(Document::TcbInfo),
    Part::Text(Document::QeIdentity),
    Part::Signature(Document::QeIdentity),
    Part::Issuers(Document::QeIdentity),
    Part::RootList,
    Part::MachineList,
];

fn signed(collateral: &mut Collateral, document: Document) -> &mut Signed {
    match document {
        Document::TcbInfo => &mut collateral.tcb_info,
        Document::QeIdentity => &mut collateral.qe_identity,
    }
}

impl Part {
    fn get(self, quote: &[u8], collateral: &Collateral) -> Vec<u8> {
        let mut collateral = collateral.clone();
        match self {
            Self::Quote => quote.to_vec(),
            Self::Text(document) => signed(&mut collateral, document).text.clone().into_bytes(),
            Self::Signature(document) => signed(&mut collateral, document).signature.clone(),
            Self::Issuers(document) => signed(&mut collateral, document).issuers.clone().into_bytes(),
            Self::RootList => collateral.root_list,
            Self::MachineList => collateral.machine_list,
        }
    }

    /// None if this part cannot be these bytes: a text is one.
    fn set(self, quote: &mut Vec<u8>, collateral: &mut Collateral, bytes: Vec<u8>) -> Option<()> {
        match self {
            Self::Quote => *quote = bytes,
            Self::Text(document) => signed(collateral, document).text = String::from_utf8(bytes).ok()?,
            Self::Signature(document) => signed(collateral, document).signature = bytes,
            Self::Issuers(document) => {
                signed(collateral, document).issuers = String::from_utf8(bytes).ok()?;
            }
            Self::RootList => collateral.root_list = bytes,
            Self::MachineList => collateral.machine_list = bytes,
        }
        Some(())
    }

    /// Whether nothing that is signed was changed: zeros behind a quote are fewer, or the last line feed is gone.
    fn may_become(self, original: &[u8], changed: &[u8]) -> bool {
        let Some(gone) = original.strip_prefix(changed) else { return false };
        match self {
            Self::Quote => changed.len() >= quote_len(original) && gone.iter().all(|byte| *byte == 0),
            Self::Issuers(_) => gone == b"\n",
            _ => false,
        }
    }
}

/// Bytes of a quote without the zeros behind it.
fn quote_len(quote: &[u8]) -> usize {
    let number =
        |at: usize| usize::try_from(u32::from_le_bytes(quote[at..at + 4].try_into().unwrap())).unwrap();
    let body_end = match quote[0] {
        3 => 48 + 384,
        4 => 48 + 584,
        _ => 54 + number(50),
    };
    body_end + 4 + number(body_end)
}

/// Asserts that changes of one place of `step` are refused, or change nothing that is signed nor any claim.
pub(super) fn check_changes<C: PartialEq + std::fmt::Debug>(
    name: &str,
    quote: &[u8],
    collateral: &Collateral,
    step: usize,
    verify: impl Fn(&[u8], &Collateral) -> Result<C, Refusal>,
) {
    let claims = verify(quote, collateral).unwrap();
    let step = if is_full() { 1 } else { step };
    for part in PARTS {
        let original = part.get(quote, collateral);
        each_nth_change(&original, &[0x01, 0xff], step, |change, bytes| {
            let (mut quote, mut collateral) = (quote.to_vec(), collateral.clone());
            let unsigned = part.may_become(&original, &bytes);
            if part.set(&mut quote, &mut collateral, bytes).is_none() {
                return;
            }
            match verify(&quote, &collateral) {
                Ok(found) => assert!(unsigned && found == claims, "{name}, {part:?}, {change}"),
                Err(reason) => assert!(!unsigned, "{name}, {part:?}, {change}: {reason}"),
            }
        });
    }
}

#[test]
fn any_change_is_refused() {
    for (kind, step) in [(Kind::Sgx, 5), (Kind::Tdx10, 17), (Kind::Tdx15, 17), (Kind::Tdx15Ex, 5)] {
        let mut evidence = Evidence::of(kind);
        evidence.quote.extend([0; 40]);
        check_changes("made up", &evidence.quote, &evidence.collateral, step, |quote, collateral| {
            let changed = Evidence { quote: quote.to_vec(), collateral: collateral.clone(), ..evidence };
            changed.verify()
        });
    }
}

#[test]
fn random_changes_are_refused() {
    let mut random = Random::new();
    let rounds = if is_full() { 200_000 } else { 2_000 };
    let evidence = Kind::ALL.map(Evidence::of);
    let claims: Vec<Claims> = evidence.iter().map(|evidence| evidence.verify().unwrap()).collect();
    for round in 0..rounds {
        let at = random.draw(evidence.len());
        let mut changed = evidence[at].clone();
        // Most of all quotes.
        let part = PARTS[random.draw(2 * PARTS.len()).saturating_sub(PARTS.len())];
        let mut bytes = part.get(&changed.quote, &changed.collateral);
        random.change(&mut bytes);
        if part.set(&mut changed.quote, &mut changed.collateral, bytes).is_none() || changed == evidence[at] {
            continue;
        }
        if let Ok(found) = changed.verify() {
            assert_eq!(found, claims[at], "round {round} of seed {}", random.seed);
            let zero_or_less = matches!(part, Part::Quote | Part::Issuers(_));
            assert!(zero_or_less, "round {round} of seed {}: {part:?}", random.seed);
        }
    }
}

#[test]
fn random_bytes_are_refused() {
    let mut random = Random::new();
    let good = Evidence::of(Kind::Tdx15Ex);
    for _ in 0..if is_full() { 200_000 } else { 5_000 } {
        let mut quote = good.quote.clone();
        let from = random.draw(quote.len());
        let noise: Vec<u8> = (0..random.draw(600)).map(|_| u8::try_from(random.draw(256)).unwrap()).collect();
        let length = noise.len();
        quote.splice(from..(from + length).min(quote.len()), noise);
        if quote != good.quote {
            let changed = Evidence { quote, ..good.clone() };
            assert!(changed.verify().is_err(), "seed {}", random.seed);
        }
    }
}

#[test]
fn changed_json_is_other_collateral_or_none() {
    let mut random = Random::new();
    let published = Machine::new(Kind::Tdx15).sign().collateral;
    let (json, collateral) = (published.to_json(), machine::collateral(&published));
    assert_eq!(Collateral::from_json(&json), Ok(collateral.clone()));
    for _ in 0..5_000 {
        let mut changed = json.clone();
        random.change(&mut changed);
        match Collateral::from_json(&changed) {
            Ok(found) => assert!(changed == json || found != collateral, "seed {}", random.seed),
            Err(reason) => assert_eq!(reason, Refusal::Collateral),
        }
    }
}

/// The order of P-256 less a number, both in 32 big-endian bytes.
fn negated(number: &[u8]) -> Vec<u8> {
    const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let order = coco_wire::text::decode_hex(ORDER).unwrap();
    let mut borrow = 0;
    let mut difference: Vec<u8> = Vec::new();
    for (from, less) in order.iter().zip(number).rev() {
        let digit = i16::from(*from) - i16::from(*less) - borrow;
        borrow = i16::from(digit < 0);
        difference.push(u8::try_from(digit + 256 * borrow).unwrap());
    }
    difference.reverse();
    difference
}

#[test]
fn the_other_form_of_a_signature_is_the_same() {
    let mut evidence = Evidence::of(Kind::Sgx);
    let claims = evidence.verify().unwrap();
    // Behind header, body, length and r.
    let at = 48 + 384 + 4 + 32;
    let other = negated(&evidence.quote[at..at + 32]);
    evidence.quote[at..at + 32].copy_from_slice(&other);
    let document = &mut evidence.collateral.tcb_info.signature[32..];
    let other = negated(document);
    document.copy_from_slice(&other);
    assert_eq!(evidence.verify(), Ok(claims));
}
