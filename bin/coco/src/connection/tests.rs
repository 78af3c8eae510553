use std::{ffi::OsString, fs, path::Path};

use coco_crypto::Curve;
use serde_json::json;

use super::{MemberArgs, MemberError, NodeUrl, Places, ServiceArgs, ServiceError};
use crate::keygen::{Encryption, Existing, Participant, ParticipantFiles};

#[test]
fn urls() {
    for (text, address) in [
        ("https://127.0.0.1:8000", "127.0.0.1:8000"),
        ("https://ledger.example.com:443/", "ledger.example.com:443"),
        ("[::1]:8000", "[::1]:8000"),
    ] {
        assert_eq!(text.parse::<NodeUrl>().unwrap().address, address);
    }
    for text in ["", "https://", "http://a:1", "a", "a:", "a:0", "a:65536", ":1", "https://a:1/app", "u@a:1"]
    {
        assert!(text.parse::<NodeUrl>().is_err(), "{text}");
    }
}

/// Writes the keys of a participant.
fn participant(folder: &Path, name: &str) -> ParticipantFiles {
    let files = ParticipantFiles::in_directory(folder, name, Encryption::None).unwrap();
    let made = Participant::generate(name, Curve::P256, Encryption::None, 1).unwrap();
    made.write(&files, Existing::Keep).unwrap();
    files
}

/// Writes a sandbox of two members, whose service is known by the certificate of the first.
fn sandbox(folder: &Path, url: &str) {
    fs::create_dir(folder).unwrap();
    let party = |name: &str| {
        let files = participant(folder, name);
        json!({ "name": name, "id": "", "certificate": files.certificate, "private_key": files.private_key })
    };
    let members = [party("member0"), party("member1")];
    let manifest = json!({
        "url": url, "directory": folder, "application": "logging", "nodes": [], "users": [],
        "service_certificate": members[0]["certificate"], "members": members,
    });
    fs::write(folder.join("sandbox.json"), manifest.to_string()).unwrap();
}

#[test]
fn what_an_argument_says_counts_first() {
    let folder = tempfile::tempdir().unwrap();
    let (given, around) = (folder.path().join("given"), folder.path().join("around"));
    sandbox(&given, "https://a:1");
    sandbox(&around, "https://b:2");
    let variables = |url: Option<&'static str>| {
        let around = OsString::from(&around);
        move |name: &str| match name {
            "COCO_URL" => url.map(OsString::from),
            "COCO_DIR" => Some(around.clone()),
            _ => None,
        }
    };
    for (url, dir, variable, expected) in [
        (Some("c:3"), true, Some("d:4"), "c:3"),
        (None, true, Some("d:4"), "a:1"),
        (None, false, Some("d:4"), "d:4"),
        (None, false, None, "b:2"),
        (None, false, Some(""), "b:2"),
    ] {
        let dir = dir.then(|| given.clone());
        let places = Places::with(dir.as_deref(), variables(variable)).unwrap();
        let args = ServiceArgs { url: url.map(|url| url.parse().unwrap()), service_cert: None, dir };
        assert_eq!(args.resolve(&places).unwrap().url.address, expected);
    }
}

#[test]
fn what_is_missing_is_told() {
    let nothing = Places::with(None, |_| None).unwrap();
    let args = ServiceArgs::default();
    assert!(matches!(args.resolve(&nothing), Err(ServiceError::NoUrl)));
    let args = ServiceArgs { url: Some("a:1".parse().unwrap()), ..args };
    assert!(matches!(args.resolve(&nothing), Err(ServiceError::NoCertificate)));
    let wrong = Places::with(None, |name| (name == "COCO_URL").then(|| "http://a:1".into())).unwrap();
    assert!(matches!(ServiceArgs::default().resolve(&wrong), Err(ServiceError::Variable(_))));
    assert!(matches!(MemberArgs::default().resolve(&nothing), Err(MemberError::NoCertificate)));
    let folder = tempfile::tempdir().unwrap();
    assert!(Places::with(Some(folder.path()), |_| None).is_err(), "not the directory of a sandbox");
}

#[test]
fn members_of_a_sandbox_and_others() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("sandbox");
    sandbox(&dir, "https://a:1");
    let other = participant(folder.path(), "other");
    let member = |arguments: &[&str], variables: &[(&str, &str)]| {
        let command = <MemberArgs as clap::Args>::augment_args(clap::Command::new("m").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments).unwrap();
        let args = <MemberArgs as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| (name.to_string(), value.into())).collect();
        let find =
            |name: &str| variables.iter().find(|(it, _)| it == name).map(|(_, value)| OsString::clone(value));
        args.resolve(&Places::with(Some(&dir), find).unwrap())
    };
    let id = |path: &Path| super::certificate(path).unwrap().fingerprint();
    for (arguments, variables, expected) in [
        (&[][..], &[][..], "member0"),
        (&["--member", "member1"], &[], "member1"),
        (&[], &[("COCO_MEMBER", "member1")], "member1"),
        (&["--member", "member0"], &[("COCO_MEMBER", "member1")], "member0"),
    ] {
        let found = member(arguments, variables).unwrap();
        assert_eq!(
            found.certificate.fingerprint(),
            id(&dir.join(format!("{expected}_cert.pem"))),
            "{expected}"
        );
        found.identity().unwrap();
    }
    let (certificate, key) = (other.certificate.to_str().unwrap(), other.private_key.to_str().unwrap());
    let found = member(&["--member-cert", certificate, "--member-key", key], &[("COCO_MEMBER", "member1")]);
    assert_eq!(found.unwrap().identity().unwrap().id(), id(&other.certificate));
    let mixed = member(&["--member-cert", certificate], &[]).unwrap();
    assert!(
        matches!(mixed.identity(), Err(MemberError::Identity { .. })),
        "the sandbox's key is another one"
    );
    let unknown = member(&["--member", "member7"], &[]).err().unwrap().to_string();
    assert_eq!(unknown, "--member member7: the sandbox has no such member; it has member0, member1");
}
