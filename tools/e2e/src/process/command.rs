//! The configuration of a node, and what it does first.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::Consortium;

/// The constitution that a service begins with.
const CONSTITUTION: [&str; 4] = ["actions.js", "validate.js", "resolve.js", "apply.js"];

/// Files of the default constitution, in order.
#[must_use]
pub fn constitution() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/constitutions/default");
    CONSTITUTION.iter().map(|name| folder.join(name)).collect()
}

/// All of a configuration, with this section `command`.
pub(super) fn configuration(command: &Value) -> Value {
    json!({
        "network": {
            "node_to_node_interface": { "bind_address": "127.0.0.1:0" },
            "rpc_interfaces": { "main": { "bind_address": "127.0.0.1:0" } }
        },
        "command": command,
        "output_files": { "rpc_addresses_file": "rpc_addresses.json", "pid_file": "node.pid" }
    })
}

/// Creates a service. Writes the files of its members.
pub(super) fn start(consortium: &Consortium, directory: &Path) -> Value {
    let members: Vec<Value> = consortium
        .members
        .iter()
        .enumerate()
        .map(|(number, member)| {
            let (certificate, _) = member.write(directory);
            if number > 0 {
                return json!({ "certificate_file": certificate });
            }
            let key = directory.join("member0_enc_pubk.pem");
            fs::write(&key, consortium.encryption.public_key().to_pem())
                .expect("the directory can be written");
            json!({ "certificate_file": certificate, "encryption_public_key_file": key })
        })
        .collect();
    json!({
        "type": "Start",
        "service_certificate_file": "service_cert.pem",
        "start": {
            "members": members,
            "constitution_files": constitution(),
            "service_configuration": { "recovery_threshold": 1 }
        }
    })
}

/// Joins the service of the node at `target`, whose certificate is there already.
pub(super) fn join(target: &str) -> Value {
    join_with(target, &json!({}))
}

/// The same with more in its section `join`.
pub(crate) fn join_with(target: &str, more: &Value) -> Value {
    let mut join = json!({ "target_rpc_address": target, "retry_timeout": "50ms" });
    for (name, value) in more.as_object().into_iter().flatten() {
        join[name] = value.clone();
    }
    json!({ "type": "Join", "service_certificate_file": "service_cert.pem", "join": join })
}
