use std::{fs, path::Path, time::Duration};

use super::{Application, Directory, NodePlan, Role, SandboxError, cluster::is_majority, manifest::quoted};
use crate::{Adapters, NodeConfig, config::command::CommandKind};

#[test]
fn configurations_are_valid() {
    let parent = tempfile::tempdir().unwrap();
    let directory = Directory::create(Some(&parent.path().join("new"))).unwrap();
    let consortium = directory.make_participants(3).unwrap();
    let constitution = directory.constitution(None).unwrap();
    let role = Role::Starts { consortium: &consortium, constitution: &constitution };
    let files = directory.write_node_config(&NodePlan { number: 0, nodes: 2, port: 8000, role }).unwrap();
    let config = NodeConfig::read(&files.config, Duration::ZERO, &|_| None).unwrap();
    let CommandKind::Start(start) = config.command.kind else { panic!("not Start") };
    assert_eq!(start.service_configuration.recovery_threshold, 2);
    for file in start.constitution_files.iter().chain(start.members.iter().map(|it| &it.certificate_file)) {
        assert!(file.is_absolute() && file.exists(), "{}", file.display());
    }

    let role = Role::Joins { target: "127.0.0.1:8000" };
    let other = directory.write_node_config(&NodePlan { number: 1, nodes: 2, port: 8001, role }).unwrap();
    let joins = NodeConfig::read(&other.config, Duration::ZERO, &|_| None).unwrap();
    assert_eq!(joins.command.service_certificate_file, config.command.service_certificate_file);
    assert_eq!(joins.consensus, config.consensus);
    let CommandKind::Join(join) = joins.command.kind else { panic!("not Join") };
    assert_eq!(join.target_rpc_address.to_string(), "127.0.0.1:8000");
    assert_eq!((files.name(), other.name()), ("node0".to_owned(), "node1".to_owned()));

    directory.close().unwrap();
    assert!(files.config.exists(), "a directory that was asked for is kept");
}

#[test]
fn majorities() {
    for (left, all, expected) in [(1, 1, true), (0, 1, false), (1, 2, false), (2, 3, true), (2, 4, false)] {
        assert_eq!(is_majority(left, all), expected, "{left} of {all}");
    }
}

#[test]
fn a_directory_is_new_or_empty_or_temporary() {
    let parent = tempfile::tempdir().unwrap();
    fs::write(parent.path().join("file"), "").unwrap();
    assert!(matches!(Directory::create(Some(parent.path())), Err(SandboxError::NotEmpty(_))));
    let file = parent.path().join("file");
    assert!(matches!(Directory::create(Some(&file)), Err(SandboxError::File { .. })));
    let temporary = Directory::create(None).unwrap();
    let path = temporary.path().to_path_buf();
    assert!(path.is_dir());
    temporary.close().unwrap();
    assert!(!path.exists());
}

#[test]
fn applications() {
    let adapters = Adapters::shipped();
    Application::find("logging", &adapters).unwrap();
    Application::find("ethereum", &adapters).unwrap();
    Application::find("/bin/sh", &adapters).unwrap();
    assert!(matches!(Application::find("nothing", &adapters), Err(SandboxError::App(_))));
    assert!(matches!(Application::find("./not/there", &adapters), Err(SandboxError::File { .. })));
}

#[test]
fn paths_can_be_pasted() {
    for (path, expected) in [
        ("/a/b-c_d.pem", "/a/b-c_d.pem"),
        ("/a b", "'/a b'"),
        ("/it's", r"'/it'\''s'"),
        ("/$HOME", "'/$HOME'"),
    ] {
        assert_eq!(quoted(Path::new(path)), expected);
    }
}
