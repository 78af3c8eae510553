//! The root by the definition (Yellow Paper, appendix D), from all pairs at once and with an RLP of its own.

use alloy_primitives::{B256, keccak256};

use super::Map;

type Pair<'a> = (Vec<u8>, &'a [u8]);

pub(super) fn root(map: &Map) -> B256 {
    let pairs: Vec<Pair<'_>> = map
        .iter()
        .map(|(key, value)| (key.iter().flat_map(|byte| [byte / 16, byte % 16]).collect(), &value[..]))
        .collect();
    keccak256(if pairs.is_empty() { string(&[]) } else { composed(&pairs, 0) })
}

/// `n(J, i)`: what a parent has for the pairs, whose keys share `from` nibbles.
fn named(pairs: &[Pair<'_>], from: usize) -> Vec<u8> {
    if pairs.is_empty() {
        return string(&[]);
    }
    let node = composed(pairs, from);
    if node.len() < 32 { node } else { string(keccak256(node).as_slice()) }
}

/// `c(J, i)`: the node of the pairs.
fn composed(pairs: &[Pair<'_>], from: usize) -> Vec<u8> {
    let first = &pairs[0].0;
    if let [(key, value)] = pairs {
        return list(&[string(&prefixed(&key[from..], 2)), string(value)]);
    }
    let shared =
        (from..=first.len()).rev().find(|len| pairs.iter().all(|(key, _)| key.starts_with(&first[..*len])));
    match shared.unwrap() {
        shared if shared > from => list(&[string(&prefixed(&first[from..shared], 0)), named(pairs, shared)]),
        _ => {
            let below = |nibble| pairs.iter().filter(move |(key, _)| key.get(from) == Some(&nibble)).cloned();
            let mut items: Vec<Vec<u8>> =
                (0..16).map(|nibble| named(&below(nibble).collect::<Vec<_>>(), from + 1)).collect();
            let own = pairs.iter().find(|(key, _)| key.len() == from);
            items.push(string(own.map_or(&[], |(_, value)| value)));
            list(&items)
        }
    }
}

/// `HP(x, t)`: nibbles as bytes, with `flag` in the first.
fn prefixed(path: &[u8], flag: u8) -> Vec<u8> {
    let head = if path.len() % 2 == 1 { vec![flag + 1] } else { vec![flag, 0] };
    [&head, path].concat().chunks(2).map(|pair| 16 * pair[0] + pair[1]).collect()
}

fn string(bytes: &[u8]) -> Vec<u8> {
    match bytes {
        [byte] if *byte < 0x80 => vec![*byte],
        _ => headed(0x80, bytes),
    }
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    headed(0xc0, &items.concat())
}

fn headed(kind: u8, bytes: &[u8]) -> Vec<u8> {
    let len = bytes.len().to_be_bytes();
    let len = &len[len.iter().take_while(|byte| **byte == 0).count()..];
    let head = match u8::try_from(bytes.len()) {
        Ok(short) if short < 56 => vec![kind + short],
        _ => [&[kind + 55 + u8::try_from(len.len()).unwrap()], len].concat(),
    };
    [&head, bytes].concat()
}
