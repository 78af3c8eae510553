//! Requests of the node to its own service.

use bytes::Bytes;
use coco_app::{ClientCertificate, Headers, InterfaceName, Method, Peer, Request, Response, media};
use coco_node::Core;

use super::Driver;
use crate::dispatch::{Answer, Batch, Dispatch as _, Session, abandoned};

impl Driver {
    /// Sends a request of this node, which is known by its key, to whoever of its service answers it. `path` is that below
    /// `/node`; `body` is JSON.
    pub async fn ask(&self, path: &str, body: Vec<u8>) -> Response {
        let own = self.0.view.shared.keys.self_signed.load();
        let certificate = ClientCertificate::from_der(own.der()).expect("the node made it");
        // An interface that nobody configured: nothing is redirected, and nothing withheld.
        let peer = Peer { interface: InterfaceName::new(""), certificate: Some(certificate), session: None };
        let headers = Headers::from_pairs([(&b"content-type"[..], media::JSON.as_bytes())]);
        let request = Request::new(Method::Post, format!("/node{path}"), headers, Bytes::from(body));
        let mut batches = [Batch { requests: vec![request], ..Batch::new(Session::new(peer)) }];
        self.dispatch(&mut batches);
        let [Batch { mut answers, .. }] = batches;
        match answers.pop() {
            Some(Answer::Ready(response) | Answer::Close(response)) => response,
            Some(Answer::Later(answer)) => answer.await.unwrap_or_else(|_| abandoned()),
            None => abandoned(),
        }
    }

    /// Has another node become the primary, if this one is and another is close enough behind.
    pub fn hand_over(&self) {
        self.with_core(Core::hand_over);
    }
}
