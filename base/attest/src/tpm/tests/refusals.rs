//! One case, or some, for each reason.

use super::{
    super::{
        Attribute, EventKind, LogRefusal, Malformed, PcrSet, Refusal, Requirements, Signature, Signer,
        certificates::endorsement_key, verify, verify_quoted,
    },
    STRICT, quoted, verify_certified, verify_named, verify_shown,
};
use crate::{
    tests::{
        der::{CERTIFICATES, REVOCATION_LISTS, authority, day},
        tpm::{ATTESTS, Certificates, NOW, Tpm, event, keys},
    },
    tpm::{Evidence, Hash, Key, Public, Quoted},
};

#[track_caller]
fn refused(expected: Refusal, change: impl FnOnce(&mut Tpm)) {
    refused_by(&STRICT, expected, change);
}

#[track_caller]
fn refused_by(requirements: &Requirements<'_>, expected: Refusal, change: impl FnOnce(&mut Tpm)) {
    let mut tpm = booted();
    change(&mut tpm);
    assert_eq!(verify_shown(&tpm.show(), requirements), Err(expected));
}

fn booted() -> Tpm {
    let mut tpm = Tpm::new(&keys().elliptic);
    tpm.measure(0, 8, b"version");
    tpm.measure(7, EventKind::SEPARATOR.0, &[0; 4]);
    tpm.measure(12, EventKind::TAG.0, b"tagged");
    tpm.measure(14, 5, b"not asked for");
    tpm
}

#[test]
fn quotes_that_are_believed() {
    for key in [&keys().elliptic, &keys().rsa] {
        let shown = Tpm { key, ..booted() }.show();
        let value = booted().pcrs[12].clone();
        let requirements = Requirements {
            pcrs: &[(12, &value)],
            qualified_signer: Some(&[&[0, 0x0b], &[0x51; 32][..]].concat()),
            ..STRICT
        };
        let claims = verify_shown(&shown, &requirements).unwrap();
        assert_eq!(claims.signer.key(), &key.public_key());
        assert_eq!(claims.pcrs.value(12), Some(value.as_slice()));
        let clock = claims.quote.clock;
        assert_eq!((clock.powered_ms, clock.resets, clock.restarts, clock.safe), (123_456, 7, 2, true));
        assert_eq!(claims.events.iter().map(|event| event.pcr).collect::<Vec<_>>(), [0, 7, 12]);
    }
    let shown = Tpm { key: &keys().rsa, ..booted() }.show();
    let mut certificates = Certificates::new(ATTESTS);
    certificates.use_end_for(0x80);
    let certificates = certificates.sign();
    let root = keys().root.public_key().id();
    let requirements = Requirements { roots: &[root], ..STRICT };
    let claims = verify_certified(&shown, &certificates, &requirements, NOW).unwrap();
    let Signer::Certified(certified) = &claims.signer else { panic!("another signer") };
    assert_eq!((certified.validity.not_before(), certified.validity.not_after()), (day(0), day(100)));
    // Without a log nothing is known of what was measured.
    let evidence = Evidence { quoted: quoted(&shown), key: Key::Certified(&certificates), log: None };
    let nothing = Requirements { replayed: PcrSet::NONE, ..requirements };
    assert_eq!(verify(&evidence, &nothing, NOW).unwrap().events, []);
    assert_eq!(verify(&evidence, &requirements, NOW), Err(Refusal::NoLog));
}

#[test]
fn forms_of_quotes() {
    refused(Refusal::Magic, |tpm| tpm.magic = 0xff54_4346);
    // TPM_ST_ATTEST_CERTIFY
    refused(Refusal::Type(0x8017), |tpm| tpm.kind = 0x8017);
    refused(Refusal::Banks(0), |tpm| tpm.banks = 0);
    refused(Refusal::Banks(2), |tpm| tpm.banks = 2);
    refused(Refusal::UnknownHash(0x12), |tpm| tpm.bank = 0x12);
    refused(Refusal::Malformed(Malformed::Quote), |tpm| tpm.nonce = vec![0; 1024]);
    let shown = booted().show();
    for length in 4..shown.message.len() {
        let cut = Quoted { message: &shown.message[..length], ..quoted(&shown) };
        let found = verify_quoted(&cut, &keys().elliptic.public_key(), &STRICT);
        assert_eq!(found, Err(Refusal::Malformed(Malformed::Quote)), "{length} bytes");
    }
    let with = |at: usize, byte: u8| {
        let mut message = shown.message.clone();
        message[at] = byte;
        let changed = Quoted { message: &message, ..quoted(&shown) };
        verify_quoted(&changed, &keys().elliptic.public_key(), &STRICT)
    };
    // Neither yes nor no, more PCRs than there are, and a length that no selection has.
    let safe = 6 + 36 + 2 + shown.nonce_len() + 16;
    for (at, byte) in [(safe, 2), (safe + 15, 5), (safe + 15, 4)] {
        assert_eq!(with(at, byte), Err(Refusal::Malformed(Malformed::Quote)), "byte {at} = {byte}");
    }
    assert_eq!(with(safe, 0), Err(Refusal::Signature));
}

