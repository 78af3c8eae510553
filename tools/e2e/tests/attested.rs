//! Clients verify nodes before they talk to them: honest nodes pass, and whoever stands between is found out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Output},
    sync::Arc,
};

use coco_client::{
    Client, ClientError, StatusCode,
    attest::{Accepted, Code, Fresh, NotVerified, Policy, ask},
};
use coco_crypto::{
    Certificate, Curve, EcKey, Signer as _, SystemEntropy,
    hash::sha256,
    x509::{Validity, issue_self_signed},
};
use coco_e2e::{Consortium, Node, consortium::now, executable};
use coco_wire::Digest;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

const MEASUREMENT: &str = "Insecure hard-coded virtual measurement v1";

fn these(value: String) -> Accepted {
    Accepted::These(BTreeSet::from([value]))
}

/// Accepts nodes that run our executable.
fn policy() -> Policy {
    let executable = sha256(&fs::read(executable::coco()).unwrap());
    let code = Code { measurements: these(MEASUREMENT.to_owned()), host_data: these(executable.to_hex()) };
    Policy { insecure_virtual: Some(code), ..Policy::new(now) }
}

/// Two nodes; the first also has an interface that the node itself vouches for, and one without TLS.
fn service(directory: &Path) -> [Node; 2] {
    let interface = |authority: &str| {
        json!({
            "bind_address": "127.0.0.1:0",
            "endorsement": { "authority": authority },
            "accepted_endpoints": ["/node/.*"],
        })
    };
    let sections = json!({
        "network": {
            "node_to_node_interface": { "bind_address": "127.0.0.1:0" },
            "rpc_interfaces": {
                "main": { "bind_address": "127.0.0.1:0" },
                "own": interface("Node"),
                "plain": interface("Unsecured"),
            }
        }
    });
    let first = Node::start(&Consortium::default(), &directory.join("first"), &sections);
    let second = first.join(&directory.join("second"), &json!({}));
    [first, second]
}

async fn until_part_of_the_service(node: &Node) {
    let mut client = node.client(None);
    loop {
        let ready = client.get("/node/ready/gov").await;
        if ready.is_ok_and(|answer| answer.status == StatusCode::NO_CONTENT) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

fn demanding(node: &Node, policy: Policy) -> Client {
    node.client(None).demanding(Arc::new(policy))
}

fn reason(error: ClientError) -> NotVerified {
    match error {
        ClientError::NotVerified { reason, .. } => *reason,
        other => panic!("{other:?}"),
    }
}

/// What somebody does to the answers of a node that passes through.
type Edit = fn(&mut Value, Digest);

/// Ends TLS with a key of its own, and passes everything on to `node`.
async fn between(node: &Node, edit: Edit) -> String {
    let key = EcKey::generate(Curve::P384, &SystemEntropy);
    let (name, validity) = ("CN=Between".parse().unwrap(), Validity::days(now(), 1).unwrap());
    let certificate = issue_self_signed(&key, &name, &[], validity, &SystemEntropy);
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate.der().to_vec())],
            PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec()).into(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (upstream, service) = (node.address.clone(), node.service.clone());
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
            let mut client = Client::new(&upstream, &service, None).unwrap();
            let mut request = vec![0; 16 << 10];
            while let Ok(read @ 1..) = tls.read(&mut request).await {
                let text = String::from_utf8_lossy(&request[..read]).into_owned();
                let (head, body) = text.split_once("\r\n\r\n").unwrap();
                let path = head.split(' ').nth(1).unwrap();
                let answer = if head.starts_with("POST") {
                    client.post(path, &serde_json::from_str(body).unwrap()).await.unwrap()
                } else {
                    client.get(path).await.unwrap()
                };
                let mut value: Value = answer.json().unwrap();
                edit(&mut value, key.public_key().id());
                let body = value.to_string();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                tls.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
                tls.flush().await.unwrap();
            }
        }
    });
    address
}

/// Passes on everything as it is.
fn nothing(_: &mut Value, _: Digest) {}

/// Claims to be the node.
fn own_id(value: &mut Value, own: Digest) {
    if value.get("node_id").is_some() {
        value["node_id"] = json!(own);
    }
}

