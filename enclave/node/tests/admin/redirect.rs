//! Interfaces that redirect.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;
use coco_app::{
    ApiInfo, Call, Context, Endpoint, Headers, InterfaceName, Manifest, Method, Peer, Policy, Redirection,
    Reject, Request, Response, RestAdapter, Status,
};
use coco_node::{
    Mounts, Stage, View,
    redirect::{RedirectionTarget, Redirections, Role},
};
use coco_tables::nodes::NodeStatus;
use coco_wire::Digest;
use serde_json::Value;

use crate::{
    harness::{Admin, network},
    node::peer,
};

/// A write, a read for anybody, and one that backups answer; each for users only, whom nobody is.
fn app() -> RestAdapter {
    let info = ApiInfo { mount: "/app", title: "", description: "", version: "" };
    RestAdapter::new(Manifest::default(), info)
        .with(Endpoint::write(Method::Post, "/w", &[Policy::UserCert], answer))
        .with(Endpoint::read(Method::Get, "/r", &[], answer))
        .with(
            Endpoint::read(Method::Get, "/b", &[Policy::UserCert], answer).redirection(Redirection::ToBackup),
        )
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a handler")]
fn answer(_: &Call, _: &mut Context<'_>) -> Result<Response, Reject> {
    Ok(Response::empty(Status::OK))
}

struct Service {
    admin: Admin,
    backup: Digest,
}

impl Service {
    /// A node, another trusted one, and two that serve nobody yet or any more.
    fn new() -> Self {
        let mut admin = Admin::start();
        let own = admin.id();
        admin.add_node(own, |info| info.network = network("own.example:1"));
        let others = [
            (2, "backup.example:2", NodeStatus::Trusted),
            (3, "pending.example:3", NodeStatus::Pending),
            (4, "retired.example:4", NodeStatus::Retired),
        ];
        for (id, address, status) in others {
            admin.add_node(Digest([id; 32]), |info| {
                info.network = network(address);
                let mut inner = info.network.rpc_interfaces["main"].clone();
                inner.published_address = format!("inner.{address}");
                info.network.rpc_interfaces.insert("inner".to_owned(), inner);
                info.status = status;
            });
        }
        admin.publish(|state| state.open = true);
        Self { admin, backup: Digest([2; 32]) }
    }

    fn led_by(&self, leader: Option<Digest>) {
        let own = self.admin.id();
        self.admin.publish(|state| {
            state.primary = leader == Some(own);
            state.consensus.leader = leader;
        });
    }

    /// Status, and location or error code, of what an interface answers that redirects like this.
    fn ask(&self, redirections: &Redirections, method: Method, target: &str) -> (u16, String) {
        let name = InterfaceName::new("main");
        let mounts = Mounts {
            app: Arc::new(app()),
            gov: Arc::clone(&self.admin.view.mounts.gov),
            node: Arc::clone(&self.admin.view.mounts.node),
            offered: BTreeMap::new(),
            redirections: BTreeMap::from([(name.clone(), redirections.clone())]),
        };
        let view = View { shared: Arc::clone(&self.admin.view.shared), mounts: Arc::new(mounts) };
        let request = || Request::new(method, target.to_owned(), Headers::default(), Bytes::new());
        let peer = Peer { interface: name, certificate: None, session: None };
        // Neither a forwarded request nor one to another interface is redirected.
        let elsewhere = Peer { interface: InterfaceName::new("plain"), certificate: None, session: None };
        for other in [view.decode_forwarded(request(), &peer), view.decode(request(), &elsewhere)] {
            let redirected = other.is_err_and(|answer| answer.status.0 == 307 || answer.status.0 == 503);
            assert!(!redirected, "{target}");
        }
        match view.decode(request(), &peer) {
            Ok(_) => (200, String::new()),
            Err(response) => {
                let location = response.headers.iter().find(|(name, _)| name == "location");
                let body: Value = serde_json::from_slice(&response.body).unwrap_or_default();
                let code = body["error"]["code"].as_str().unwrap_or("").to_owned();
                (response.status.0, location.map_or(code, |(_, value)| value.to_string()))
            }
        }
    }
}

fn by(role: Role, interface: Option<&str>) -> RedirectionTarget {
    RedirectionTarget::NodeByRole { role, interface: interface.map(InterfaceName::new) }
}

fn at(address: &str) -> RedirectionTarget {
    RedirectionTarget::StaticAddress(address.to_owned())
}

#[test]
fn clients_are_sent_to_the_node_that_answers() {
    use Method::{Get, Post};
    let service = Service::new();
    let (own, backup) = (service.admin.id(), service.backup);
    let roles = Redirections { to_primary: by(Role::Primary, None), to_backup: by(Role::Backup, None) };
    let inner = Redirections {
        to_primary: by(Role::Primary, Some("inner")),
        to_backup: by(Role::Backup, Some("inner")),
    };
    let nowhere = Redirections {
        to_primary: by(Role::Primary, Some("none")),
        to_backup: by(Role::Backup, Some("none")),
    };
    let fixed = Redirections { to_primary: at("p.example"), to_backup: at("b.example:9") };
    let unknown = Digest([9; 32]);
    let here = (200, "");
    let cases = [
        // The primary.
        (&roles, Some(own), Post, "/app/w", (401, "InvalidAuthenticationInfo")),
        (&roles, Some(own), Get, "/app/r", here),
        (&roles, Some(own), Get, "/app/b?id=1&x=%20", (307, "https://backup.example:2/app/b?id=1&x=%20")),
        (&inner, Some(own), Get, "/app/b", (307, "https://inner.backup.example:2/app/b")),
        (&nowhere, Some(own), Get, "/app/b", (503, "BackupNotFound")),
        (&fixed, Some(own), Get, "/app/b", (307, "https://b.example:9/app/b")),
        // A backup.
        (&roles, Some(backup), Post, "/app/w?a=b", (307, "https://backup.example:2/app/w?a=b")),
        (&roles, Some(backup), Post, "/w", (307, "https://backup.example:2/w")),
        (&roles, Some(backup), Get, "/app/r", here),
        (&roles, Some(backup), Get, "/app/b", (401, "InvalidAuthenticationInfo")),
        (&inner, Some(backup), Post, "/app/w", (307, "https://inner.backup.example:2/app/w")),
        (&nowhere, Some(backup), Post, "/app/w", (503, "PrimaryNotFound")),
        (&fixed, Some(backup), Post, "/app/w", (307, "https://p.example/app/w")),
        // Nobody leads, or somebody of whom there is no row yet.
        (&roles, None, Post, "/app/w", (503, "PrimaryNotFound")),
        (&roles, Some(unknown), Post, "/app/w", (503, "PrimaryNotFound")),
        (&fixed, None, Post, "/app/w", (307, "https://p.example/app/w")),
        (&roles, None, Get, "/app/b", (401, "InvalidAuthenticationInfo")),
        (&roles, None, Get, "/app/unknown", (404, "ResourceNotFound")),
    ];
    for (redirections, leader, method, target, (status, told)) in cases {
        service.led_by(leader);
        let answer = service.ask(redirections, method, target);
        assert_eq!(answer, (status, told.to_owned()), "{leader:?} {target} {redirections:?}");
    }
    // A node that does not take part yet is no backup.
    service.led_by(None);
    service.admin.publish(|state| state.stage = Stage::Pending);
    let (status, told) = service.ask(&fixed, Get, "/app/b");
    assert_eq!((status, told.as_str()), (307, "https://b.example:9/app/b"));
}

#[test]
fn backups_share_what_is_redirected() {
    let mut service = Service::new();
    service.admin.add_node(Digest([5; 32]), |info| info.network = network("other.example:5"));
    service.admin.publish(|state| state.open = true);
    service.led_by(Some(service.admin.id()));
    let roles = Redirections { to_primary: by(Role::Primary, None), to_backup: by(Role::Backup, None) };
    let told: BTreeSet<_> = (0..64).map(|_| service.ask(&roles, Method::Get, "/app/b").1).collect();
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn the_primary_is_shown_on_the_interface_that_was_asked() {
    let mut admin = Admin::start();
    let primary = Digest([2; 32]);
    admin.add_node(primary, |info| info.network = network("primary.example:2"));
    let lead = |admin: &Admin| {
        admin.publish(|state| {
            state.primary = false;
            state.consensus.leader = Some(primary);
        });
    };
    lead(&admin);
    let ask = |admin: &mut Admin, host: &str| {
        let headers = Headers::from_pairs([(&b"host"[..], host.as_bytes())]);
        let request = Request::new(Method::Head, "/node/primary".to_owned(), headers, Bytes::new());
        let response = admin.send_as(&peer(), request);
        let location = response.headers.iter().find(|(name, _)| name == "location");
        (response.status.0, location.map(|(_, value)| value.to_string()))
    };
    let location = Some("https://primary.example:2/node/primary".to_owned());
    for host in ["configured.example:1", "alias.example"] {
        assert_eq!(ask(&mut admin, host), (308, location.clone()), "{host}");
    }
    admin.add_node(primary, |info| {
        info.network = network("primary.example:2");
        let interface = info.network.rpc_interfaces.remove("main").expect("an interface");
        info.network.rpc_interfaces.insert("other".to_owned(), interface);
    });
    lead(&admin);
    assert_eq!(ask(&mut admin, "configured.example:1"), (500, None), "no such interface there");
    assert_eq!(ask(&mut admin, "alias.example"), (308, location), "one that it has");
}