#[test]
fn signatures() {
    let shown = booted().show();
    let check = |signature: &[u8], requirements: &Requirements<'_>| {
        let quoted = Quoted { signature: Signature::Structure(signature), ..quoted(&shown) };
        verify_quoted(&quoted, &keys().elliptic.public_key(), requirements).map(|_| ())
    };
    let changed = |at: usize, bytes: &[u8]| {
        let mut signature = shown.signature.clone();
        signature[at..at + bytes.len()].copy_from_slice(bytes);
        check(&signature, &STRICT)
    };
    assert_eq!(check(&shown.signature, &STRICT), Ok(()));
    assert_eq!(check(&shown.signature[..3], &STRICT), Err(Refusal::Malformed(Malformed::Signature)));
    let longer = [shown.signature.as_slice(), &[0]].concat();
    assert_eq!(check(&longer, &STRICT), Err(Refusal::Malformed(Malformed::Signature)));
    // TPM_ALG_ECDAA
    assert_eq!(changed(0, &[0, 0x1a]), Err(Refusal::UnknownScheme(0x1a)));
    assert_eq!(changed(2, &[0, 0x12]), Err(Refusal::UnknownHash(0x12)));
    assert_eq!(changed(2, &[0, 0x04]), Err(Refusal::WeakSignature));
    assert_eq!(changed(2, &[0, 0x0c]), Err(Refusal::Signature));
    let old = Requirements { hashes: &[Hash::Sha1, Hash::Sha256], ..STRICT };
    let mut of_sha1 = shown.signature.clone();
    of_sha1[3] = 4;
    assert_eq!(check(&of_sha1, &old), Err(Refusal::Signature));
    refused_by(&Requirements { hashes: &[Hash::Sha384], ..STRICT }, Refusal::WeakSignature, |_| {});
    refused(Refusal::WeakBank, |tpm| tpm.bank = 4);
    // Of another key, and of a scheme for other keys.
    let by = |key: &coco_crypto::PrivateKey| verify_quoted(&quoted(&shown), &key.public_key(), &STRICT);
    assert_eq!(by(&keys().rsa), Err(Refusal::Signature));
    let bare = Quoted { signature: Signature::RsaSsa(Hash::Sha256, &[0; 256]), ..quoted(&shown) };
    for key in [&keys().rsa, &keys().elliptic] {
        assert_eq!(verify_quoted(&bare, &key.public_key(), &STRICT), Err(Refusal::Signature));
    }
    // Numbers that are longer than the curve has.
    let long = [&[0, 0x18, 0, 0x0b, 0, 33, 0][..], &shown.signature[6..]].concat();
    assert_eq!(check(&long, &STRICT), Err(Refusal::Signature));
}

#[test]
fn keys_by_name() {
    let shown = booted().show();
    assert_eq!(verify_named(&shown, &[0; 34], &STRICT), Err(Refusal::UnknownName));
    for (attribute, attributes) in [
        (Attribute::FixedTpm, 0x0005_0070),
        (Attribute::FixedParent, 0x0005_0062),
        (Attribute::SensitiveDataOrigin, 0x0005_0052),
        (Attribute::Restricted, 0x0004_0072),
        (Attribute::Sign, 0x0001_0072),
        (Attribute::Decrypt, 0x0007_0072),
    ] {
        refused(Refusal::Attributes(attribute), |tpm| tpm.attributes = attributes);
    }
    let read = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut public = shown.public.clone();
        change(&mut public);
        Public::read(&public).map(|_| ())
    };
    let malformed = Err(Refusal::Malformed(Malformed::Public));
    assert_eq!(read(&|public| public.push(0)), malformed);
    assert_eq!(read(&|public| public.truncate(40)), malformed);
    // Kinds of keys, hashes and schemes that we do not know; a key with something to encrypt its children.
    assert_eq!(read(&|public| public[3] = 0x08), Err(Refusal::UnknownKey(0x08)));
    assert_eq!(read(&|public| public[5] = 0x12), Err(Refusal::UnknownHash(0x12)));
    assert_eq!(read(&|public| public[15] = 0x1a), Err(Refusal::UnknownScheme(0x1a)));
    assert_eq!(read(&|public| public[13] = 0x06), malformed);
    // Another curve, a way to derive keys, a point that is not on the curve.
    assert_eq!(read(&|public| public[19] = 0x01), malformed);
    assert_eq!(read(&|public| public[21] = 0x20), malformed);
    assert_eq!(read(&|public| public[30] ^= 1), malformed);
    // A key that signs with another scheme than the signature.
    let rsa = Tpm { key: &keys().rsa, ..booted() }.show();
    let signature = Signature::RsaSsa(Hash::Sha256, &rsa.signature[6..]);
    let evidence = Evidence {
        quoted: Quoted { signature, ..quoted(&rsa) },
        key: Key::Named(&rsa.public),
        log: Some(&rsa.log),
    };
    let name = Public::read(&rsa.public).unwrap().name;
    assert_eq!(verify(&evidence, &Requirements { names: &[&name], ..STRICT }, NOW), Err(Refusal::Scheme));
}