#[tokio::test]
async fn nodes_prove_what_they_run_and_nobody_passes_it_on() {
    let directory = tempfile::tempdir().unwrap();
    let [first, second] = service(directory.path());
    until_part_of_the_service(&second).await;

    for node in [&first, &second] {
        let mut client = demanding(node, policy());
        let state: Value = client.get("/node/state").await.unwrap().json().unwrap();
        let fresh = ask(&node.address, Some(&node.service)).await.unwrap();
        assert_eq!(json!(fresh.node), state["node_id"]);
        policy().appraise(&fresh).unwrap();
    }
    let [a, again, b] = [&first, &first, &second].map(|node| ask(&node.address, Some(&node.service)));
    let (a, again, b) = tokio::join!(a, again, b);
    let (a, again, b) = (a.unwrap(), again.unwrap(), b.unwrap());
    assert_eq!(a.node, again.node);
    for (case, evidence) in [("an older answer", &again.evidence), ("another node's", &b.evidence)] {
        let mixed = Fresh { evidence: evidence.clone(), ..a.clone() };
        assert!(matches!(policy().appraise(&mixed), Err(NotVerified::OtherSession)), "{case}");
    }

    let code = policy().insecure_virtual.unwrap();
    let refused = |code| demanding(&first, Policy { insecure_virtual: code, ..policy() });
    let other = Code { measurements: these("another".to_owned()), ..code.clone() };
    let error = refused(Some(other)).get("/node/state").await.unwrap_err();
    assert!(matches!(reason(error), NotVerified::Measurement(_)));
    let other = Code { host_data: these(Digest([1; 32]).to_hex()), ..code };
    let error = refused(Some(other)).get("/node/state").await.unwrap_err();
    assert!(matches!(reason(error), NotVerified::HostData(_)));
    let error = refused(None).get("/node/state").await.unwrap_err();
    assert!(matches!(reason(error), NotVerified::Platform("Virtual")));

    let address = between(&first, nothing).await;
    let pinned = ask(&address, Some(&first.service)).await.unwrap_err();
    assert!(pinned.is_untrusted(), "{pinned}");
    assert!(matches!(reason(ask(&address, None).await.unwrap_err()), NotVerified::OtherNode { .. }));
    let address = between(&first, own_id).await;
    let fresh = ask(&address, None).await.unwrap();
    assert!(matches!(policy().appraise(&fresh), Err(NotVerified::OtherSession)));

    // An interface that the node itself vouches for says by evidence whose it is.
    let fresh = ask(&first.interface("own"), None).await.unwrap();
    assert_eq!((fresh.node, fresh.service.der()), (a.node, first.service.der()));
    policy().appraise(&fresh).unwrap();
    certificate_of(&fresh, directory.path());
    without_tls(&first.interface("plain")).await;
}

/// It says what holds the key; whoever knows nothing of that can read it.
fn certificate_of(fresh: &Fresh, directory: &Path) {
    let file = directory.join("shown.pem");
    fs::write(&file, fresh.certificate.to_pem()).unwrap();
    let mut command = Command::new(executable::coco());
    let Output { status, stdout, stderr } =
        command.args(["attest", "verify", "--accept", "virtual"]).arg(&file).output().unwrap();
    let said = String::from_utf8([stdout, stderr].concat()).unwrap();
    assert!(status.success(), "{said}");
    for text in [format!("of node {}", fresh.node), format!("it was made for the node {}", fresh.node)] {
        assert!(said.contains(&text), "{said}");
    }
    let own = fs::read_to_string(directory.join("first/nodecert.pem")).unwrap();
    assert_eq!(Certificate::from_pem(&own).unwrap().der(), fresh.certificate.der());
}

/// Over a connection that everybody reads there is none.
async fn without_tls(address: &str) {
    let body = json!({ "nonce": "00".repeat(32) }).to_string();
    let request = format!(
        "POST /node/attestation HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    plain.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 412 "), "{answer}");
    assert!(answer.contains("\"code\":\"PreconditionFailed\""), "{answer}");
}

