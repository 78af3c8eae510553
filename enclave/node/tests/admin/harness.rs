//! A whole node with its administration mounted, and requests to it.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use coco_app::{Headers, InterfaceName, Method, NodeRequests, Peer, Request, Response, Status};
use coco_boundary::Unix;
use coco_crypto::{LedgerSecret, SystemEntropy};
use coco_kv::{Store, Tx};
use coco_node::{
    Mount, Mounts, Stage, State, View, Write,
    admin::{InterfaceReport, NodeFacts, SessionMetrics, SessionReport, adapter as admin},
};
use coco_tables::{
    Tables,
    nodes::{Interface, NodeInfo, NodeNetwork},
    secrets::SecretsForNodes,
};
use coco_wire::{Digest, Seqno};
use serde_json::{Value, json};

use crate::{
    adapter::Toy,
    node::{Node, peer},
};

struct Sessions;

impl SessionMetrics for Sessions {
    fn report(&self) -> SessionReport {
        let interface = InterfaceReport {
            name: InterfaceName::new("ma\"in"),
            active: 1,
            peak: 2,
            soft_cap: 1000,
            hard_cap: 1010,
            parsing: 3,
            request_payload_too_large: 4,
            request_header_too_large: 5,
        };
        SessionReport { active: 1, peak: 2, interfaces: vec![interface] }
    }
}

pub(crate) fn network(published: &str) -> NodeNetwork {
    let interface = Interface {
        bind_address: "0.0.0.0:8000".into(),
        published_address: published.into(),
        ..Interface::default()
    };
    NodeNetwork {
        node_to_node_interface: Interface { published_address: "10.0.0.1:9000".into(), ..interface.clone() },
        rpc_interfaces: BTreeMap::from([("main".to_owned(), interface)]),
        will_locally_seal_ledger_secrets: false,
    }
}

fn facts(of: &Node) -> NodeFacts {
    NodeFacts {
        ccf_version: "ccf-7.0.0".into(),
        quickjs_version: "2025-09-13".into(),
        unsafe_build: true,
        network: network("configured.example:1"),
        node_data: json!({ "note": "configured" }),
        started: Unix(1_780_000_000_500),
        app: Arc::clone(&of.view.mounts.app),
        sessions: Arc::new(Sessions),
        rekey: Arc::new(|tx| {
            Tables::default().secrets.for_nodes.put(tx, &SecretsForNodes::default());
            Ok(LedgerSecret::generate(&SystemEntropy))
        }),
    }
}

/// A node with its administration mounted.
pub(crate) struct Admin {
    pub(crate) node: Node,
    pub(crate) view: View,
    pub(crate) tables: Tables,
}

impl Admin {
    pub(crate) fn start() -> Self {
        Self::of(Node::start(Toy::new(None, None)))
    }

    /// Of a node that was told to create a service.
    pub(crate) fn of(node: Node) -> Self {
        let shared = Arc::clone(&node.view.shared);
        let mounts = Mounts {
            app: Arc::clone(&node.view.mounts.app),
            gov: Arc::clone(&node.view.mounts.gov),
            node: Arc::new(admin(Arc::clone(&shared), facts(&node))),
            offered: BTreeMap::new(),
            redirections: BTreeMap::new(),
        };
        let view = View { shared, mounts: Arc::new(mounts) };
        Self { node, view, tables: Tables::default() }
    }

    pub(crate) fn id(&self) -> Digest {
        self.view.shared.keys.node_id
    }

    pub(crate) fn send(&mut self, method: Method, target: &str) -> Response {
        let request = Request::new(method, target.to_owned(), Headers::default(), Bytes::new());
        self.send_as(&peer(), request)
    }

    pub(crate) fn send_as(&mut self, peer: &Peer, request: Request) -> Response {
        let planned = match self.view.decode(request, peer) {
            Ok(planned) => planned,
            Err(response) => return response,
        };
        assert_eq!(planned.mount, Mount::Node);
        let ran = self.view.run(Mount::Node, &planned.plan.calls[0], planned.plan.mode, None);
        if let Some(write) = ran.write {
            self.node.core.sequence(&write).expect("a place");
            self.node.tick(1000);
        }
        ran.response
    }

    pub(crate) fn get(&mut self, target: &str) -> Value {
        let response = self.send(Method::Get, target);
        assert_eq!(response.status, Status::OK, "{target}: {}", text(&response));
        serde_json::from_slice(&response.body).expect("JSON")
    }

    /// Status and error code.
    pub(crate) fn refused(&mut self, method: Method, target: &str) -> (u16, String) {
        let response = self.send(method, target);
        let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        (response.status.0, body["error"]["code"].as_str().unwrap_or("").to_owned())
    }

    /// Writes as governance would, and commits.
    pub(crate) fn write(&mut self, write: impl FnOnce(&Tables, &mut Tx)) {
        self.write_and_request(write, NodeRequests::default());
    }

    /// Sets a new ledger secret, which no other node is told; yields the first entry that it is for.
    pub(crate) fn rekey(&mut self) -> Seqno {
        let ledger_secret = Some(LedgerSecret::generate(&SystemEntropy));
        let requests = NodeRequests { ledger_secret, ..NodeRequests::default() };
        let set_by = self.write_and_request(
            |tables, tx| tables.secrets.for_nodes.put(tx, &SecretsForNodes::default()),
            requests,
        );
        set_by.next()
    }

    fn write_and_request(&mut self, write: impl FnOnce(&Tables, &mut Tx), requests: NodeRequests) -> Seqno {
        let mut tx = Tx::new(self.view.state().latest.clone());
        write(&self.tables, &mut tx);
        let write = Write { executed: tx.finish(), claims: Digest::ZERO, requests, mount: Mount::Gov };
        let placed = self.node.core.sequence(&write).expect("a place");
        self.node.tick(1000);
        placed.seqno
    }

    /// Gives another node the row of this one, with changes.
    pub(crate) fn add_node(&mut self, id: Digest, change: impl FnOnce(&mut NodeInfo)) {
        let own = self.id();
        self.write(|tables, tx| {
            let mut info = tables.nodes.info.get(tx, &own).expect("a row").expect("written by genesis");
            change(&mut info);
            tables.nodes.info.put(tx, &id, &info);
            tables.nodes.endorsed_certificates.put(tx, &id, &"certificate".to_owned());
        });
    }

    /// Publishes a changed state, as Core does.
    pub(crate) fn publish(&self, change: impl FnOnce(&mut State)) {
        let mut state = (*self.view.state()).clone();
        change(&mut state);
        self.view.shared.state.store(Arc::new(state));
    }

    /// As before the service is created.
    pub(crate) fn publish_initialized(&self) {
        let mut empty = Store::new();
        self.publish(|state| {
            state.stage = Stage::Initialized;
            state.latest = empty.latest();
            state.committed = empty.committed();
            state.primary = false;
        });
    }
}

pub(crate) fn text(response: &Response) -> String {
    String::from_utf8_lossy(&response.body).into_owned()
}

pub(crate) fn document() -> Value {
    let node = Node::start(Toy::new(None, None));
    admin(Arc::clone(&node.view.shared), facts(&node)).openapi()
}
