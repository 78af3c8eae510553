//! Certificates that governance renews.

use std::sync::Arc;

use coco_crypto::{
    Certificate, Curve, EcKey, SystemEntropy,
    x509::{UnixTime, Validity, issue_endorsed, renew_self_signed},
};
use coco_node::{Certificates, Output, Renewed, Shared};
use coco_tables::service::ServiceInfo;

use crate::{adapter::Toy, node::Node};

fn later() -> Validity {
    Validity::days(UnixTime(1_790_000_000), 30).expect("before the year 9999")
}

/// What the node shows: its own certificate, the endorsed one and the service's.
fn shown(shared: &Shared) -> [String; 3] {
    let service = shared.keys.service().expect("it belongs to one");
    [&shared.keys.self_signed, &service.endorsed, &service.certificate].map(|slot| slot.load().to_pem())
}

/// A certificate for the node that `key` endorses.
fn endorsed_by(key: &EcKey, shared: &Shared) -> String {
    let issuer = shared.keys.service().expect("it belongs to one").certificate.load();
    issue_endorsed(key, &issuer, &shared.keys.request, later(), &SystemEntropy).to_pem()
}

#[test]
fn a_node_shows_what_was_endorsed_last() {
    let mut node = Node::start(Toy::new(None, None));
    let shared = Arc::clone(&node.view.shared);
    let id = node.id();
    assert_eq!(shared.renew(), Renewed::Nothing);

    let before = shown(&shared);
    let service = Arc::clone(&shared.keys.service().expect("it belongs to one").key);
    let row = endorsed_by(&service, &shared);
    let write = node.written(|tables, tx| tables.nodes.endorsed_certificates.put(tx, &id, &row));
    let mut out = Output::default();
    node.core.sequence(&write).expect("a primary takes it");
    node.core.flush(&mut out);
    assert_eq!(out.certificates, Certificates::Untouched, "it is not committed");
    node.core.refresh_committed();
    assert_eq!(shared.renew(), Renewed::Nothing);
    node.certificates = Certificates::Untouched;
    node.settle(out);
    node.tick(1000);
    assert_eq!(node.certificates, Certificates::Written);

    assert_eq!(shared.renew(), Renewed::Certificates);
    let after = shown(&shared);
    assert_eq!((&after[1], &after[2]), (&row, &before[2]));
    let own = Certificate::from_pem(&after[0]).expect("a certificate");
    assert_eq!(own.validity(), later(), "its own lasts as long");
    assert_eq!(own.public_key().id(), id);
    assert_eq!(shared.renew(), Renewed::Nothing, "once");
}

#[test]
fn what_is_no_certificate_of_the_node_is_left_alone() {
    let mut node = Node::start(Toy::new(None, None));
    let shared = Arc::clone(&node.view.shared);
    let (id, before) = (node.id(), shown(&shared));
    let stranger = EcKey::generate(Curve::P384, &SystemEntropy);
    let other = Node::start(Toy::new(None, None));
    for row in [
        "nothing".to_owned(),
        endorsed_by(&stranger, &shared),
        shown(&other.view.shared)[1].clone(),
        shown(&shared)[0].clone(),
    ] {
        node.write(|tables, tx| tables.nodes.endorsed_certificates.put(tx, &id, &row)).expect("a place");
        node.tick(1000);
        assert_eq!(shared.renew(), Renewed::Nothing, "{row}");
        assert_eq!(shown(&shared), before);
    }
}

#[test]
fn the_service_certificate_is_followed_while_its_key_stays() {
    let mut node = Node::start(Toy::new(None, None));
    let shared = Arc::clone(&node.view.shared);
    let service = shared.keys.service().expect("it belongs to one");
    let renewed =
        |key: &EcKey| renew_self_signed(key, &service.certificate.load(), later(), &SystemEntropy).to_pem();
    let stranger = EcKey::generate(Curve::P384, &SystemEntropy);
    for (cert, expected) in
        [(renewed(&stranger), Renewed::Nothing), (renewed(&service.key), Renewed::Certificates)]
    {
        let wrote = node.write(|tables, tx| {
            let info = tables.service.info.get(tx).expect("a row").expect("written by genesis");
            tables.service.info.put(tx, &ServiceInfo { cert: cert.clone(), ..info });
        });
        wrote.expect("a place");
        node.tick(1000);
        assert_eq!(shared.renew(), expected);
        assert_eq!(shown(&shared)[2] == cert, expected == Renewed::Certificates);
    }
}
