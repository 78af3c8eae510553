use std::{fs, path::Path, time::Duration};

use coco_attest::sev_snp::servers::Service;
use coco_crypto::Curve;
use coco_host::log::LogFormat;
use serde_json::{Value, json};

use super::{
    NodeConfig, ReadError, Size,
    command::{CommandKind, RecoveryRole},
    network::{AcceptedEndpoints, AppProtocol, Authority, OperatorFeature, RedirectionTarget, Role},
    storage::{Durability, SignatureMode, SignatureTiming},
};

/// Variables that tests see.
fn environment(name: &str) -> Option<String> {
    let variables = [("UVM_SECURITY_CONTEXT_DIR", "context"), ("Fabric_NodeIPOrFQDN", "10.0.0.4")];
    variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

fn read(value: &Value) -> Result<NodeConfig, String> {
    NodeConfig::from_json(value, &environment).map_err(|error| error.to_string())
}

fn minimal() -> Value {
    json!({
        "network": {
            "node_to_node_interface": { "bind_address": "127.0.0.1:8081" },
            "rpc_interfaces": { "main": { "bind_address": "127.0.0.1:8080" } }
        },
        "command": {
            "type": "Start",
            "start": {
                "constitution_files": ["actions.js"],
                "members": [{ "certificate_file": "m0.pem", "encryption_public_key_file": "e0.pem" }]
            }
        }
    })
}

/// [`minimal`] with a value at a path; the path of an array element is its index.
fn with(path: &str, value: Value) -> Value {
    let mut config = minimal();
    let mut at = &mut config;
    for key in path.split('.') {
        at = match (at, key.parse::<usize>()) {
            (Value::Array(elements), Ok(index)) => &mut elements[index],
            (at, _) => &mut at[key],
        };
    }
    *at = value;
    config
}

#[test]
fn defaults_are_those_of_ccf() {
    let config = read(&minimal()).unwrap();
    let (name, main) = &config.network.rpc_interfaces[0];
    assert_eq!(name.as_str(), "main");
    assert_eq!(main.app_protocol, AppProtocol::Http1);
    assert_eq!((main.max_open_sessions_soft, main.max_open_sessions_hard), (1000, 1010));
    assert_eq!(main.http.max_body_size, Size::mb(1));
    assert_eq!((main.http.max_header_size, main.http.max_headers_count), (Size::kb(16), 256));
    assert_eq!(main.authority, Authority::Service);
    assert!(matches!(main.accepted_endpoints, AcceptedEndpoints::All));
    assert_eq!(main.forwarding_timeout, Duration::from_secs(3));
    assert_eq!((&main.redirections, &main.addresses.published_address), (&None, &None));
    assert!(main.operator_features.is_empty());

    assert_eq!(config.command.service_certificate_file, Path::new("service_cert.pem"));
    let CommandKind::Start(start) = &config.command.kind else { panic!("not Start") };
    assert_eq!(start.service_configuration.recovery_threshold, 1);
    assert_eq!(start.service_configuration.recent_cose_proposals_window_size, None);
    assert_eq!(start.initial_service_certificate_validity_days.get(), 1);
    assert_eq!(start.service_subject_name, "CN=CCF Service".parse().unwrap());
    assert_eq!((start.cose_signatures.issuer.as_str(), start.cose_signatures.subject.as_str()), ("", ""));
    assert_eq!(start.members[0].recovery_role, None);

    assert_eq!(config.node_certificate.curve_id, Curve::P384);
    assert_eq!(config.node_certificate.subject_name, "CN=CCF Node".parse().unwrap());
    assert_eq!(config.ledger.directory, Path::new("ledger"));
    assert_eq!((config.ledger.chunk_size, config.ledger.durability), (Size::mb(5), Durability::Fsync));
    let signatures = config.ledger_signatures;
    assert_eq!((signatures.tx_count.get(), signatures.delay), (5000, Duration::from_secs(1)));
    assert_eq!((signatures.timing, signatures.mode), (SignatureTiming::Adaptive, SignatureMode::Dual));
    let snapshots = &config.snapshots;
    assert_eq!(
        (snapshots.tx_count.get(), snapshots.min_tx_count, snapshots.time_interval),
        (10_000, 2, None)
    );
    assert_eq!((&snapshots.read_only_directory, &snapshots.backup_fetch), (&None, &None));
    assert_eq!(config.files_cleanup.interval, Duration::from_secs(30));
    assert_eq!(config.identity_history_fetch.max_attempts.get(), 100);
    assert_eq!(config.logging.format, LogFormat::Text);
    assert_eq!(config.consensus.message_timeout, Duration::from_millis(100));
    assert_eq!(config.consensus.election_timeout, Duration::from_secs(5));
    assert_eq!(config.consensus.max_uncommitted_tx_count, Some(10_000));
    assert_eq!(config.jwt.key_refresh_interval, Duration::from_secs(1800));
    assert_eq!(config.output_files.node_certificate_file, Path::new("nodecert.pem"));
    assert_eq!(config.output_files.pid_file, Path::new("node.pid"));
    assert_eq!(config.output_files.rpc_addresses_file, None);
    assert_eq!(config.tick_interval, Duration::from_millis(10));
    assert_eq!(config.slow_io_logging_threshold, Duration::from_millis(10));
    assert_eq!(config.client_connection_timeout, Duration::from_secs(2));
    assert_eq!(config.idle_connection_timeout, Some(Duration::from_secs(60)));
    assert_eq!((config.worker_threads, config.ignore_first_sigterm), (0, false));
    assert_eq!(config.node_to_node_message_limit, 23_726_566);
    assert_eq!(config.historical_cache_soft_limit, Size::mb(512));
    assert_eq!((&config.sealing_recovery, &config.node_client_interface), (&None, &None));
}

/// What CCF's test infrastructure renders for a first node (CCF `tests/config.jinja`).
#[test]
fn the_configuration_of_ccfs_tests() {
    let text = include_str!("tests/rendered.json");
    let config = read(&serde_json::from_str(text).unwrap()).unwrap();
    let (_, rpc) = &config.network.rpc_interfaces[0];
    assert_eq!(config.network.node_to_node_interface.published_address, None);
    assert_eq!(rpc.http.max_body_size, Size::mb(1));
    assert_eq!(config.ledger.chunk_size, Size::kb(20));
    assert_eq!(config.consensus.max_uncommitted_tx_count, None);
    assert_eq!(
        config.node_client_interface.as_ref().map(ToString::to_string),
        Some("127.100.0.0:0".to_owned())
    );
    let CommandKind::Start(start) = &config.command.kind else { panic!("not Start") };
    assert_eq!(start.members.len(), 3);
    assert_eq!(start.service_configuration.recovery_threshold, 3);
    assert_eq!(start.cose_signatures.issuer, "service.example.com");
    let server = &config.attestation.snp_endorsements_servers[0];
    assert_eq!((server.service, server.address.as_str()), (Service::Thim, "10.0.0.4:2377"));
    assert_eq!((server.max_retries, server.max_answer), (4, 100 << 20));
    let policy = config.attestation.snp_security_policy_file.as_deref();
    assert_eq!(policy, Some(Path::new("context/security-policy-base64")));
}

#[test]
fn a_node_that_joins_or_recovers() {
    let mut config: Value = serde_json::from_str(include_str!("tests/rendered.json")).unwrap();
    config["command"]["type"] = json!("Join");
    config["command"]["start"]["members"] = json!([]);
    config["command"]["start"]["service_configuration"]["recovery_threshold"] = json!(2);
    let missing = "command.join.target_rpc_address: missing";
    assert_eq!(read(&config).unwrap_err(), missing);
    config["command"]["join"]["target_rpc_address"] = json!("127.80.4.250:44181");
    let CommandKind::Join(join) = read(&config).unwrap().command.kind else { panic!("not Join") };
    assert_eq!(join.target_rpc_address.to_string(), "127.80.4.250:44181");
    assert_eq!(join.fetch_recent_snapshot.unwrap().max_size, Size::gb(10));

    config["command"]["type"] = json!("Recover");
    assert_eq!(read(&config).unwrap_err(), "command.recover.previous_service_identity_file: missing");
    config["command"]["recover"]["previous_service_identity_file"] = json!("old.pem");
    let CommandKind::Recover(recover) = read(&config).unwrap().command.kind else { panic!("not Recover") };
    assert_eq!(recover.previous_service_identity_file, Path::new("old.pem"));
}

#[test]
fn values_are_taken() {
    type Holds = fn(&NodeConfig) -> bool;
    let cases: [(&str, Value, Holds); 19] = [
        ("ledger.durability", json!("page_cache"), |c| c.ledger.durability == Durability::PageCache),
        ("ledger_signatures.timing", json!("fixed"), |c| {
            c.ledger_signatures.timing == SignatureTiming::Fixed
        }),
        ("ledger_signatures.mode", json!("CoseOnly"), |c| {
            c.ledger_signatures.mode == SignatureMode::CoseOnly
        }),
        ("idle_connection_timeout", Value::Null, |c| c.idle_connection_timeout.is_none()),
        ("idle_connection_timeout", json!("1s"), |c| {
            c.idle_connection_timeout == Some(Duration::from_secs(1))
        }),
        ("logging", json!({ "format": "Json", "host_level": "Fail" }), |c| {
            c.logging.format == LogFormat::Json
        }),
        ("node_certificate.curve_id", json!("Secp256R1"), |c| c.node_certificate.curve_id == Curve::P256),
        ("node_certificate.subject_alt_names", json!(["iPAddress:::1", "dNSName:a.b"]), |c| {
            c.node_certificate.subject_alt_names.len() == 2
        }),
        ("network.rpc_interfaces.main.endorsement", json!({ "authority": "Unsecured" }), |c| {
            c.network.rpc_interfaces[0].1.authority == Authority::Unsecured
        }),
        ("network.rpc_interfaces.main.enabled_operator_features", json!(["SnapshotRead"]), |c| {
            c.network.rpc_interfaces[0].1.operator_features == [OperatorFeature::SnapshotRead]
        }),
        ("network.rpc_interfaces.main.redirections", json!({ "to_backup": { "kind": "NodeByRole" } }), |c| {
            let by = |role| RedirectionTarget::NodeByRole { role, interface: None };
            let redirections = c.network.rpc_interfaces[0].1.redirections.as_ref().unwrap();
            redirections.to_primary == by(Role::Primary) && redirections.to_backup == by(Role::Primary)
        }),
        ("memory.circuit_size", json!("1MB"), |_| true),
        ("snapshots.time_interval", json!("1h"), |c| {
            c.snapshots.time_interval == Some(Duration::from_secs(3600))
        }),
        ("snapshots.backup_fetch", json!({ "enabled": true }), |c| c.snapshots.backup_fetch.is_some()),
        ("snapshots.backup_fetch", json!({ "enabled": false }), |c| c.snapshots.backup_fetch.is_none()),
        ("attestation.snp_endorsements_file", json!("/$UVM_SECURITY_CONTEXT_DIR/$NOT_SET/x"), |c| {
            c.attestation.snp_endorsements_file.as_deref() == Some(Path::new("/context/$NOT_SET/x"))
        }),
        ("attestation.intel_collateral_file", json!("/$UVM_SECURITY_CONTEXT_DIR/collateral.json"), |c| {
            c.attestation.intel_collateral_file.as_deref() == Some(Path::new("/context/collateral.json"))
        }),
        ("attestation.intel_collateral_file", json!(null), |c| c.attestation.intel_collateral_file.is_none()),
        ("sealing_recovery", json!({ "location": { "name": "a", "address": "b" } }), |c| {
            c.sealing_recovery.as_ref().unwrap().location.name == "a"
        }),
    ];
    for (path, value, holds) in cases {
        let config = read(&with(path, value.clone())).unwrap();
        assert!(holds(&config), "{path} = {value}");
    }
}

#[test]
fn servers_of_endorsements() {
    let cases = [
        (json!({}), Service::Azure, "global.acccache.azure.net:443", 10, 100 << 20),
        (json!({ "type": "AMD" }), Service::Amd, "kdsintf.amd.com:443", 10, 100 << 20),
        (json!({ "type": "THIM" }), Service::Thim, "169.254.169.254:80", 10, 100 << 20),
        (json!({ "type": "AMD", "url": "localhost" }), Service::Amd, "localhost:443", 10, 100 << 20),
        (json!({ "type": "THIM", "url": "[::1]" }), Service::Thim, "[::1]:80", 10, 100 << 20),
        (json!({ "url": "[::1]:9" }), Service::Azure, "[::1]:9", 10, 100 << 20),
        // What is not set on this machine may be on another.
        (json!({ "url": "$NOT_SET:$PORT" }), Service::Azure, "$NOT_SET:$PORT", 10, 100 << 20),
        (
            json!({ "type": "THIM", "url": "$Fabric_NodeIPOrFQDN", "max_retries_count": 0,
                    "max_client_response_size": "64KB" }),
            Service::Thim,
            "10.0.0.4:80",
            0,
            64 << 10,
        ),
    ];
    for (server, service, address, max_retries, max_answer) in cases {
        let config = read(&with("attestation.snp_endorsements_servers", json!([server]))).unwrap();
        let read = &config.attestation.snp_endorsements_servers[0];
        assert_eq!((read.service, read.address.as_str()), (service, address));
        assert_eq!((read.max_retries, read.max_answer), (max_retries, max_answer), "{address}");
    }
}

/// The cases are in `tests/wrong.txt`.
#[test]
fn whatever_is_wrong_is_named() {
    assert!(read(&json!([])).unwrap_err().starts_with("the configuration: expected an object"));
    let lines: Vec<_> = include_str!("tests/wrong.txt").lines().skip(1).collect();
    for case in lines.chunks(2) {
        let [change, expected] = case else { panic!("half a case: {case:?}") };
        let (path, value) = change.split_once(" = ").unwrap();
        let error = read(&with(path, serde_json::from_str(value).unwrap())).unwrap_err();
        let expected = expected.trim_start();
        assert!(error.starts_with(expected), "{change}:\n  {error}\n  {expected}");
    }
}

#[test]
fn every_section_refuses_what_it_does_not_know() {
    for section in [
        "network",
        "network.node_to_node_interface",
        "network.rpc_interfaces.main",
        "command",
        "command.start",
        "command.start.members.0",
        "node_certificate",
        "attestation",
        "ledger",
        "ledger_signatures",
        "snapshots",
        "files_cleanup",
        "identity_history_fetch",
        "logging",
        "consensus",
        "jwt",
        "output_files",
        "memory",
    ] {
        let error = read(&with(&format!("{section}.surprise"), json!(1))).unwrap_err();
        let path = section.replace(".0", "[0]");
        assert_eq!(error, format!("{path}.surprise: unknown key"));
    }
}

#[test]
fn the_recovery_threshold_follows_the_members() {
    let member = |role: Option<&str>| json!({ "certificate_file": "c", "encryption_public_key_file": "e", "recovery_role": role });
    let without = json!({ "certificate_file": "c", "encryption_public_key_file": null });
    let (participant, owner, none) = (member(None), member(Some("Owner")), member(Some("NonParticipant")));
    let cases = [
        (json!([participant, participant, owner, none, without]), 0, Ok(2)),
        (json!([participant, participant]), 1, Ok(1)),
        (json!([owner, owner]), 0, Ok(1)),
        (json!([owner, owner]), 2, Err(())),
        (json!([participant, owner]), 2, Err(())),
        (json!([without]), 0, Ok(0)),
        (json!([without]), 1, Err(())),
    ];
    for (members, threshold, expected) in cases {
        let mut config = with("command.start.members", members.clone());
        config["command"]["start"]["service_configuration"] = json!({ "recovery_threshold": threshold });
        let found = read(&config).map_err(drop).map(|config| match config.command.kind {
            CommandKind::Start(start) => start.service_configuration.recovery_threshold,
            _ => panic!("not Start"),
        });
        assert_eq!(found, expected, "{threshold} of {members}");
    }
    let roles = [("Owner", RecoveryRole::Owner), ("Participant", RecoveryRole::Participant)];
    for (word, role) in roles {
        let config = with("command.start.members.0.recovery_role", json!(word));
        let CommandKind::Start(start) = read(&config).unwrap().command.kind else { panic!("not Start") };
        assert_eq!(start.members[0].recovery_role, Some(role));
    }
}

#[test]
fn accepted_endpoints_match_whole_paths() {
    let path = "network.rpc_interfaces.main.accepted_endpoints";
    let config = read(&with(path, json!(["/app/log/.*", "/node/state|/node/tx"]))).unwrap();
    let accepted = &config.network.rpc_interfaces[0].1.accepted_endpoints;
    for (path, expected) in [
        ("/app/log/private", true),
        ("/app/log", false),
        ("/x/app/log/private", false),
        ("/node/state", true),
        ("/node/state/x", false),
        ("/node/txx", false),
    ] {
        assert_eq!(accepted.accepts(path), expected, "{path}");
    }
    let none = read(&with(path, json!([]))).unwrap();
    assert!(!none.network.rpc_interfaces[0].1.accepted_endpoints.accepts("/node/state"));
}

#[test]
fn files_are_awaited() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    let read = |timeout| NodeConfig::read(&path, timeout, &environment);
    assert!(matches!(read(Duration::ZERO), Err(ReadError::Io { .. })));
    fs::write(&path, "{").unwrap();
    assert!(matches!(read(Duration::from_millis(150)), Err(ReadError::Json { .. })));
    fs::write(&path, "{}").unwrap();
    assert!(
        matches!(read(Duration::from_secs(60)), Err(ReadError::Config { .. })),
        "it is whole: no waiting"
    );
    fs::remove_file(&path).unwrap();
    let late = path.clone();
    let writer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        fs::write(late, minimal().to_string()).unwrap();
    });
    assert!(read(Duration::from_secs(60)).is_ok());
    writer.join().unwrap();
}

#[test]
fn ccfs_samples_are_accepted() {
    let Some(ccf) = std::env::var_os("COCO_CCF") else {
        eprintln!("SKIPPED: COCO_CCF is not set to a source tree of CCF");
        return;
    };
    let mut seen = 0;
    for file in fs::read_dir(Path::new(&ccf).join("samples/config")).unwrap() {
        let path = file.unwrap().path();
        NodeConfig::read(&path, Duration::ZERO, &environment).unwrap();
        seen += 1;
    }
    assert!(seen >= 9, "{seen} samples");
}
