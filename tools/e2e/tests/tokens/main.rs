//! The keys of a token issuer follow what it publishes, and nothing that is no key set.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod issuer;

use std::time::{Duration, Instant};

use coco_client::governance;
use coco_e2e::{Cluster, Consortium, tls::Connection};
use serde_json::{Value, json};

use crate::issuer::{Conduct, Issuer, ok};

/// How long a refresh may take. Much, as the machine may be busy with other tests.
const LIMIT: Duration = Duration::from_secs(60);

/// A service that has set the issuer.
struct World {
    cluster: Cluster,
    consortium: Consortium,
    issuer: Issuer,
}

impl World {
    async fn start(directory: &std::path::Path, nodes: usize) -> Self {
        let (consortium, issuer) = (Consortium::default(), Issuer::start().await);
        let jwt = json!({ "jwt": {
            "key_refresh_interval": "200ms", "key_refresh_max_response_size": "64KB",
        } });
        let cluster = Cluster::open(&consortium, directory, nodes, &jwt).await;
        let actions = json!([
            { "name": "set_ca_cert_bundle", "args": { "name": "issuer", "cert_bundle": issuer.certificate } },
            { "name": "set_jwt_issuer", "args": {
                "issuer": issuer.url, "auto_refresh": true, "ca_cert_bundle_name": "issuer",
            } },
        ]);
        governance::decide(&mut cluster[0].client(None), &consortium.signers(), &actions).await.unwrap();
        Self { cluster, consortium, issuer }
    }

    /// Status of a write with a token.
    async fn write(&self, at: usize, token: &str) -> u16 {
        let node = &self.cluster[at];
        let mut connection = Connection::open(&node.address, &node.service, None).await;
        let body = r#"{"id":1,"msg":"by token"}"#;
        let request = format!(
            "POST /app/log/private HTTP/1.1\r\nauthorization: {token}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        connection.send(request.as_bytes()).await;
        connection.reply().await.status
    }

    async fn wait_until_accepted(&self, at: usize, token: &str) {
        let began = Instant::now();
        while self.write(at, token).await != 200 {
            assert!(began.elapsed() < LIMIT, "{}", self.cluster.logs());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn metrics(&self, at: usize) -> [u64; 3] {
        let answer = self.cluster[at].client(None).get("/node/jwt_keys/refresh/metrics").await.unwrap();
        let counts: Value = answer.json().unwrap();
        ["attempts", "successes", "failures"].map(|name| counts[name].as_u64().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_follow_their_issuer_and_its_primary() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::start(directory.path(), 3).await;
    let first = world.issuer.token();
    world.wait_until_accepted(0, &first).await;
    assert!(world.metrics(0).await[1] > 0);
    world.issuer.renew();
    let second = world.issuer.token();
    // A backup authenticates by itself what it does not forward, and the primary what it does.
    world.wait_until_accepted(1, &second).await;
    assert_eq!(world.write(0, &first).await, 401);
    let stopped = world.cluster.primary_among(&[0, 1, 2]).await;
    world.cluster[stopped].kill();
    let left: Vec<_> = [0, 1, 2].into_iter().filter(|at| *at != stopped).collect();
    let primary = world.cluster.primary_among(&left).await;
    world.issuer.renew();
    world.wait_until_accepted(primary, &world.issuer.token()).await;
    assert!(world.metrics(primary).await[1] > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_issuers_change_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::start(directory.path(), 1).await;
    let token = world.issuer.token();
    world.wait_until_accepted(0, &token).await;
    let big = "x".repeat(65 * 1024);
    let bound = r#"{"keys":[{"kty":"RSA","kid":"key","n":"AQAB","e":"AQAB"}]}"#;
    // What the server does, and whether that counts as a failure: who answers nothing that is HTTP does not, as with CCF.
    let cases = [
        ("no JSON", Conduct::Bytes(ok("<html>")), true),
        ("another status", Conduct::Bytes(b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n".to_vec()), true),
        (
            "a redirect",
            Conduct::Bytes(
                b"HTTP/1.1 302 Found\r\nlocation: https://localhost/\r\ncontent-length: 0\r\n\r\n".to_vec(),
            ),
            true,
        ),
        ("keys elsewhere", Conduct::Bytes(ok(r#"{"jwks_uri":"http://localhost/keys"}"#)), true),
        ("no key set", Conduct::Keys(ok(r#"{"foo":"bar"}"#)), true),
        ("no keys", Conduct::Keys(ok(r#"{"keys":[]}"#)), true),
        ("a weak key", Conduct::Keys(ok(bound)), true),
        ("depth", Conduct::Keys(ok(&"[".repeat(60_000))), true),
        ("too large", Conduct::Keys(ok(&big)), false),
        ("no HTTP", Conduct::Bytes(b"SSH-2.0-x\r\n\r\n".to_vec()), false),
        (
            "too large a header",
            Conduct::Bytes(format!("HTTP/1.1 200 OK\r\nx: {big}\r\n\r\n").into_bytes()),
            false,
        ),
        ("an endless body", Conduct::Keys(format!("HTTP/1.1 200 OK\r\n\r\n{big}").into_bytes()), false),
        ("silence", Conduct::Silent, false),
    ];
    for (name, conduct, counts) in cases {
        let (before, asked) = (world.metrics(0).await, world.issuer.asked());
        world.issuer.conduct(conduct);
        let began = Instant::now();
        loop {
            let now = world.metrics(0).await;
            if if counts { now[2] > before[2] } else { world.issuer.asked() > asked + 2 || name == "silence" }
            {
                break;
            }
            assert!(began.elapsed() < LIMIT, "{name}: {}", world.cluster.logs());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(world.write(0, &token).await, 200, "{name}");
    }
    // Members are heard while the issuer is silent, and make an end of it.
    let actions = json!([{ "name": "remove_jwt_issuer", "args": { "issuer": world.issuer.url } }]);
    let members = world.consortium.signers();
    governance::decide(&mut world.cluster[0].client(None), &members, &actions).await.unwrap();
    assert_eq!(world.write(0, &token).await, 401);
}
