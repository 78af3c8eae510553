//! Changes of inputs, most of which respect that formats have numbers, lengths and words.

mod text;

use crate::random::Random;

/// Changes of one input are up to 2 to the power of this, less one, and mostly few.
const MOST_CHANGES_LOG2: usize = 4;
/// One in so many changed inputs has another length where that is wrong.
const WRONG_LENGTHS: usize = 16;
/// Most bytes that one change puts in or takes out.
const MOST_BYTES: usize = 64;
/// Bytes at the edges of what they can mean.
const EDGES: [u8; 10] = [0, 1, 2, 0x0a, 0x20, 0x30, 0x7f, 0x80, 0xfe, 0xff];
/// How numbers of a length are written.
const COUNTS: [Count; 5] = [
    Count::U8,
    Count::U16(Order::Big),
    Count::U16(Order::Little),
    Count::U32(Order::Big),
    Count::U32(Order::Little),
];

/// The order of bytes.
#[derive(Clone, Copy)]
enum Order {
    Big,
    Little,
}

/// A number that may say how many bytes follow.
#[derive(Clone, Copy)]
enum Count {
    U8,
    U16(Order),
    U32(Order),
}

/// What changes are made of.
pub(crate) struct Mutator<'a> {
    pub(crate) words: &'a [&'a [u8]],
    pub(crate) max_len: usize,
    /// Whether inputs of other lengths than that of what is changed are rarely of use.
    pub(crate) keep_len: bool,
    /// Whether inputs are texts, most of which should stay what they are.
    pub(crate) text: bool,
}

impl Mutator<'_> {
    /// Changes an input; parts of others may get into it.
    pub(crate) fn change(&self, random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
        let length = bytes.len();
        let changes = random.below(MOST_CHANGES_LOG2).min(random.below(MOST_CHANGES_LOG2));
        for _ in 0..1_usize << changes {
            self.change_once(random, bytes, other);
        }
        if self.keep_len && random.below(WRONG_LENGTHS) != 0 {
            bytes.resize(length, 0);
        }
        bytes.truncate(self.max_len);
    }

    fn change_once(&self, random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
        if bytes.is_empty() {
            bytes.extend(random.draw().to_le_bytes());
            return;
        }
        let at = random.below(bytes.len());
        if self.text && random.below(8) != 0 {
            return text::change(random, bytes, at);
        }
        match random.below(16) {
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = random.byte(),
            3 => bytes[at] = *random.pick(&EDGES),
            4 | 5 => number(random, bytes, at),
            6 => counted(random, bytes, at),
            7 => drop(bytes.drain(at..at + some(random, bytes.len() - at))),
            8 => insert(random, bytes, at),
            9 => {
                let from = random.below(bytes.len());
                let length = some(random, bytes.len() - at.max(from));
                bytes.copy_within(from..from + length, at);
            }
            10 => {
                let part = bytes[at..at + some(random, bytes.len() - at)].to_vec();
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
            11 => splice(random, bytes, at, other),
            12 | 13 if !self.words.is_empty() => {
                let word = *random.pick(self.words);
                let replaced = if random.below(2) == 0 { word.len().min(bytes.len() - at) } else { 0 };
                bytes.splice(at..at + replaced, word.iter().copied());
            }
            14 => text::change(random, bytes, at),
            15 if random.below(4) == 0 => bytes.truncate(at),
            _ => bytes[at] = text::of_the_same_class(random, bytes[at]),
        }
    }
}

/// A length, mostly small, of at most `limit`, which is at least 1.
fn some(random: &mut Random, limit: usize) -> usize {
    let most = if random.below(16) == 0 { limit } else { limit.min(MOST_BYTES) };
    1 + random.below(most.max(1))
}

