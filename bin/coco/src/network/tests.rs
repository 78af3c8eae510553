use std::collections::BTreeMap;

use coco_client::{
    ClientError,
    network::{Configuration, Consensus, Leadership, NodeStatus, Peer, Report, Startup},
};
use coco_wire::{Digest, Seqno, TxId, View};

use super::{
    survey::{Silence, Survey, Surveyed, Trouble},
    table,
};

const TABLE: &str = "\
NODE      ADDRESS         STATUS   STATE          ROLE      VIEW  COMMITTED
01010101  127.0.0.1:8001  Trusted  PartOfNetwork  Leader    3     3.21
02020202  127.0.0.1:8002  Trusted  PartOfNetwork  Follower  3     3.22
03030303  127.0.0.1:8003  Trusted  -              -         -     -

03030303 does not answer: no answer from 127.0.0.1:8003 in time.
The service is Open.
01010101 leads in view 3.
Configuration since 9: 01010101, 02020202, 03030303.
3.22 is committed.
HEALTHY: a primary leads, and a majority answers.
";

fn id(number: u8) -> Digest {
    Digest([number; 32])
}

/// A node of a service of three.
fn node(number: u8, role: Leadership, view: u64) -> Surveyed {
    let peer = |number| (id(number), Peer { address: format!("127.0.0.1:{number}") });
    let nodes: BTreeMap<_, _> = (1..=3).map(peer).collect();
    let report = Report {
        startup: Startup { node_id: id(number), state: Startup::PART_OF_NETWORK.to_owned() },
        consensus: Consensus {
            leadership_state: Some(role),
            primary_id: None,
            current_view: View(view),
            configs: vec![Configuration { since: Seqno(9), nodes }],
        },
        committed: TxId { view: View(view), seqno: Seqno(20 + u64::from(number)) },
    };
    Surveyed {
        id: id(number),
        status: NodeStatus::Trusted,
        address: Some(format!("127.0.0.1:800{number}")),
        answer: Ok(report),
    }
}

fn silent(number: u8) -> Surveyed {
    let error = ClientError::Timeout(format!("127.0.0.1:800{number}"));
    Surveyed { answer: Err(Silence::Client(error)), ..node(number, Leadership::None, 2) }
}

fn survey(nodes: Vec<Surveyed>) -> Survey {
    Survey { service_status: "Open".to_owned(), nodes }
}

fn pending(number: u8) -> Surveyed {
    let mut node = node(number, Leadership::None, 0);
    node.status = NodeStatus::Pending;
    if let Ok(report) = &mut node.answer {
        report.startup.state = "Pending".to_owned();
    }
    node
}

#[test]
fn a_service_is_healthy_with_a_primary_and_a_majority() {
    use Leadership::{Candidate, Follower, Leader};
    let cases = [
        (vec![node(1, Leader, 2), node(2, Follower, 2), node(3, Follower, 2)], Ok(())),
        (vec![node(1, Leader, 2), silent(2), node(3, Follower, 2)], Ok(())),
        (vec![node(1, Leader, 2), silent(2), silent(3)], Err(Trouble::NoMajority { taking_part: 1, of: 3 })),
        (vec![silent(1), node(2, Candidate, 3), node(3, Follower, 3)], Err(Trouble::NoPrimary)),
        (
            vec![silent(1), node(2, Candidate, 3), silent(3)],
            Err(Trouble::NoMajority { taking_part: 1, of: 3 }),
        ),
        // Those that nobody trusts yet do not count, one way or the other.
        (vec![node(1, Leader, 2), node(2, Follower, 2), silent(3), pending(4)], Ok(())),
        (
            vec![node(1, Leader, 2), silent(2), silent(3), pending(4)],
            Err(Trouble::NoMajority { taking_part: 1, of: 3 }),
        ),
        (vec![], Err(Trouble::NoMajority { taking_part: 0, of: 0 })),
    ];
    for (number, (nodes, expected)) in cases.into_iter().enumerate() {
        assert_eq!(survey(nodes).health(), expected, "case {number}");
    }
}

#[test]
fn the_primary_is_the_leader_of_the_newest_view() {
    let nodes = vec![
        node(1, Leadership::Leader, 2),
        node(2, Leadership::Leader, 4),
        node(3, Leadership::Follower, 4),
    ];
    let survey = survey(nodes);
    let (primary, report) = survey.primary().unwrap();
    assert_eq!((primary.id, report.consensus.current_view), (id(2), View(4)));
    assert_eq!(survey.committed().unwrap().seqno, Seqno(23));
}

#[test]
fn a_table_for_people() {
    let survey = survey(vec![node(1, Leadership::Leader, 3), node(2, Leadership::Follower, 3), silent(3)]);
    let mut text = Vec::new();
    table::write(&survey, &mut text).unwrap();
    assert_eq!(String::from_utf8(text).unwrap(), TABLE);
}

#[test]
fn and_json_for_programs() {
    let told = table::json(&survey(vec![node(1, Leadership::Leader, 3), silent(2), silent(3)]));
    assert_eq!(told["healthy"], false);
    assert_eq!(told["reason"], "only 1 of the 3 nodes that must agree answer and take part");
    assert_eq!(told["primary"], id(1).to_hex());
    assert_eq!((&told["view"], &told["committed"]), (&3.into(), &"3.21".into()));
    assert_eq!(told["configurations"][0]["nodes"][2]["id"], id(3).to_hex());
    assert_eq!(told["nodes"][0]["role"], "Leader");
    assert_eq!(told["nodes"][1]["role"], serde_json::Value::Null);
    assert_eq!(told["nodes"][1]["error"], "no answer from 127.0.0.1:8002 in time");
}
