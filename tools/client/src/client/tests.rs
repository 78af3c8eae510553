use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use coco_crypto::{
    Certificate, Curve, EcKey, SystemEntropy,
    x509::{Name, Request, UnixTime, Validity, issue_endorsed, issue_participant, issue_self_signed},
};
use http::StatusCode;
use rustls::{
    DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::{Client, ClientError, TxStatus};
use crate::{Identity, governance};

fn validity() -> Validity {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Validity::days(UnixTime(i64::try_from(now).unwrap() - 60), 2).unwrap()
}

fn service() -> (Certificate, EcKey) {
    let key = EcKey::generate(Curve::P384, &SystemEntropy);
    let name = Name::common("service").unwrap();
    (issue_self_signed(&key, &name, &[], validity(), &SystemEntropy), key)
}

fn user() -> Identity {
    let key = EcKey::generate(Curve::P384, &SystemEntropy);
    let name = Name::common("user").unwrap();
    let certificate = issue_participant(&key, &name, validity(), &SystemEntropy);
    Identity::new(certificate, key).unwrap()
}

/// Requests that arrived, each with the number of its connection, and whether to close after each answer.
#[derive(Default)]
struct Seen {
    requests: Vec<(usize, String)>,
    close: bool,
    /// The last client's certificate.
    shown: Option<Vec<u8>>,
}

/// Takes clients with any certificate and without one.
#[derive(Debug)]
struct AnyUser(Arc<CryptoProvider>);

impl ClientCertVerifier for AnyUser {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: rustls::pki_types::UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A node that answers each request by the next of `answers`, and then repeats the last.
async fn node(
    (service, service_key): &(Certificate, EcKey),
    answers: Vec<(u16, &'static str, Value)>,
) -> (String, Arc<Mutex<Seen>>) {
    let key = EcKey::generate(Curve::P384, &SystemEntropy);
    let request =
        Request::create(&key, &Name::common("n").unwrap(), &["iPAddress:127.0.0.1".parse().unwrap()]);
    let certificate = issue_endorsed(service_key, service, &request, validity(), &SystemEntropy);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(Arc::new(AnyUser(provider)))
        .with_single_cert(
            vec![CertificateDer::from(certificate.der().to_vec())],
            PrivatePkcs8KeyDer::from(key.pkcs8_der().to_vec()).into(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        let mut answered = 0;
        for connection in 0.. {
            let (tcp, _) = listener.accept().await.unwrap();
            let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
            let shown = tls.get_ref().1.peer_certificates().map(|chain| chain[0].to_vec());
            log.lock().unwrap().shown = shown;
            while let Some(text) = read_request(&mut tls).await {
                log.lock().unwrap().requests.push((connection, text));
                let (status, head, body) = &answers[answered.min(answers.len() - 1)];
                answered += 1;
                let body = body.to_string();
                let answer =
                    format!("HTTP/1.1 {status} x\r\n{head}content-length: {}\r\n\r\n{body}", body.len());
                tls.write_all(answer.as_bytes()).await.unwrap();
                tls.flush().await.unwrap();
                if log.lock().unwrap().close {
                    let _ = tls.shutdown().await;
                    break;
                }
            }
        }
    });
    (address, seen)
}

/// A request with its body, or none when the client is gone.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut request = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.split("content-length: ").nth(1).map_or("0", |rest| rest.lines().next().unwrap());
            if body.len() >= length.parse().unwrap() {
                return Some(text);
            }
        }
        match stream.read_buf(&mut request).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return None,
        }
    }
}

#[tokio::test]
async fn a_connection_is_kept_and_made_again_when_lost() {
    let (service, user) = (service(), user());
    let answers = vec![(200, "x-ms-ccf-transaction-id: 2.14\r\n", json!({ "msg": "hello" }))];
    let (address, seen) = node(&service, answers).await;
    let mut client = Client::new(&address, &service.0, Some(&user)).unwrap();
    for close in [false, true, false, false] {
        seen.lock().unwrap().close = close;
        let answer = client.get("/app/log/private?id=1").await.unwrap();
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.json::<Value>().unwrap(), json!({ "msg": "hello" }));
        assert_eq!(answer.transaction_id(), Some("2.14".parse().unwrap()));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    client.post("/app/log/private", &json!({ "id": 1 })).await.unwrap();
    let seen = seen.lock().unwrap();
    let connections: Vec<_> = seen.requests.iter().map(|(connection, _)| *connection).collect();
    assert_eq!(connections, [0, 0, 1, 1, 1]);
    assert_eq!(seen.shown.as_deref(), Some(user.certificate().der()));
    assert!(seen.requests[0].1.starts_with("GET /app/log/private?id=1 HTTP/1.1\r\n"));
    assert!(seen.requests[4].1.contains("content-type: application/json\r\n"));
    assert!(seen.requests[4].1.ends_with("\r\n\r\n{\"id\":1}"));
}

