//! Tokens that nobody issued, made of those that somebody did.

use super::*;

/// How many mutations are tried.
const MUTATIONS: u64 = 10_000;

#[test]
fn no_algorithm_but_that_of_the_key_verifies() {
    let (service, issued) = (Service::new(), issued());
    for (name, token) in issued["forged"].as_object().unwrap() {
        let refused = service.believes(token.as_str().unwrap()).unwrap_err();
        assert_eq!(refused, "Signature verification failed", "{name}");
    }
    for (name, token) in issued["algorithms"].as_object().unwrap() {
        let refused = service.believes(token.as_str().unwrap()).unwrap_err();
        let expected = format!(
            "JWT header does not follow schema: At #/alg: \"{name}\" is not convertible to JwtCryptoAlgorithm"
        );
        assert_eq!(refused, expected, "{name}");
    }
}

#[test]
fn every_bit_of_a_token_counts() {
    let service = Service::new();
    for (name, token) in issued()["tokens"].as_object().unwrap() {
        let token = token.as_str().unwrap().as_bytes();
        for at in 0..token.len() * 8 {
            let mut forged = token.to_vec();
            forged[at / 8] ^= 1 << (at % 8);
            // What is no text is refused before; so are characters that no header field has.
            let Ok(forged) = String::from_utf8(forged) else { continue };
            assert!(service.believes(&forged).is_err(), "bit {at} of {name}");
        }
        for end in 0..token.len() {
            assert!(service.believes(str::from_utf8(&token[..end]).unwrap()).is_err(), "{name} cut at {end}");
        }
    }
}

/// Numbers that look random (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }
}

/// Changes one or more characters, moves parts, or puts parts of others in their place.
fn mutate(random: &mut Random, tokens: &[String]) -> String {
    const ALPHABET: &[u8] = b"ABCXYZabcxyz0189-_.+/= ";
    let pick = |random: &mut Random| tokens[random.below(tokens.len())].clone();
    let mut text = pick(random).into_bytes();
    for _ in 0..=random.below(3) {
        let (at, character) = (random.below(text.len()), ALPHABET[random.below(ALPHABET.len())]);
        match random.below(6) {
            0 => text[at] = character,
            1 => text.insert(at, character),
            2 if text.len() > 1 => drop(text.remove(at)),
            3 => {
                let other = random.below(text.len());
                text.swap(at, other);
            }
            4 => text.truncate(at.max(1)),
            _ => {
                let (text_of, other) = (String::from_utf8(text.clone()).unwrap(), pick(random));
                let mut parts: Vec<_> = text_of.split('.').collect();
                let others: Vec<_> = other.split('.').collect();
                let (to, from) = (random.below(parts.len()), random.below(others.len()));
                parts[to] = others[from];
                text = parts.join(".").into_bytes();
                if text.is_empty() {
                    text.push(b'.');
                }
            }
        }
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn no_mutated_token_is_believed() {
    let service = Service::new();
    let mut tokens: Vec<_> = issued()["tokens"]
        .as_object()
        .unwrap()
        .values()
        .map(|token| token.as_str().unwrap().to_owned())
        .collect();
    tokens.extend((0..4).map(|number| service.token("free", &json!({ "sub": number }))));
    let mut tried = 0;
    for seed in 1..=MUTATIONS {
        let forged = mutate(&mut Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)), &tokens);
        if tokens.contains(&forged) {
            continue;
        }
        assert!(service.believes(&forged).is_err(), "seed {seed}: {forged}");
        tried += 1;
    }
    assert!(tried * 20 > MUTATIONS * 19, "{tried} of {MUTATIONS}");
}
