//! Requests that a backup forwards.

use coco_app::Status;
use coco_node::forward;
use coco_wire::View;

use crate::{adapter::message, cluster::Cluster, node::peer};

/// What a node says to a request of a session that began in a view.
fn asked(cluster: &Cluster, at: usize, began: View) -> Result<(), Status> {
    let question = forward::question(&message("get key"), &peer(), began);
    let understood = forward::understand(&cluster.nodes[at].view, &question).expect("a request");
    understood.map(|_| ()).map_err(|response| response.status)
}

#[test]
fn a_request_is_executed_in_the_view_of_its_session_only() {
    let mut cluster = Cluster::of(3);
    cluster.nodes[0].open();
    let began = cluster.put("key", "1").view;
    cluster.run(200);
    assert_eq!(asked(&cluster, 0, began), Ok(()));
    assert_eq!(asked(&cluster, 1, began), Err(Status::SERVICE_UNAVAILABLE), "a backup");
    // Another view, in which something may be undone, and of which a backup need not have heard.
    cluster.cut_off = vec![0];
    cluster.run(20_000);
    let primary = cluster.primary().expect("a primary");
    let now = cluster.nodes[primary].view.state().consensus.view;
    assert_eq!(asked(&cluster, primary, now), Ok(()));
    assert_eq!(asked(&cluster, primary, began), Err(Status::INTERNAL_SERVER_ERROR));
}
