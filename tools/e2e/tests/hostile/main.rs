//! Hostile requests to a running node: each is answered exactly, nothing is written, and the node goes on.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod framing;
mod identities;
mod messages;
mod signed;
mod transport;

use std::time::Duration;

use coco_client::{StatusCode, governance};
use coco_crypto::{
    Curve,
    x509::{UnixTime, Validity},
};
use coco_e2e::{Consortium, Node, Party, consortium::now, tls::Connection};
use serde_json::{Value, json};

/// Status, and error code of the body; empty if the body is no error object.
type Expected = (u16, &'static str);

/// Who sends.
#[derive(Clone, Copy, Debug)]
enum Who {
    /// No certificate.
    Nobody,
    User,
    /// Registered, but the certificate's time has passed.
    Expired,
    /// Not registered.
    Stranger,
    /// Not registered, on another curve.
    Outsider,
    Member,
}

/// One hostile request.
#[derive(Clone)]
struct Case {
    name: &'static str,
    who: Who,
    bytes: Vec<u8>,
    expected: Expected,
}

/// A service with something in it.
struct World {
    consortium: Consortium,
    node: Node,
    expired: Party,
    stranger: Party,
    outsider: Party,
    /// The proposal that waits for votes, by the first member, as it was signed.
    open_message: Vec<u8>,
    open_proposal: String,
    /// One that was accepted.
    closed_proposal: String,
}

impl World {
    async fn start(directory: &std::path::Path) -> Self {
        let consortium = Consortium::default();
        let interface = |more: Value| {
            let mut interface = json!({ "bind_address": "127.0.0.1:0" });
            interface.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            interface
        };
        let sections = json!({
            "network": {
                "node_to_node_interface": { "bind_address": "127.0.0.1:0" },
                "rpc_interfaces": {
                    "main": interface(json!({})),
                    "capped": interface(json!({ "max_open_sessions_soft": 1, "max_open_sessions_hard": 2 })),
                    "narrow": interface(json!({ "accepted_endpoints": ["/node/state"] })),
                }
            },
            "idle_connection_timeout": "3s",
        });
        let node = Node::start(&consortium, directory, &sections);
        node.open(&consortium).await;
        let past = Validity::new(UnixTime(now().0 - 7200), UnixTime(now().0 - 3600)).unwrap();
        let expired = Party::valid("expired", Curve::P384, past);
        let mut client = node.client(Some(consortium.user()));
        let register = |party: &Party| json!([{ "name": "set_user", "args": { "cert": party.identity.certificate().to_pem() } }]);
        let closed =
            governance::decide(&mut client, &consortium.signers(), &register(&expired)).await.unwrap();
        let stranger = Party::new("stranger");
        let open_message = {
            let payload = json!({ "actions": register(&stranger) }).to_string();
            let proposer = &consortium.members[0].identity;
            governance::sign(proposer, governance::Message::Proposal, payload.as_bytes(), now())
        };
        let path = format!("/gov/members/proposals:create?api-version={}", governance::API_VERSION);
        let answer = client.post_cose(&path, open_message.clone()).await.unwrap();
        let open: Value = answer.expect(StatusCode::OK, &path).unwrap().json().unwrap();
        assert_eq!(open["proposalState"], "Open");
        let body = json!({ "id": 1, "msg": "here before" });
        let answer = client.post("/app/log/public", &body).await.unwrap();
        let id = answer.expect(StatusCode::OK, "a write").unwrap().transaction_id().unwrap();
        client.wait_for_commit(id, Duration::from_secs(60)).await.unwrap();
        Self {
            node,
            expired,
            stranger,
            outsider: Party::on("outsider", Curve::P256),
            open_message,
            open_proposal: open["proposalId"].as_str().unwrap().to_owned(),
            closed_proposal: closed.proposal_id,
            consortium,
        }
    }

    fn party(&self, who: Who) -> Option<&Party> {
        match who {
            Who::Nobody => None,
            Who::User => Some(&self.consortium.users[0]),
            Who::Expired => Some(&self.expired),
            Who::Stranger => Some(&self.stranger),
            Who::Outsider => Some(&self.outsider),
            Who::Member => Some(&self.consortium.members[0]),
        }
    }

    async fn connect(&self, who: Who) -> Connection {
        Connection::open(&self.node.address, &self.node.service, self.party(who)).await
    }

    /// The last committed transaction and the last one of all, as the node says.
    async fn level(&self) -> String {
        let mut client = self.node.client(None);
        let answer = client.get("/node/network").await.unwrap();
        let commit: Value = client.get("/node/commit").await.unwrap().json().unwrap();
        format!("{} {:?}", commit["transaction_id"], answer.transaction_id())
    }

    /// Waits until nothing is written any more: signatures follow what was written.
    async fn settled(&self) -> String {
        let mut level = self.level().await;
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = self.level().await;
            if now == level {
                return level;
            }
            level = now;
        }
    }
}

/// An HTTP/1.1 request with a length.
fn request(line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{line} HTTP/1.1\r\nhost: node\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        bytes += &format!("{name}: {value}\r\n");
    }
    [bytes.as_bytes(), b"\r\n", body].concat()
}

/// The same with JSON.
fn json_request(line: &str, body: &str) -> Vec<u8> {
    request(line, &[("content-type", "application/json")], body.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_is_answered_exactly_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::start(directory.path()).await;
    let level = world.settled().await;
    let ledger = world.node.ledger();
    let cases = [
        identities::cases(),
        signed::user_cases(&world),
        signed::member_cases(&world),
        messages::cases(),
        framing::cases(),
    ]
    .concat();
    let slow = transport::slow(&world);
    let mut wrong = Vec::new();
    for Case { name, who, bytes, expected } in &cases {
        let mut connection = world.connect(*who).await;
        connection.send(bytes).await;
        let reply = connection.reply().await;
        let seen = (reply.status, reply.code());
        if (seen.0, seen.1.as_str()) != *expected {
            let text = String::from_utf8_lossy(&reply.body).into_owned();
            wrong.push(format!("{name}: {seen:?}, not {expected:?}: {}", &text[..text.len().min(300)]));
        }
        let after = world.level().await;
        if after != level {
            wrong.push(format!("{name}: {after} after {level}: something was written"));
            break;
        }
    }
    let count = cases.len() + transport::refusals(&world, &mut wrong).await + slow.await;
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 60, "{count}");
    println!("{count} hostile requests");

    assert!(world.node.is_running(), "{}", world.node.log());
    assert_eq!(world.settled().await, level);
    assert!(world.node.ledger().0 == ledger.0, "the ledger changed");
    let mut client = world.node.client(Some(world.consortium.user()));
    let write = client.post("/app/log/private", &json!({ "id": 2, "msg": "still here" })).await.unwrap();
    assert_eq!(write.status, StatusCode::OK);
    let read = client.get("/app/log/private?id=2").await.unwrap();
    assert_eq!(read.json::<Value>().unwrap(), json!({ "msg": "still here" }));
    assert!(world.node.stop().success(), "{}", world.node.log());
}
