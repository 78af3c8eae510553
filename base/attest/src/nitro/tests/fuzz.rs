//! Documents of Nitro Enclaves, changed again and again.

use coco_fuzz::{Campaign, Target, Work, variants};
use coco_wire::cose::CoseSign1;

use super::{
    super::{Refusal, Requirements, document, read},
    enclave::{Enclave, Evidence, NOW, Verify as _},
};
use crate::tests::vectors::seeds;

/// Names of fields, and heads of CBOR.
const WORDS: &[&[u8]] = &[
    b"ipcrs",
    b"jpublic_key",
    b"iuser_data",
    b"enonce",
    b"hcabundle\x81",
    b"\xf6",
    b"\x58\x30",
    b"\x59\x01\x00",
    b"\xa1",
    b"\x1b\x7f\xff\xff\xff\xff\xff\xff\xff",
];

#[test]
fn documents() {
    let mut campaign = Campaign::new("nitro");
    let enclave = Enclave::genuine();
    let good = enclave.sign();
    let messages = seeds([good.message.clone()], "nitro", &["attestation-doc-bytes"]);
    campaign.run(Target::new("document", Work::Parse, &messages).with(WORDS), |bytes| {
        let (document, certificates) = read(bytes)?;
        assert!(document.made_at().0 >= 0);
        Ok::<_, Refusal>((document.registers.len() + 64 * certificates.len()) as u64)
    });
    let strict =
        Requirements { user_data: Some(b"user data"), nonce: Some(b"nonce"), ..Requirements::STRICT };
    campaign.run(Target::new("document, verified", Work::Check, &messages[..1]).with(WORDS), |bytes| {
        Evidence { message: bytes.to_vec(), ..good.clone() }.verify(NOW, &strict).map(|_| 0)
    });
    let tagged = [&[0xd2][..], &good.message].concat();
    let payloads = [CoseSign1::decode(&tagged).unwrap().payload.unwrap().to_vec()];
    campaign.run(Target::new("payload", Work::Parse, &payloads).with(WORDS), |bytes| {
        let (document, certificates) = document::read(bytes)?;
        Ok::<_, Refusal>((document.registers.len() + 64 * certificates.len()) as u64)
    });
    campaign.run(Target::new("payload, signed", Work::Sign, &payloads).with(WORDS), |bytes| {
        let message = enclave.message(Some(&bytes[..bytes.len().min(1 << 15)]));
        Evidence { message, ..good.clone() }.verify(NOW, &strict).map(|_| 0)
    });
    campaign.finish(&variants(include_str!("../refusal.rs"), "Refusal"));
}