/// Replaces a number of 2, 4 or 8 bytes by one at an edge, or near to what it was.
fn number(random: &mut Random, bytes: &mut [u8], at: usize) {
    let width = *random.pick(&[2, 4, 8]);
    let rest = bytes.len() - at;
    let Some(field) = bytes.get_mut(at..at + width) else { return };
    let big = random.below(2) == 0;
    if big {
        field.reverse();
    }
    let mut value = [0; 8];
    value[..width].copy_from_slice(field);
    let delta = random.draw() % 8;
    let value = match random.below(6) {
        0 => u64::from_le_bytes(value).wrapping_add(delta),
        1 => u64::from_le_bytes(value).wrapping_sub(delta),
        2 => (rest as u64).wrapping_sub(delta),
        3 => 1 << random.below(64),
        4 => u64::MAX.wrapping_sub(delta),
        _ => delta,
    };
    field.copy_from_slice(&value.to_le_bytes()[..width]);
    if big {
        field.reverse();
    }
}

/// Puts bytes in or takes some out behind a number that counts them, and corrects it.
fn counted(random: &mut Random, bytes: &mut Vec<u8>, at: usize) {
    let first = random.below(COUNTS.len());
    let mut found = (0..COUNTS.len()).filter_map(|step| {
        let count = COUNTS[(first + step) % COUNTS.len()];
        let length = count.read(bytes.get(at..)?)?;
        let content = at + count.width();
        (length > 0 && length <= bytes.len() - content).then_some((count, content, length))
    });
    let Some((count, content, length)) = found.next() else { return };
    let inside = content + random.below(length);
    let taken = random.below(2) * some(random, content + length - inside);
    let put: Vec<u8> = match random.below(3) {
        0 => Vec::new(),
        1 => vec![*random.pick(&EDGES); some(random, MOST_BYTES)],
        _ => bytes[inside..content + length].iter().copied().take(some(random, MOST_BYTES)).collect(),
    };
    let length = length - taken + put.len();
    bytes.splice(inside..inside + taken, put);
    count.write(&mut bytes[at..], length);
}

impl Count {
    fn width(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16(_) => 2,
            Self::U32(_) => 4,
        }
    }

    fn read(self, bytes: &[u8]) -> Option<usize> {
        let number = match self {
            Self::U8 => u32::from(*bytes.first()?),
            Self::U16(Order::Big) => u16::from_be_bytes(*bytes.first_chunk()?).into(),
            Self::U16(Order::Little) => u16::from_le_bytes(*bytes.first_chunk()?).into(),
            Self::U32(Order::Big) => u32::from_be_bytes(*bytes.first_chunk()?),
            Self::U32(Order::Little) => u32::from_le_bytes(*bytes.first_chunk()?),
        };
        usize::try_from(number).ok()
    }

    /// Writes the last bytes of a number that may have got too large.
    fn write(self, bytes: &mut [u8], number: usize) {
        let number = number.to_le_bytes();
        let width = self.width();
        let field = &mut bytes[..width];
        field.copy_from_slice(&number[..width]);
        if let Self::U16(Order::Big) | Self::U32(Order::Big) = self {
            field.reverse();
        }
    }
}

fn insert(random: &mut Random, bytes: &mut Vec<u8>, at: usize) {
    let length = some(random, MOST_BYTES);
    let constant = *random.pick(&EDGES);
    let noise = random.below(2) == 0;
    let put: Vec<u8> = (0..length).map(|_| if noise { random.byte() } else { constant }).collect();
    bytes.splice(at..at, put);
}

/// Replaces the rest, or some of it, by bytes of another input, from a place of their own or from the same one.
fn splice(random: &mut Random, bytes: &mut Vec<u8>, at: usize, other: &[u8]) {
    if other.is_empty() {
        return;
    }
    let from = if random.below(2) == 0 { random.below(other.len()) } else { at.min(other.len() - 1) };
    let length = some(random, other.len() - from);
    let replaced = match random.below(3) {
        0 => bytes.len() - at,
        1 => length.min(bytes.len() - at),
        _ => 0,
    };
    bytes.splice(at..at + replaced, other[from..from + length].iter().copied());
}

/// Replaces so many bytes at a place.
fn splice_at(bytes: &mut Vec<u8>, at: usize, replaced: usize, by: &[u8]) {
    bytes.splice(at..at + replaced, by.iter().copied());
}
