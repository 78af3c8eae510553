//! A survey as a table, and as JSON.

use std::io::{self, Write};

use coco_client::network::{Leadership, NodeStatus, Report};
use coco_wire::Digest;
use serde_json::{Value, json};

use super::survey::{Survey, Surveyed};
use crate::columns;

/// Hexadecimal digits that tell the nodes of a service apart.
const SHORT_ID: usize = 8;
const HEADINGS: [&str; 7] = ["NODE", "ADDRESS", "STATUS", "STATE", "ROLE", "VIEW", "COMMITTED"];

/// Writes the table, and below it what follows.
pub(super) fn write(survey: &Survey, out: &mut dyn Write) -> io::Result<()> {
    let rows: Vec<_> = survey.nodes.iter().map(row).collect();
    columns::write(HEADINGS, &rows, out)?;
    writeln!(out)?;
    for node in &survey.nodes {
        if let Err(silence) = &node.answer {
            writeln!(out, "{} does not answer: {silence}.", short(&node.id))?;
        }
    }
    writeln!(out, "The service is {}.", survey.service_status)?;
    if let Some((primary, report)) = survey.primary() {
        writeln!(out, "{} leads in view {}.", short(&primary.id), report.consensus.current_view.0)?;
        for configuration in &report.consensus.configs {
            let nodes: Vec<_> = configuration.nodes.keys().map(short).collect();
            writeln!(out, "Configuration since {}: {}.", configuration.since.0, nodes.join(", "))?;
        }
    }
    if let Some(committed) = survey.committed() {
        writeln!(out, "{committed} is committed.")?;
    }
    match survey.health() {
        Ok(()) => writeln!(out, "HEALTHY: a primary leads, and a majority answers."),
        Err(trouble) => writeln!(out, "NOT HEALTHY: {trouble}."),
    }
}

fn row(node: &Surveyed) -> [String; HEADINGS.len()] {
    let dash = || "-".to_owned();
    let status = match node.status {
        NodeStatus::Pending => "Pending",
        NodeStatus::Trusted => "Trusted",
        NodeStatus::Retired => "Retired",
    };
    let address = node.address.clone().unwrap_or_else(dash);
    let [state, role, view, committed] = match &node.answer {
        Err(_) => [(); 4].map(|()| dash()),
        Ok(report) => [
            report.startup.state.clone(),
            report.consensus.leadership_state.map_or("-", role_name).to_owned(),
            report.consensus.current_view.0.to_string(),
            report.committed.to_string(),
        ],
    };
    [short(&node.id), address, status.to_owned(), state, role, view, committed]
}

fn role_name(role: Leadership) -> &'static str {
    match role {
        Leadership::None => "None",
        Leadership::Leader => "Leader",
        Leadership::Follower => "Follower",
        Leadership::PreVoteCandidate => "PreVoteCandidate",
        Leadership::Candidate => "Candidate",
    }
}

fn short(id: &Digest) -> String {
    let mut id = id.to_hex();
    id.truncate(SHORT_ID);
    id
}

/// The same for programs.
pub(super) fn json(survey: &Survey) -> Value {
    let primary = survey.primary();
    let configuration = |report: &Report| {
        let configurations = report.consensus.configs.iter();
        let described = configurations.map(|it| {
            let nodes = it.nodes.iter().map(|(id, peer)| json!({ "id": id, "address": peer.address }));
            json!({ "since": it.since, "nodes": nodes.collect::<Vec<_>>() })
        });
        described.collect::<Vec<_>>()
    };
    let trouble = survey.health().err();
    json!({
        "healthy": trouble.is_none(),
        "reason": trouble.map(|trouble| trouble.to_string()),
        "service_status": survey.service_status,
        "primary": primary.map(|(node, _)| node.id),
        "view": primary.map(|(_, report)| report.consensus.current_view),
        "committed": survey.committed(),
        "configurations": primary.map(|(_, report)| configuration(report)),
        "nodes": survey.nodes.iter().map(node_json).collect::<Vec<_>>(),
    })
}

fn node_json(node: &Surveyed) -> Value {
    let report = node.answer.as_ref().ok();
    json!({
        "id": node.id,
        "address": node.address,
        "status": node.status,
        "state": report.map(|report| &report.startup.state),
        "role": report.map(|report| report.consensus.leadership_state),
        "primary": report.and_then(|report| report.consensus.primary_id),
        "view": report.map(|report| report.consensus.current_view),
        "committed": report.map(|report| report.committed),
        "error": node.answer.as_ref().err().map(ToString::to_string),
    })
}
