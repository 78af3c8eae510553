use std::fmt::Debug;

use coco_kv::{Decode, Encode, Store, Tx};
use coco_wire::{Digest, Seqno, snapshot::SnapshotEvidence, text::Base64};
use serde_json::{Value, json};

use super::*;
use crate::{
    azure::AzureDemands,
    intel::{IntelTcb, Products, TdxAttributes},
    jwt::{Issuer, SigningKey, SigningKeys},
    members::{MemberAck, MemberInfo, MemberStatus, RecoveryRole},
    nitro::NitroLimits,
    nodes::*,
    platforms::{CodeStatus, TcbVersion, UvmEndorsement, UvmEndorsements},
    proposals::{Failure, ProposalInfo, ProposalState},
    scripts::*,
    secrets::*,
    service::*,
    users::UserInfo,
    value::{Present, Registers},
    windows::{Demands, Image, Minimums, Role, SignedImage},
};

/// The value is written as `text` and read back from it.
fn check<T: Encode + Decode + PartialEq + Debug>(value: &T, text: &str) {
    assert_eq!(String::from_utf8_lossy(&value.encode()), text);
    assert_eq!(T::decode(text.as_bytes()).as_ref(), Some(value), "{text}");
}

fn id(byte: u8) -> Digest {
    Digest([byte; 32])
}