#[tokio::test]
async fn another_service_is_not_trusted() {
    let (ours, theirs) = (service(), service());
    let (address, seen) = node(&theirs, vec![(200, "", json!({}))]).await;
    let mut client = Client::new(&address, &ours.0, None).unwrap();
    assert!(matches!(client.get("/node/state").await, Err(ClientError::Connect { .. })));
    let port = address.rsplit_once(':').unwrap().1;
    let mut client = Client::new(&format!("localhost:{port}"), &theirs.0, None).unwrap();
    assert!(matches!(client.get("/node/state").await, Err(ClientError::Connect { .. })), "not in its names");
    assert!(seen.lock().unwrap().requests.is_empty());
    for wrong in ["127.0.0.1", "", "a b:1"] {
        assert!(matches!(Client::new(wrong, &ours.0, None), Err(ClientError::Address(_))), "{wrong}");
    }
}

#[tokio::test]
async fn waits_for_commit() {
    let status = |status: &str| (200, "", json!({ "transaction_id": "2.5", "status": status }));
    let cases = [
        (vec!["Unknown", "Pending", "Committed"], None),
        (vec!["Pending"], Some(TxStatus::Pending)),
        (vec!["Pending", "Invalid"], Some(TxStatus::Invalid)),
    ];
    for (states, expected) in cases {
        let service = service();
        let (address, _) = node(&service, states.into_iter().map(status).collect()).await;
        let mut client = Client::new(&address, &service.0, None).unwrap();
        let result = client.wait_for_commit("2.5".parse().unwrap(), Duration::from_millis(200)).await;
        match (result, expected) {
            (Ok(()), None) => {}
            (Err(ClientError::NotCommitted(_, found)), Some(expected)) => assert_eq!(found, expected),
            (result, expected) => panic!("{result:?} instead of {expected:?}"),
        }
    }
}

#[tokio::test]
async fn waits_for_commit_across_a_change_of_the_primary() {
    let pending = || (200, "", json!({ "transaction_id": "2.5", "status": "Pending" }));
    let lost = |status: u16, code: &str| (status, "", json!({ "error": { "code": code, "message": "" } }));
    let service = service();
    let committed = (200, "", json!({ "transaction_id": "2.5", "status": "Committed" }));
    let answers = vec![
        pending(),
        (504, "", json!("no longer the primary")),
        lost(503, "PrimaryNotFound"),
        pending(),
        lost(500, "SessionConsistencyLost"),
        committed,
    ];
    let (address, seen) = node(&service, answers).await;
    let mut client = Client::new(&address, &service.0, None).unwrap();
    client.wait_for_commit("2.5".parse().unwrap(), Duration::from_secs(30)).await.unwrap();
    let sessions: Vec<_> = seen.lock().unwrap().requests.iter().map(|(session, _)| *session).collect();
    assert_eq!(sessions, [0, 0, 1, 2, 2, 3]);

    // Not for ever, and not if the node understands the question in another way.
    for (status, within) in [(504, Duration::from_millis(50)), (400, Duration::from_secs(30))] {
        let (address, _) = node(&service, vec![(status, "", json!({}))]).await;
        let mut client = Client::new(&address, &service.0, None).unwrap();
        let error = client.wait_for_commit("2.5".parse().unwrap(), within).await.unwrap_err();
        assert!(matches!(error, ClientError::Status { answer, .. } if answer.status == status));
    }
}

#[tokio::test]
async fn members_decide() {
    let member = user();
    let service = service();
    let proposer = member.id();
    let proposal = |state: &str| json!({ "proposalId": "p1", "proposerId": proposer, "proposalState": state, "ballotCount": 0 });
    let answers = vec![(200, "", proposal("Open")), (200, "", proposal("Accepted"))];
    let (address, seen) = node(&service, answers).await;
    let mut client = Client::new(&address, &service.0, None).unwrap();
    let decided = governance::decide(&mut client, std::slice::from_ref(&member), &json!([])).await.unwrap();
    assert_eq!(decided.proposal_id, "p1");
    let ballot =
        format!("POST /gov/members/proposals/p1/ballots/{}:submit?api-version=2024-07-01 ", member.id());
    assert!(seen.lock().unwrap().requests[1].1.starts_with(&ballot));

    let refusal = json!({ "error": { "code": "ProposalReplay", "message": "again" } });
    let (address, _) = node(&service, vec![(400, "", refusal)]).await;
    let mut client = Client::new(&address, &service.0, None).unwrap();
    let error = governance::propose(&mut client, &member, &json!([])).await.unwrap_err().to_string();
    assert_eq!(error, "/gov/members/proposals:create was answered by 400 Bad Request: ProposalReplay: again");
}