/// Many at a time are answered, if some later; and none of it is in the ledger.
#[tokio::test]
async fn many_clients_ask_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::start(&Consortium::default(), directory.path(), &json!({}));
    until_part_of_the_service(&node).await;
    let mut client = node.client(None);
    let last = settled(&mut client).await;
    let all = (0..24).map(|_| {
        let (address, service) = (node.address.clone(), node.service.clone());
        tokio::spawn(async move { ask(&address, Some(&service)).await })
    });
    for asked in all.collect::<Vec<_>>() {
        policy().appraise(&asked.await.unwrap().unwrap()).unwrap();
    }
    assert_eq!(settled(&mut client).await, last);
}

/// The last transaction, once it is not followed by another one.
async fn settled(client: &mut Client) -> Value {
    let mut last = Value::Null;
    loop {
        let answer: Value = client.get("/node/commit").await.unwrap().json().unwrap();
        if answer == last {
            return last;
        }
        last = answer;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

/// What the command says, and its status.
fn attest(directory: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(executable::coco());
    command.args(["attest", "node"]).args(arguments).current_dir(directory);
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// The relay of the test serves meanwhile.
async fn check(directory: &Path, arguments: &[&str], status: i32, texts: &[&str]) {
    let (folder, line) = (directory.to_owned(), arguments.iter().map(|&it| it.to_owned()));
    let line: Vec<String> = line.collect();
    let run = move || attest(&folder, &line.iter().map(String::as_str).collect::<Vec<_>>());
    let (found, said) = tokio::task::spawn_blocking(run).await.unwrap();
    assert_eq!(found, status, "{arguments:?}\n{said}");
    for text in texts {
        assert!(said.contains(text), "{arguments:?}: no `{text}` in\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_says_what_a_node_is() {
    let directory = tempfile::tempdir().unwrap();
    let node = Node::start(&Consortium::default(), directory.path(), &json!({}));
    until_part_of_the_service(&node).await;
    let other = {
        let key = EcKey::generate(Curve::P384, &SystemEntropy);
        let validity = Validity::days(now(), 1).unwrap();
        issue_self_signed(&key, &"CN=Other".parse().unwrap(), &[], validity, &SystemEntropy)
    };
    fs::write(directory.path().join("other.pem"), other.to_pem()).unwrap();
    let relay = format!("https://{}", between(&node, own_id).await);
    let url = format!("https://{}", node.address);
    let executable = sha256(&fs::read(executable::coco()).unwrap()).to_hex();
    let cert = ["--cacert", "service_cert.pem"];
    let code = ["--host-data", executable.as_str(), "--accept", "virtual"];
    let zeros = "00".repeat(32);
    let identity = Certificate::fingerprint(&node.service).to_hex();
    let cases: &[(Vec<&str>, i32, &[&str])] = &[
        (
            [&[url.as_str()][..], &cert, &code].concat(),
            0,
            &[
                "VERIFIED: https://127.0.0.1:",
                "it was made now, for this TLS session, our nonce",
                "the host data, as asked (--host-data)",
                "issued by the service that you know (--cacert)",
            ],
        ),
        (
            [&[url.as_str()][..], &code].concat(),
            0,
            &["VERIFIED", "the one that you think of (--cacert)", &identity],
        ),
        ([&[url.as_str()][..], &cert].concat(), 1, &["REFUSED", "proves nothing"]),
        (
            [&[url.as_str()][..], &cert, &["--host-data", &zeros, "--accept", "virtual"]].concat(),
            1,
            &["REFUSED", "the host data is"],
        ),
        (
            [&[url.as_str()][..], &["--cacert", "other.pem"], &code].concat(),
            1,
            &["REFUSED", "was not issued by the service that you know"],
        ),
        (
            [&[relay.as_str()][..], &code].concat(),
            1,
            &["REFUSED", "was not made for this session", "somebody stands between"],
        ),
        (
            [&[url.as_str()][..], &cert, &["--minimum-tcb", "0"]].concat(),
            2,
            &["--minimum-tcb has no meaning"],
        ),
        (vec!["https://127.0.0.1:1"], 2, &["cannot connect"]),
        (vec![&url, "--cacert", "absent.pem"], 2, &["absent.pem"]),
    ];
    for (arguments, status, texts) in cases {
        check(directory.path(), arguments, *status, texts).await;
    }
    let line = [&[url.as_str()][..], &cert, &code, &["--json"]].concat();
    let (status, said) = attest(directory.path(), &line);
    let value: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((status, &value["verified"], &value["service"]), (0, &json!(true), &json!(identity)));
}
