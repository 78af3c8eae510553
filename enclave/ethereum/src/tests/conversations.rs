//! JSON-RPC on a WebSocket.

use coco_app::{
    Adapter as _, Conversation, Headers, InterfaceName, Method, Origin, Peer, Reaction, Request, Response,
};
use coco_wire::Seqno;
use serde_json::{Value, json};

use super::service::{Key, Service, call};

fn with_origin<T>(service: &mut Service, run: impl FnOnce(&Service, &Origin<'_>) -> T) -> T {
    let peer = Peer { interface: InterfaceName::new("rpc"), certificate: None, session: None };
    let state = service.store.committed();
    let origin = Origin {
        peer: &peer,
        offers: &|_| true,
        redirect: &|_, _| None,
        state: &state,
        now_ms: service.now_ms.get(),
    };
    run(service, &origin)
}

fn begin(service: &mut Service, path: &str) -> Option<Box<dyn Conversation>> {
    let request = Request::new(Method::Get, path.to_owned(), Headers::default(), bytes::Bytes::new());
    with_origin(service, |service, origin| service.adapter.converse(&request, origin)).map(Result::unwrap)
}

fn say(service: &mut Service, talk: &mut dyn Conversation, message: &Value) -> Reaction {
    with_origin(service, |_, origin| talk.message(message.to_string(), origin))
}

fn said(reaction: Reaction) -> Value {
    let Reaction::Say(text) = reaction else { panic!("{reaction:?}") };
    serde_json::from_str(&text).unwrap()
}

/// What is told of a block.
fn told(service: &mut Service, talk: &mut dyn Conversation, number: u64) -> Vec<Value> {
    let data = number.to_be_bytes().to_vec();
    let event = coco_app::Event { topic: "ethereum blocks".into(), seqno: Seqno(1), data };
    let texts = with_origin(service, |_, origin| talk.event(&event, origin));
    texts.iter().map(|text| serde_json::from_str::<Value>(text).unwrap()["params"].clone()).collect()
}

#[test]
fn subscribers_are_told_of_blocks() {
    let a = Key::new(1);
    let mut service = Service::new(&json!({ "visibility": "transparent" }), &[(a.address(), 100)]);
    assert!(begin(&mut service, "/app/commit").is_none());
    let mut talk = begin(&mut service, "/eth").unwrap();
    let talk = talk.as_mut();
    assert!(talk.topics().is_empty());
    for (kind, id) in
        [("newHeads", "0x1"), ("logs", "0x2"), ("newPendingTransactions", "0x3"), ("syncing", "0x4")]
    {
        let answer =
            said(say(&mut service, talk, &json!({ "id": 7, "method": "eth_subscribe", "params": [kind] })));
        assert_eq!(answer, json!({ "jsonrpc": "2.0", "id": 7, "result": id }));
    }
    assert_eq!(talk.topics().len(), 1);
    let hash = service.submit(&a.sign(call(0, a.address().into(), 1, &[]))).unwrap();
    service.close();
    let all = told(&mut service, talk, 1);
    assert_eq!((&all[0]["subscription"], &all[0]["result"]["number"]), (&json!("0x1"), &json!("0x1")));
    assert_eq!(all[1], json!({ "subscription": "0x3", "result": hash }));
    assert_eq!(all.len(), 2);
    let end = |id: &str| json!({ "id": 8, "method": "eth_unsubscribe", "params": [id] });
    assert_eq!(said(say(&mut service, talk, &end("0x1")))["result"], true);
    assert_eq!(said(say(&mut service, talk, &end("0x1")))["error"]["message"], "subscription not found");
    assert_eq!(told(&mut service, talk, 1).len(), 1);
    let unknown = json!({ "id": 9, "method": "eth_subscribe", "params": ["weather"] });
    assert_eq!(said(say(&mut service, talk, &unknown))["error"]["code"], -32_601);
}

#[test]
fn other_messages_are_requests() {
    let mut service = Service::new(&json!({}), &[]);
    let mut talk = begin(&mut service, "/eth/token").unwrap();
    let message = json!({ "id": 1, "method": "eth_chainId" });
    let Reaction::Ask(request, finish) = say(&mut service, talk.as_mut(), &message) else {
        panic!("it asks")
    };
    assert_eq!((request.method, request.path()), (Method::Post, "/eth/token"));
    assert_eq!(request.body, message.to_string().as_bytes());
    let failed = Response::from(coco_app::Reject::internal("no primary"));
    let said: Value = serde_json::from_str(&finish(failed).unwrap()).unwrap();
    assert_eq!(said["error"]["message"], "no primary");
}

#[test]
fn strangers_are_told_of_heads_alone() {
    let a = Key::new(1);
    let mut service = Service::new(&json!({}), &[(a.address(), 100)]);
    let mut talk = begin(&mut service, "/eth").unwrap();
    for kind in ["newHeads", "logs", "newPendingTransactions"] {
        said(say(
            &mut service,
            talk.as_mut(),
            &json!({ "id": 7, "method": "eth_subscribe", "params": [kind] }),
        ));
    }
    service.submit(&a.sign(call(0, a.address().into(), 1, &[]))).unwrap();
    service.close();
    let all = told(&mut service, talk.as_mut(), 1);
    assert_eq!(all.len(), 1);
    assert!(all[0]["result"].get("transactions").is_none());
}
