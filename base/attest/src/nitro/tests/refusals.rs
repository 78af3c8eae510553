//! What is believed, and one case for each reason not to.

use coco_crypto::x509::{InvalidCertificate, UnixTime};
use coco_wire::{
    Digest,
    cbor::{Cbor, CborError},
    cose::CoseError,
};

use super::{
    super::{Document, Field, MAX_LEN, Refusal, Register, Requirements, verify},
    enclave::{Enclave, MADE, NOW, Verify as _, for_signatures, keys, value},
};
use crate::tests::der::{CERTIFICATES, Fields, REVOCATION_LISTS, authority, critical_extension, day};

const STRICT: Requirements<'static> = Requirements::STRICT;

fn register(index: u8) -> Register {
    Register::new(index).unwrap()
}

#[track_caller]
fn believed(requirements: &Requirements<'_>, change: impl FnOnce(&mut Enclave)) -> Document {
    let mut enclave = Enclave::genuine();
    change(&mut enclave);
    enclave.sign().verify(NOW, requirements).unwrap()
}

#[track_caller]
fn refused(expected: Refusal, change: impl FnOnce(&mut Enclave)) {
    refused_by(&STRICT, NOW, expected, change);
}

#[track_caller]
fn refused_by(
    requirements: &Requirements<'_>,
    now: UnixTime,
    expected: Refusal,
    change: impl FnOnce(&mut Enclave),
) {
    let mut enclave = Enclave::genuine();
    change(&mut enclave);
    assert_eq!(enclave.sign().verify(now, requirements), Err(expected));
}

#[test]
fn documents_that_are_believed() {
    let document = believed(&STRICT, |_| {});
    assert_eq!(document.module_id, "i-0123456789abcdef0-enc0123456789abcdef");
    assert_eq!((document.timestamp_ms, document.made_at()), (1_704_320_000_123, MADE));
    let registers: Vec<_> = (0..16).map(|index| (register(index), value(index))).collect();
    assert_eq!(document.registers.into_iter().collect::<Vec<_>>(), registers);
    assert_eq!(document.public_key, None);
    assert_eq!(
        (document.user_data.as_deref(), document.nonce.as_deref()),
        (Some(&b"user data"[..]), Some(&b"nonce"[..]))
    );

    let demanding = Requirements {
        registers: &[(Register::IMAGE, [0xc0; 48]), (Register::SIGNER, [0xc8; 48]), (register(31), [7; 48])],
        public_key: Some(&[1; 1024]),
        user_data: Some(&[]),
        nonce: Some(&[3; 512]),
        ..STRICT
    };
    let document = believed(&demanding, |enclave| {
        enclave.registers.push((Cbor::Int(31), Cbor::Bytes(&[7; 48])));
        enclave.put("public_key", Cbor::Bytes(&[1; 1024]));
        enclave.put("user_data", Cbor::Bytes(&[]));
        enclave.put("nonce", Cbor::Bytes(&[3; 512]));
        enclave.put("of the future", Cbor::Bool(true));
    });
    assert_eq!((document.registers.len(), document.user_data), (17, Some(Vec::new())));
    // Null is how the hypervisor writes nothing; AWS's document has it left out.
    let document =
        believed(&STRICT, |enclave| enclave.fields = vec![("user_data", None), ("nonce", Some(Cbor::Null))]);
    assert_eq!((document.user_data, document.nonce), (None, None));
    // An image that nobody signed, on an instance without a role.
    believed(&STRICT, |enclave| {
        for index in [3, 8] {
            enclave.registers[index].1 = Cbor::Bytes(&[0; 48]);
        }
    });
    // One authority is the least.
    believed(&STRICT, |enclave| {
        enclave.authorities.truncate(1);
        (enclave.end.issuer, enclave.end.signed_by) = ("root", &keys().root);
    });
}

#[test]
fn messages() {
    let good = Enclave::genuine().sign();
    let of = |message: &[u8]| verify(message, NOW, &Requirements { root: good.root, ..STRICT }).unwrap_err();
    assert_eq!(of(&[]), CoseError::from(CborError::Malformed(1)).into());
    assert_eq!(of(&vec![0; MAX_LEN]), CoseError::from(CborError::Trailing(2)).into());
    assert_eq!(of(&vec![0; MAX_LEN + 1]), Refusal::TooLarge);
    assert_eq!(of(&[&[0xd2], &good.message[..]].concat()), CoseError::Structure.into());
    assert_eq!(
        of(&[&good.message[..], &[0]].concat()),
        CoseError::from(CborError::Trailing(good.message.len() + 1)).into()
    );
    assert_eq!(of(&Enclave::genuine().message(None)), CoseError::Payload.into());
    assert_eq!(of(&Enclave::genuine().message(Some(&[]))), Refusal::Payload(CborError::Malformed(0)));
    assert_eq!(of(&Enclave::genuine().message(Some(&[0xf6]))), Refusal::Field(Field::ModuleId));
    for algorithm in [Cbor::Int(-7), Cbor::Int(-36), Cbor::Text("ES384")] {
        refused(Refusal::Headers, |enclave| enclave.protected[0].1 = algorithm);
    }
    refused(Refusal::Headers, |enclave| enclave.protected.clear());
    refused(Refusal::Headers, |enclave| enclave.protected.push((Cbor::Int(4), Cbor::Bytes(b"kid"))));
    refused(Refusal::Headers, |enclave| enclave.unprotected.push((Cbor::Int(4), Cbor::Bytes(b"kid"))));
}

