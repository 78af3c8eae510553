//! What the application printed: for active members, and nobody else.

use coco_app::{
    ClientCertificate, Method,
    console::{Level, Line, Page, Query},
};
use coco_wire::{Seqno, TxId, View};
use serde_json::json;

use crate::{
    consortium::{Member, Service, body, refusal},
    constitutions::PLAIN,
};

const PATH: &str = "/coco/javascript-app/console";

fn shown(member: &Member) -> Option<ClientCertificate> {
    Some(ClientCertificate::from_der(member.certificate.der()).unwrap())
}

/// What an application may have printed: the query.
pub(crate) fn printed(query: &Query) -> Page {
    let line = Line {
        number: 9,
        time_ms: 5,
        endpoint: "GET /a".into(),
        read_at: TxId { view: View(2), seqno: Seqno(1) },
        level: Level::Exception,
        text: format!("{query:?}"),
    };
    Page { lines: vec![line], dropped: 3, last: 9 }
}

#[test]
fn active_members_read_what_the_application_printed() {
    let mut service = Service::new(PLAIN);
    service.acknowledge(0);
    for (known_as, expected) in [
        (None, (401, "InvalidAuthenticationInfo")),
        (shown(&Member::new(3)), (401, "InvalidAuthenticationInfo")),
        (shown(&service.members[1]), (403, "AuthorizationFailed")),
    ] {
        service.shown = known_as;
        let (status, code, _) = refusal(&service.get(PATH));
        assert_eq!((status, &*code), expected);
    }
    service.shown = shown(&service.members[0]);
    for (query, asked) in [
        ("", "Query { endpoint: None, after: None, limit: 256 }"),
        (
            "?endpoint=GET%20%2Frecords%2F%7Bid%7D&after=7&limit=9",
            "Query { endpoint: Some(\"GET /records/{id}\"), after: Some(7), limit: 9 }",
        ),
        ("?limit=1025", "Query { endpoint: None, after: None, limit: 1024 }"),
    ] {
        let expected = json!({
            "value": [{
                "number": 9, "timeMs": 5, "endpoint": "GET /a", "readAt": "2.1", "level": "exception", "text": asked,
            }],
            "dropped": 3, "last": 9,
        });
        assert_eq!(body(&service.get(&format!("{PATH}{query}"))), expected, "{query}");
    }
    for query in ["?after=x", "?limit=-1", "?limit=", "?after=18446744073709551616"] {
        let (status, code, _) = refusal(&service.get(&format!("{PATH}{query}")));
        assert_eq!((status, &*code), (400, "InvalidQueryParameterValue"), "{query}");
    }
    let (status, code, _) = refusal(&service.send(Method::Get, &format!("/gov{PATH}"), Vec::new()));
    assert_eq!((status, &*code), (400, "MissingApiVersionParameter"));
}
