//! Documents of AWS Nitro Enclaves.

use coco_attest::nitro::{Document, Register};
use coco_wire::text::encode_hex;
use serde_json::{Map, Value, json};

use crate::attest::facts::{Facts, date, hex};

/// What the hypervisor says of an enclave.
pub(in crate::attest) fn facts(document: &Document) -> Facts {
    let mut facts = Facts::new("nitro", "Attestation document of an AWS Nitro Enclave");
    let measurement = document.registers.get(&Register::IMAGE);
    let debug = measurement == Some(&[0; 48]);
    facts.bytes(
        "measurement",
        measurement.map_or(&[][..], |value| &value[..]),
        "PCR0: SHA-384 of the enclave's image",
    );
    facts.flag(
        "debug",
        debug,
        ["THE INSTANCE READS its console, and its image is not measured", "the enclave is not in debug mode"],
    );
    facts.text("module", &document.module_id, "the instance and the enclave");
    facts.text("made", date(document.made_at()), "by the hypervisor's clock");
    let registers: Vec<_> = document.registers.iter().filter(|(_, value)| **value != [0; 48]).collect();
    let text: Vec<String> =
        registers.iter().map(|(register, value)| format!("{register}  {}", hex(*value))).collect();
    let text = if text.is_empty() { "all zeros".to_owned() } else { text.join("\n") };
    let value =
        document.registers.iter().map(|(register, value)| (register.to_string(), json!(encode_hex(value))));
    facts.add(
        "registers",
        Value::Object(value.collect::<Map<_, _>>()),
        text,
        "0 image, 1 kernel, 2 application, 3 role, 4 instance, 8 signer of the image; those not shown are zero",
    );
    for (name, field, meaning) in [
        ("report_data", &document.user_data, "user data: what the enclave had signed"),
        ("nonce", &document.nonce, "what the enclave says that it was asked to give back"),
        ("public_key", &document.public_key, "a key that the enclave gave"),
    ] {
        match field {
            Some(bytes) => facts.bytes(name, bytes, meaning),
            None => facts.add(name, Value::Null, "none", meaning),
        }
    }
    facts
}