#[test]
fn fields() {
    let required = [
        Field::ModuleId,
        Field::Digest,
        Field::Timestamp,
        Field::Registers,
        Field::Certificate,
        Field::Authorities,
    ];
    let names = ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"];
    for (field, name) in required.into_iter().zip(names) {
        assert_eq!(field.to_string(), name);
        refused(Refusal::Field(field), |enclave| enclave.fields.push((name, None)));
        for value in [Cbor::Null, Cbor::Bool(true), Cbor::Text(""), Cbor::Bytes(&[]), Cbor::Map(vec![])] {
            let missing = field == Field::Registers && value == Cbor::Map(vec![]);
            let refusal =
                if missing { Refusal::MissingRegister(Register::IMAGE) } else { Refusal::Field(field) };
            refused(refusal, |enclave| enclave.put(name, value));
        }
    }
    for digest in ["SHA256", "SHA512", "sha384"] {
        refused(Refusal::Field(Field::Digest), |enclave| enclave.put("digest", Cbor::Text(digest)));
    }
    for ms in [0, -1, i64::MIN] {
        refused(Refusal::Field(Field::Timestamp), |enclave| enclave.put("timestamp", Cbor::Int(ms)));
    }
    for (field, name, most) in [
        (Field::PublicKey, "public_key", 1024),
        (Field::UserData, "user_data", 512),
        (Field::Nonce, "nonce", 512),
    ] {
        assert_eq!(field.to_string(), name);
        refused(Refusal::Field(field), |enclave| enclave.put(name, Cbor::Bytes(vec![1; most + 1].leak())));
        refused(Refusal::Field(field), |enclave| enclave.put(name, Cbor::Text("text")));
    }
    refused(Refusal::Field(Field::PublicKey), |enclave| enclave.put("public_key", Cbor::Bytes(&[])));
}

#[test]
fn registers() {
    for index in [0, 1, 2, 3, 4, 8] {
        refused(Refusal::MissingRegister(register(index)), |enclave| {
            drop(enclave.registers.remove(usize::from(index)));
        });
    }
    let others = [
        (Cbor::Int(32), Cbor::Bytes(&[1; 48])),
        (Cbor::Int(-1), Cbor::Bytes(&[1; 48])),
        (Cbor::Int(256), Cbor::Bytes(&[1; 48])),
        (Cbor::Text("16"), Cbor::Bytes(&[1; 48])),
        (Cbor::Int(16), Cbor::Bytes(&[1; 32])),
        (Cbor::Int(16), Cbor::Bytes(&[1; 64])),
        (Cbor::Int(16), Cbor::Text("text")),
    ];
    for other in others {
        refused(Refusal::Field(Field::Registers), |enclave| enclave.registers.push(other));
    }
    for index in [0, 1, 2] {
        refused(Refusal::Debug, |enclave| enclave.registers[index].1 = Cbor::Bytes(&[0; 48]));
    }
    assert_eq!(Register::new(32), None);
    assert_eq!(Register::SIGNER.to_string(), "PCR8");
}

