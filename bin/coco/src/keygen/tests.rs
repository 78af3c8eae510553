use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use coco_client::Identity;
use coco_crypto::{Curve, RsaKey, RsaPublicKey};

use super::{CurveName, Encryption, KeygenArgs, KeygenError, ParticipantFiles};

fn args(dir: &Path, name: &str) -> KeygenArgs {
    KeygenArgs {
        name: name.to_owned(),
        curve: CurveName::Secp384r1,
        gen_enc_key: true,
        days: 365,
        dir: dir.to_path_buf(),
        force: false,
        json: false,
    }
}

#[test]
fn keys_fit_and_private_ones_stay_private() {
    let dir = tempfile::tempdir().unwrap();
    for (curve, expected) in [(CurveName::Secp384r1, Curve::P384), (CurveName::Secp256r1, Curve::P256)] {
        let files = KeygenArgs { curve, force: true, ..args(dir.path(), "member0") }.make().unwrap();
        let names =
            fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        let expected_names =
            ["member0_cert.pem", "member0_enc_privk.pem", "member0_enc_pubk.pem", "member0_privk.pem"];
        assert_eq!(names, expected_names);
        let text = |path: &Path| fs::read_to_string(path).unwrap();
        let identity = Identity::from_pem(&text(&files.certificate), &text(&files.private_key)).unwrap();
        let certificate = identity.certificate();
        assert_eq!(certificate.common_name(), Some("member0"));
        assert_eq!(certificate.public_key().as_ec().unwrap().curve(), expected);
        let encryption = files.encryption.unwrap();
        let public = RsaPublicKey::from_spki_pem(&text(&encryption.public_key)).unwrap();
        let private = RsaKey::from_pem(&text(&encryption.private_key)).unwrap();
        assert_eq!(*private.decrypt_oaep(&public.encrypt_oaep(b"share").unwrap()).unwrap(), *b"share");
        for private in [&files.private_key, &encryption.private_key] {
            assert_eq!(fs::metadata(private).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(fs::metadata(&files.certificate).unwrap().permissions().mode() & 0o777, 0o644);
    }
}

#[test]
fn nothing_is_overwritten_or_left_half_done() {
    let dir = tempfile::tempdir().unwrap();
    let encryption_key = dir.path().join("m_enc_privk.pem");
    fs::write(&encryption_key, "precious").unwrap();
    let error = args(dir.path(), "m").make().err().unwrap();
    assert!(matches!(error, KeygenError::Exists(path) if path == encryption_key));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(&encryption_key).unwrap(), "precious");
    let nowhere = dir.path().join("nowhere");
    assert!(matches!(args(&nowhere, "m").make(), Err(KeygenError::File { .. })));
    let days = KeygenArgs { days: u32::MAX, ..args(dir.path(), "n") }.make();
    assert!(matches!(days, Err(KeygenError::Validity(_))), "{:?}", days.err());
}

#[test]
fn names() {
    let dir = Path::new(".");
    for good in ["member0", "a", "a.b_c-d", "0"] {
        ParticipantFiles::in_directory(dir, good, Encryption::None).unwrap();
    }
    for bad in ["", ".", "../x", "a/b", "-n", "a b", "ä", "_a"] {
        let error = ParticipantFiles::in_directory(dir, bad, Encryption::None).err().unwrap();
        assert!(matches!(error, KeygenError::Name(_)), "{bad}");
    }
}
