//! Contents of the extension, changed again and again.

use coco_fuzz::{Campaign, Target, Work};

use super::*;

/// Heads of CBOR, and names.
const WORDS: &[&[u8]] = &[
    b"\xda\x63\x6f\x63\x6f\x82",
    b"\xd9\xea\x60\x82",
    b"\x84",
    b"\xf6",
    b"\x58\x30",
    b"\x59\x01\x00",
    b"\xa1\x6bpubkey-hash",
    b"Insecure_Virtual",
    b"AMD_SEV_SNP_v1",
    b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
];

#[test]
fn contents() {
    let mut campaign = Campaign::new("ra_tls");
    let key = key();
    let (node, policy) = content(&key);
    let spki = PublicKey::Ec(key.public_key().clone());
    let quote = tagged(INTEL_TAG, Cbor::Bytes(b"quote"), &claims(SHA256, &spki.id().0));
    let contents = [node, quote];
    campaign.run(Target::new("content", Work::Parse, &contents).with(WORDS), |bytes| {
        of_content(bytes, &spki).map(|shown| match shown {
            Shown::Node(evidence, _) => evidence.quote.len() as u64,
            Shown::Intel(quote, _) => quote.len() as u64,
        })
    });
    campaign.run(Target::new("content, verified", Work::Check, &contents[..1]).with(WORDS), |bytes| {
        match of_content(bytes, &spki)? {
            Shown::Node(evidence, expected) => Ok(crate::verify(&evidence, &expected, &policy).map(|_| 0)?),
            Shown::Intel(..) => Err(Refusal::Quote),
        }
    });
    campaign.finish(&["TooLarge", "Malformed", "Unknown", "Key", "Quote", "Evidence"]);
}