#[test]
fn certificates() {
    let long: &[u8] = vec![0x30; 1025].leak();
    let der: &[u8] = Enclave::genuine().end.sign().leak();
    refused(Refusal::Field(Field::Certificate), |enclave| enclave.put("certificate", Cbor::Bytes(long)));
    refused(InvalidCertificate::Malformed.into(), |enclave| {
        enclave.put("certificate", Cbor::Bytes(&long[..9]));
    });
    let bundles: [(Refusal, Vec<Cbor<'_>>); 5] = [
        (Refusal::Field(Field::Authorities), Vec::new()),
        (Refusal::Field(Field::Authorities), vec![Cbor::Bytes(der); 9]),
        (Refusal::Field(Field::Authorities), vec![Cbor::Bytes(long)]),
        (Refusal::Field(Field::Authorities), vec![Cbor::Null]),
        (InvalidCertificate::Malformed.into(), vec![Cbor::Bytes(&long[..9])]),
    ];
    for (refusal, bundle) in bundles {
        refused(refusal, |enclave| enclave.put("cabundle", Cbor::Array(bundle)));
    }
    let good = Enclave::genuine().sign();
    assert_eq!(verify(&good.message, NOW, &STRICT), Err(Refusal::Root));
    assert_eq!(
        verify(&good.message, NOW, &Requirements { root: Digest::ZERO, ..STRICT }),
        Err(Refusal::Root)
    );
}

/// Where the certificates of a made-up document are, by their number from the end.
fn at(enclave: &mut Enclave, number: usize) -> &mut Fields {
    match number {
        0 => &mut enclave.end,
        _ => &mut enclave.authorities[3 - number],
    }
}

#[test]
fn chains() {
    let keys = keys();
    let others = [&keys.zone, &keys.root, &keys.instance, &keys.zone];
    for (number, other) in others.into_iter().enumerate() {
        refused(Refusal::ChainSignature(number), |enclave| at(enclave, number).signed_by = other);
        refused(Refusal::ChainSignature(number), |enclave| at(enclave, number).issuer = "another");
        refused(Refusal::Constraints(number), |enclave| {
            at(enclave, number).extensions.push(critical_extension("1.2.3.4", &[5, 0]));
        });
        // Without what its key is for.
        refused(Refusal::Constraints(number), |enclave| drop(at(enclave, number).extensions.pop()));
    }
    // The bundle the other way round has another root.
    let root = Enclave::genuine().sign().root;
    let mut reversed = Enclave::genuine();
    reversed.authorities.reverse();
    assert_eq!(verify(&reversed.sign().message, NOW, &Requirements { root, ..STRICT }), Err(Refusal::Root));
    refused(Refusal::ChainSignature(0), |enclave| drop(enclave.authorities.remove(2)));

    for extensions in
        [authority(None, CERTIFICATES), vec![critical_extension("2.5.29.15", &[0x03, 0x02, 0x06, 0x40])]]
    {
        refused(Refusal::Constraints(0), |enclave| enclave.end.extensions = extensions);
    }
    for (number, length) in [(2, 0), (3, 1)] {
        refused(Refusal::Constraints(number), |enclave| {
            at(enclave, number).extensions = authority(Some(length), CERTIFICATES);
        });
    }
    for number in 1..4 {
        for extensions in [authority(None, REVOCATION_LISTS), vec![for_signatures()], Vec::new()] {
            refused(Refusal::Constraints(number), |enclave| at(enclave, number).extensions = extensions);
        }
    }
}

#[test]
fn dates() {
    for number in 0..4 {
        for (begin, end) in [(UnixTime(MADE.0 + 1), day(100)), (day(0), UnixTime(MADE.0 - 1))] {
            refused(Refusal::Date(number), |enclave| {
                (at(enclave, number).begin, at(enclave, number).end) = (begin, end);
            });
        }
        // Both ends are included, and what counts is when the document was made.
        for (begin, end) in [(MADE, day(100)), (day(0), MADE)] {
            believed(&STRICT, |enclave| (at(enclave, number).begin, at(enclave, number).end) = (begin, end));
        }
    }
    let evidence = Enclave::genuine().sign();
    for (seconds, expected) in [
        (-61, Some(Refusal::FromTheFuture)),
        (-60, None),
        (300, None),
        (301, Some(Refusal::TooOld)),
        (i64::MAX - MADE.0, Some(Refusal::TooOld)),
    ] {
        assert_eq!(evidence.verify(UnixTime(MADE.0 + seconds), &STRICT).err(), expected, "{seconds}");
    }
    assert_eq!(evidence.verify(UnixTime(i64::MIN), &STRICT), Err(Refusal::FromTheFuture));
    let exact = Requirements { max_age_s: 0, max_ahead_s: 0, ..STRICT };
    evidence.verify(MADE, &exact).unwrap();
    assert_eq!(evidence.verify(UnixTime(MADE.0 - 1), &exact), Err(Refusal::FromTheFuture));
    assert_eq!(evidence.verify(UnixTime(MADE.0 + 1), &exact), Err(Refusal::TooOld));
}

#[test]
fn signatures() {
    let keys = keys();
    refused(Refusal::Signature, |enclave| enclave.key = &keys.other);
    refused(Refusal::Signature, |enclave| enclave.end.key = &keys.other);
    refused(Refusal::Signature, |enclave| (enclave.end.key, enclave.key) = (&keys.root, &keys.root));
    refused(Refusal::Signature, |enclave| {
        (enclave.end.key, enclave.key) = (&keys.of_another_curve, &keys.of_another_curve);
    });
}

#[test]
fn what_is_required() {
    let cases = [
        (register(0), [0; 48]),
        (register(4), {
            let mut value = value(4);
            value[47] ^= 1;
            value
        }),
        (register(8), [0; 48]),
        (register(16), [0; 48]),
    ];
    for case in cases {
        let requirements = Requirements { registers: &[(Register::KERNEL, value(1)), case], ..STRICT };
        refused_by(&requirements, NOW, Refusal::Register(case.0), |_| {});
    }
    let unexpected = [
        (Field::PublicKey, Requirements { public_key: Some(b"key"), ..STRICT }),
        (Field::UserData, Requirements { user_data: Some(b"user datb"), ..STRICT }),
        (Field::UserData, Requirements { user_data: Some(b""), ..STRICT }),
        (Field::Nonce, Requirements { nonce: Some(b"nonc"), ..STRICT }),
    ];
    for (field, requirements) in unexpected {
        refused_by(&requirements, NOW, Refusal::Unexpected(field), |_| {});
    }
}