#[test]
fn keys_by_certificate() {
    let shown = Tpm { key: &keys().rsa, ..booted() }.show();
    let root = keys().root.public_key().id();
    let requirements = Requirements { roots: &[root], ..STRICT };
    let check = |text: &[u8], now| verify_certified(&shown, text, &requirements, now).map(|_| ());
    let with = |change: &dyn Fn(&mut Certificates)| {
        let mut certificates = Certificates::new(ATTESTS);
        change(&mut certificates);
        check(&certificates.sign(), NOW)
    };
    assert_eq!(with(&|_| {}), Ok(()));
    let good = Certificates::new(ATTESTS).sign();
    assert_eq!(
        check(&[good.as_slice(), &[b'\n'; 64 * 1024]].concat(), NOW),
        Err(Refusal::CertificatesTooLarge)
    );
    assert_eq!(check(b"", NOW), Err(Refusal::Certificates(0)));
    assert_eq!(check(&good.repeat(3), NOW), Err(Refusal::Certificates(9)));
    let mangled = String::from_utf8(good.clone()).unwrap().replacen('M', "N", 1);
    assert!(matches!(check(mangled.as_bytes(), NOW), Err(Refusal::Certificate(_))));
    assert_eq!(verify_certified(&shown, &good, &STRICT, NOW), Err(Refusal::Root));
    for (at, now) in [(0, day(-1)), (0, day(101))] {
        assert_eq!(check(&good, now), Err(Refusal::Date(at)));
    }
    for at in 0..3 {
        assert_eq!(with(&|all| all.0[at].end = day(49)), Err(Refusal::Date(at)));
    }
    assert_eq!(with(&|all| all.0[0].signed_by = &keys().root), Err(Refusal::ChainSignature(0)));
    assert_eq!(with(&|all| all.0[1].issuer = "Other"), Err(Refusal::ChainSignature(1)));
    assert_eq!(with(&|all| all.0[1].extensions.clear()), Err(Refusal::Constraints(1)));
    let lists_only = authority(None, REVOCATION_LISTS);
    assert_eq!(with(&|all| all.0[2].extensions.clone_from(&lists_only)), Err(Refusal::Constraints(2)));
    let certifies = authority(None, CERTIFICATES);
    assert_eq!(with(&|all| all.0[0].extensions.extend(certifies.clone())), Err(Refusal::Constraints(0)));
    // For encryption only, or another purpose.
    assert_eq!(with(&|all| all.use_end_for(0x20)), Err(Refusal::Constraints(0)));
    let mut endorses = Certificates::new("2.23.133.8.1");
    assert_eq!(check(&endorses.sign(), NOW), Err(Refusal::Purpose));
    endorses.use_end_for(0x20);
    let key = endorsement_key(&endorses.sign(), &[root], NOW).unwrap().key;
    assert_eq!(key, keys().rsa.public_key());
    assert_eq!(endorsement_key(&good, &[root], NOW), Err(Refusal::Purpose));
    // Of another key than the one that signed.
    let other = booted().show();
    assert_eq!(verify_certified(&other, &good, &requirements, NOW), Err(Refusal::Signature));
}

#[test]
fn what_was_measured() {
    refused(Refusal::Nonce, |tpm| tpm.nonce.push(0));
    refused(Refusal::Nonce, |tpm| tpm.nonce.clear());
    let signer = Requirements { qualified_signer: Some(&[0, 0x0b]), ..STRICT };
    refused_by(&signer, Refusal::QualifiedSigner, |_| {});
    refused(Refusal::PcrDigest, |tpm| tpm.digest = Some(vec![0; 32]));
    refused(Refusal::PcrDigest, |tpm| tpm.digest = Some(vec![]));
    let shown = booted().show();
    for length in [0, 32, shown.pcrs.len() - 1, shown.pcrs.len() - 32] {
        let fewer = Quoted { pcrs: &shown.pcrs[..length], ..quoted(&shown) };
        let found = verify_quoted(&fewer, &keys().elliptic.public_key(), &STRICT);
        assert_eq!(found, Err(Refusal::PcrDigest));
    }
    refused_by(&Requirements { pcrs: &[(12, &[0; 32])], ..STRICT }, Refusal::Pcr(12), |_| {});
    refused_by(&Requirements { pcrs: &[(16, &[0; 32])], ..STRICT }, Refusal::NotQuoted(16), |_| {});
    refused(Refusal::NotQuoted(12), |tpm| tpm.selected[1] = 0);
    refused(Refusal::Replay(12), |tpm| tpm.extend(12, &[1; 32]));
    refused(Refusal::Replay(0), |tpm| {
        tpm.log.extend(event(0, 5, &[(0x0b, vec![1; 32]), (4, vec![1; 20])], b""));
    });
    // Others may have been extended by whoever writes no log.
    let mut more = booted();
    more.extend(10, &[1; 32]);
    verify_shown(&more.show(), &STRICT).unwrap();
    refused(Refusal::Log(LogRefusal::SecondSeparator(4)), |tpm| {
        tpm.measure(7, EventKind::SEPARATOR.0, &[0; 4]);
    });
}