#[test]
fn people() {
    let info = MemberInfo { status: MemberStatus::Accepted, member_data: Value::Null, recovery_role: None };
    check(&info, r#"{"status":"Accepted"}"#);
    let info = MemberInfo {
        status: MemberStatus::Active,
        member_data: json!({"b": 1, "a": [true]}),
        recovery_role: Some(RecoveryRole::Owner),
    };
    check(&info, r#"{"member_data":{"a":[true],"b":1},"recovery_role":"Owner","status":"Active"}"#);
    check(&MemberAck::default(), r#"{"state_digest":""}"#);
    let ack = MemberAck { cose_sign1_req: Some(Base64(vec![1, 2])), ..MemberAck::default() };
    check(&ack, r#"{"cose_sign1_req":"AQI=","state_digest":""}"#);
    check(&UserInfo::default(), r#"{"user_data":null}"#);
    check(&UserInfo { user_data: json!("x") }, r#"{"user_data":"x"}"#);
}

#[test]
fn nodes() {
    let interface = |address: &str| Interface {
        bind_address: address.to_owned(),
        published_address: format!("[::1]{address}"),
        ..Interface::default()
    };
    let info = NodeInfo {
        network: NodeNetwork {
            node_to_node_interface: interface(":1"),
            rpc_interfaces: [
                ("b".to_owned(), Interface::default()),
                (
                    "a".to_owned(),
                    Interface {
                        protocol: "tcp".to_owned(),
                        app_protocol: Some("HTTP1".to_owned()),
                        endorsement: Some(Endorsement { authority: Authority::Service }),
                        max_open_sessions_hard: Some(1010),
                        http_configuration: Some(HttpConfiguration {
                            max_body_size: Some("1MB".to_owned()),
                            ..HttpConfiguration::default()
                        }),
                        redirections: Some(Redirections {
                            to_primary: Redirection::default(),
                            to_backup: Redirection {
                                kind: RedirectionKind::StaticAddress,
                                target: json!({"address": "x"}),
                            },
                        }),
                        ..interface("localhost:2")
                    },
                ),
            ]
            .into(),
            will_locally_seal_ledger_secrets: false,
        },
        quote_info: QuoteInfo {
            format: QuoteFormat::InsecureVirtual,
            quote: Base64(b"{}".to_vec()),
            endorsements: Base64::default(),
            uvm_endorsements: None,
            endorsed_tcb: None,
        },
        encryption_pub_key: "PEM".to_owned(),
        status: NodeStatus::Pending,
        ledger_secret_seqno: Some(Seqno(7)),
        code_digest: Some("ab".to_owned()),
        certificate_signing_request: None,
        public_key: None,
        node_data: Value::Null,
        cert: None,
        retired_committed: true,
    };
    let text = concat!(
        r#"{"code_digest":"ab","encryption_pub_key":"PEM","ledger_secret_seqno":7,"#,
        r#""node_to_node_interface":{"bind_address":":1","published_address":"[::1]:1"},"#,
        r#""nodehost":"","nodeport":"1","pubhost":"[::1]localhost","pubport":"2","#,
        r#""quote_info":{"endorsements":"","format":"Insecure_Virtual","quote":"e30="},"#,
        r#""retired_committed":true,"rpc_interfaces":{"a":{"app_protocol":"HTTP1","#,
        r#""bind_address":"localhost:2","endorsement":{"authority":"Service"},"#,
        r#""http_configuration":{"max_body_size":"1MB"},"max_open_sessions_hard":1010,"#,
        r#""protocol":"tcp","published_address":"[::1]localhost:2","#,
        r#""redirections":{"to_backup":{"kind":"StaticAddress","target":{"address":"x"}}}},"#,
        r#""b":{"bind_address":""}},"rpchost":"localhost","rpcport":"2","status":"Pending"}"#
    );
    check(&info, text);
}

#[test]
fn platforms() {
    check(&CodeStatus::AllowedToJoin, r#""AllowedToJoin""#);
    check(&Present, "\0\0\0\0\0\0\0\0");
    let endorsements = [("feed".to_owned(), UvmEndorsement { svn: "100".to_owned() })].into();
    check(&UvmEndorsements(endorsements), r#"{"feed":{"svn":"100"}}"#);
    check(
        &TcbVersion { microcode: Some(0), snp: Some(22), ..TcbVersion::default() },
        r#"{"microcode":0,"snp":22}"#,
    );
}

#[test]
fn machines_of_intel() {
    let tcb = IntelTcb { minimum_evaluation: 17, ..IntelTcb::default() };
    check(&tcb, r#"{"minimum_evaluation":17}"#);
    let tcb = IntelTcb {
        statuses: vec!["OutOfDate".to_owned()],
        advisories: vec!["INTEL-SA-00615".to_owned()],
        max_collateral_age_s: Some(1),
        ..tcb
    };
    let text = concat!(
        r#"{"advisories":["INTEL-SA-00615"],"max_collateral_age_s":1,"minimum_evaluation":17,"#,
        r#""statuses":["OutOfDate"]}"#
    );
    check(&tcb, text);
    check(&Registers(vec!["00".to_owned()]), r#"["00"]"#);
    check(&Products([("1".to_owned(), 7)].into()), r#"{"1":7}"#);
    check(&TdxAttributes::default(), "{}");
    let attributes = TdxAttributes { pks: true, xfam: Some("e7".to_owned()), ..TdxAttributes::default() };
    check(&attributes, r#"{"pks":true,"xfam":"e7"}"#);
    // What is not understood is not passed over.
    for text in ["{}", r#"{"minimum_evaluation":-1}"#, r#"{"minimum_evaluation":0,"status":[]}"#] {
        assert_eq!(IntelTcb::decode(text.as_bytes()), None, "{text}");
    }
    for text in [r#"{"PKS":true}"#, r#"{"pks":1}"#] {
        assert_eq!(TdxAttributes::decode(text.as_bytes()), None, "{text}");
    }
    for text in [r#"{"1":65536}"#, r#"{"1":-1}"#, r#"{"1":"7"}"#] {
        assert_eq!(Products::decode(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn machines_of_others() {
    check(&Image { role: Role::Enclave }, r#"{"role":"Enclave"}"#);
    check(&SignedImage { minimum_svn: 7, role: Role::Module }, r#"{"minimum_svn":7,"role":"Module"}"#);
    let minimums = Minimums { platform_svn: 2, secure_kernel_svn: 5 };
    check(&minimums, r#"{"platform_svn":2,"secure_kernel_svn":5}"#);
    check(&Demands::default(), "{}");
    let demands = Demands { no_dumps: true, boot_dma_protection: true, ..Demands::default() };
    check(&demands, r#"{"boot_dma_protection":true,"no_dumps":true}"#);
    check(&AzureDemands { secure_boot: true, no_console: false }, r#"{"secure_boot":true}"#);
    check(&NitroLimits { max_age_s: 600 }, r#"{"max_age_s":600}"#);
    // What is not understood is not passed over.
    for text in ["{}", r#"{"role":"enclave"}"#, r#"{"role":"Enclave","svn":1}"#] {
        assert_eq!(Image::decode(text.as_bytes()), None, "{text}");
    }
    for text in [r#"{"role":"Enclave"}"#, r#"{"minimum_svn":-1,"role":"Enclave"}"#] {
        assert_eq!(SignedImage::decode(text.as_bytes()), None, "{text}");
    }
    for text in [r#"{"platform_svn":2}"#, r#"{"platform_svn":2,"secure_kernel_svn":4294967296}"#] {
        assert_eq!(Minimums::decode(text.as_bytes()), None, "{text}");
    }
    for text in [r#"{"no_dump":true}"#, r#"{"no_dumps":1}"#] {
        assert_eq!(Demands::decode(text.as_bytes()), None, "{text}");
    }
    assert_eq!(AzureDemands::decode(br#"{"secureBoot":true}"#), None);
    assert_eq!(NitroLimits::decode(b"{}"), None);
}

#[test]
fn service() {
    let info = ServiceInfo {
        cert: "PEM\n".to_owned(),
        status: ServiceStatus::Opening,
        previous_service_identity_version: None,
        recovery_count: Some(0),
        service_data: Value::Null,
        current_service_create_txid: Some("2.1".parse().unwrap()),
    };
    let text =
        r#"{"cert":"PEM\n","current_service_create_txid":"2.1","recovery_count":0,"status":"Opening"}"#;
    check(&info, text);
    let config = ServiceConfig {
        recovery_threshold: 1,
        maximum_node_certificate_validity_days: Some(365),
        maximum_service_certificate_validity_days: Some(365),
        recent_cose_proposals_window_size: Some(100),
        ..ServiceConfig::default()
    };
    let text = concat!(
        r#"{"maximum_node_certificate_validity_days":365,"maximum_service_certificate_validity_days":365,"#,
        r#""recent_cose_proposals_window_size":100,"recovery_threshold":1}"#
    );
    check(&config, text);
    let endorsement = IdentityEndorsement {
        endorsement: Base64(vec![0]),
        endorsing_key: Base64(vec![1]),
        endorsement_epoch_begin: "2.1".parse().unwrap(),
        endorsement_epoch_end: Some("2.9".parse().unwrap()),
        previous_version: Some(Seqno(1)),
    };
    let text = concat!(
        r#"{"endorsement":"AA==","endorsement_epoch_begin":"2.1","endorsement_epoch_end":"2.9","#,
        r#""endorsing_key":"AQ==","previous_version":1}"#
    );
    check(&endorsement, text);
    check(&LastSignedRoot(id(0xab)), &format!("\"{}\"", "ab".repeat(32)));
    check(&RecoveryType::None, r#""None""#);
    check(&RecoveryType::RecoveryShares, r#""RECOVERY_SHARES""#);
    check(&RecoveryType::LocalUnsealing, r#""LOCAL_UNSEALING""#);
}

#[test]
fn governance() {
    let (member, text) = (id(0x11), "11".repeat(32));
    let mut info = ProposalInfo {
        proposer_id: member,
        state: ProposalState::Open,
        ballots: [].into(),
        final_votes: None,
        vote_failures: None,
        failure: None,
    };
    check(&info, &format!(r#"{{"ballots":{{}},"proposer_id":"{text}","state":"Open"}}"#));
    let failure = Failure { reason: "r".to_owned(), trace: Some("t".to_owned()) };
    info.state = ProposalState::Failed;
    info.ballots = [(member, "js".to_owned())].into();
    info.final_votes = Some([(member, false)].into());
    info.vote_failures = Some([(member, Failure { trace: None, ..failure.clone() })].into());
    info.failure = Some(failure);
    let text = format!(
        concat!(
            r#"{{"ballots":{{"{id}":"js"}},"failure":{{"reason":"r","trace":"t"}},"final_votes":{{"{id}":false}},"#,
            r#""proposer_id":"{id}","state":"Failed","vote_failures":{{"{id}":{{"reason":"r"}}}}}}"#
        ),
        id = text
    );
    check(&info, &text);
    check(&JsonText("a\"b\n".to_owned()), r#""a\"b\n""#);
}

#[test]
fn scripts() {
    let text = concat!(
        r#"{"log_exception_details":false,"max_cached_interpreters":10,"max_execution_time_ms":5000,"#,
        r#""max_heap_bytes":104857600,"max_stack_bytes":1048576,"return_exception_details":false}"#
    );
    check(&RuntimeOptions::default(), text);
    assert_eq!(RuntimeOptions::decode(b"{}"), Some(RuntimeOptions::default()));
    let endpoint = EndpointProperties {
        mode: Mode::ReadOnly,
        forwarding_required: ForwardingRequired::Sometimes,
        redirection_strategy: RedirectionStrategy::None,
        authn_policies: vec![json!("user_cert"), json!({"all_of": ["jwt"]})],
        openapi: json!({}),
        openapi_hidden: false,
        js_module: "/a.js".to_owned(),
        js_function: "f".to_owned(),
        at_commit_ms: Some(5000),
        interpreter_reuse: Some(InterpreterReuse { key: "k".to_owned() }),
    };
    let text = concat!(
        r#"{"at_commit_ms":5000,"authn_policies":["user_cert",{"all_of":["jwt"]}],"#,
        r#""forwarding_required":"sometimes","#,
        r#""interpreter_reuse":{"key":"k"},"js_function":"f","js_module":"/a.js","mode":"readonly","#,
        r#""openapi":{},"redirection_strategy":"none"}"#
    );
    check(&endpoint, text);
    check(&true, "true");
}

#[test]
fn tokens() {
    check(&Issuer::default(), "{}");
    let issuer = Issuer { ca_cert_bundle_name: Some("ca".to_owned()), auto_refresh: true };
    check(&issuer, r#"{"auto_refresh":true,"ca_cert_bundle_name":"ca"}"#);
    let key = SigningKey { issuer: "i".to_owned(), public_key: Base64(vec![48]), constraint: None };
    check(&SigningKeys(vec![key]), r#"[{"issuer":"i","public_key":"MA=="}]"#);
}

#[test]
fn ledger_secrets() {
    let node = "22".repeat(32);
    let secret = EncryptedSecret {
        version: None,
        encrypted_secret: Base64(vec![0]),
        previous_secret_stored_version: None,
    };
    let text = format!(r#"{{"{node}":[{{"encrypted_secret":"AA==","version":null}}]}}"#);
    check(&SecretsForNodes([(id(0x22), vec![secret])].into()), &text);
    check(
        &SecretHistory { next_version: Some(Seqno(1)), ..SecretHistory::default() },
        r#"{"next_version":1}"#,
    );
    let previous = PreviousSecret {
        encrypted_data: Base64(vec![0]),
        version: Seqno(1),
        previous_secret_stored_version: Some(Seqno(18)),
    };
    let text = concat!(
        r#"{"previous_ledger_secret":{"encrypted_data":"AA==","#,
        r#""previous_secret_stored_version":18,"version":1}}"#
    );
    check(&SecretHistory { previous_ledger_secret: Some(previous), next_version: None }, text);
    let shares = RecoveryShares {
        wrapped_latest_ledger_secret: Base64(vec![0]),
        encrypted_shares: [(id(0x22), Base64(vec![1]))].into(),
        previous_secret_stored_version: None,
    };
    let text = format!(r#"{{"encrypted_shares":{{"{node}":"AQ=="}},"wrapped_latest_ledger_secret":"AA=="}}"#);
    check(&shares, &text);
    let evidence = SnapshotEvidence { hash: id(0x22), version: Seqno(13) };
    check(&evidence, &format!(r#"{{"hash":"{node}","version":13}}"#));
}

#[test]
fn rows_written_by_scripts_are_checked() {
    let tables = Tables::default();
    let mut tx = Tx::new(Store::new().latest());
    let member = id(1);
    tables.members.certs.put(&mut tx, &member, &"PEM".to_owned());
    assert_eq!(tables.members.certs.get(&tx, &member), Ok(Some("PEM".to_owned())));
    assert_eq!(tables.members.info.get(&tx, &member), Ok(None));
    let by_script: [(&[u8], bool); 6] = [
        (br#"{"status":"Active","member_data":null,"more":1}"#, true),
        (br#"{ "member_data": {"status": 1}, "status": "Accepted" }"#, true),
        (br#"{"status":"active"}"#, false),
        (br#"{"status":"Active","recovery_role":"Boss"}"#, false),
        (b"null", false),
        (b"\xff", false),
    ];
    for (value, valid) in by_script {
        tx.put(tables.members.info.name(), member.to_hex().into_bytes(), value);
        assert_eq!(tables.members.info.get(&tx, &member).is_ok(), valid, "{value:?}");
    }
    tx.put(tables.members.certs.name(), &b"no digest"[..], &b"PEM"[..]);
    assert_eq!(tables.members.certs.iter(&tx).filter(Result::is_err).count(), 1);
}
