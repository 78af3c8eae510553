//! The files of a sandbox: keys, constitution, configuration, and what the node writes.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use coco_client::Identity;
use coco_crypto::Curve;
use coco_host::process::write_output;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{SandboxError, file_error, node::NodeFiles};
use crate::keygen::{Encryption, Existing, Participant, ParticipantFiles};

/// Validity of all certificates, in days.
const VALIDITY_DAYS: u32 = 90;
/// Our constitution, in the order in which its parts are joined.
const CONSTITUTION: [(&str, &str); 4] = [
    ("actions.js", include_str!("../../../../samples/constitutions/default/actions.js")),
    ("validate.js", include_str!("../../../../samples/constitutions/default/validate.js")),
    ("resolve.js", include_str!("../../../../samples/constitutions/default/resolve.js")),
    ("apply.js", include_str!("../../../../samples/constitutions/default/apply.js")),
];

/// Where a sandbox keeps its files.
pub(super) struct Directory {
    path: PathBuf,
    /// Removes the files, unless they are to be kept.
    temporary: Option<TempDir>,
}

/// The members and the user.
pub(super) struct Consortium {
    pub(super) members: Vec<Party>,
    pub(super) user: Party,
}

/// A member or user.
pub(super) struct Party {
    pub(super) name: String,
    pub(super) identity: Identity,
    pub(super) files: ParticipantFiles,
}

impl Directory {
    /// A new or empty directory that is kept, or a temporary one.
    pub(super) fn create(path: Option<&Path>) -> Result<Self, SandboxError> {
        let Some(path) = path else {
            let temporary = tempfile::Builder::new().prefix("coco-sandbox-").tempdir()?;
            return Ok(Self { path: temporary.path().canonicalize()?, temporary: Some(temporary) });
        };
        fs::create_dir_all(path).map_err(file_error(path))?;
        if fs::read_dir(path).map_err(file_error(path))?.next().is_some() {
            return Err(SandboxError::NotEmpty(path.to_path_buf()));
        }
        Ok(Self { path: path.canonicalize().map_err(file_error(path))?, temporary: None })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the files of a temporary directory.
    pub(super) fn close(self) -> io::Result<()> {
        self.temporary.map_or(Ok(()), TempDir::close)
    }

    pub(super) fn make_participants(&self, members: u32) -> Result<Consortium, SandboxError> {
        let members = (0..members).map(|n| self.make(format!("member{n}"), Encryption::Rsa));
        Ok(Consortium {
            members: members.collect::<Result<_, _>>()?,
            user: self.make("user0".to_owned(), Encryption::None)?,
        })
    }

    fn make(&self, name: String, encryption: Encryption) -> Result<Party, SandboxError> {
        let files = ParticipantFiles::in_directory(&self.path, &name, encryption)?;
        let participant = Participant::generate(&name, Curve::P384, encryption, VALIDITY_DAYS)?;
        participant.write(&files, Existing::Keep)?;
        let (certificate, key) = participant.into_identity();
        let identity = Identity::new(certificate, key).expect("a certificate is issued for its key");
        Ok(Party { name, identity, files })
    }

    /// The scripts of the constitution: those in `other`, or ours.
    pub(super) fn constitution(&self, other: Option<&Path>) -> Result<Vec<PathBuf>, SandboxError> {
        let names = CONSTITUTION.iter().map(|(name, _)| name);
        if let Some(other) = other {
            let other = other.canonicalize().map_err(file_error(other))?;
            return Ok(names.map(|name| other.join(name)).collect());
        }
        let directory = self.path.join("constitution");
        fs::create_dir(&directory).map_err(file_error(&directory))?;
        for (name, script) in CONSTITUTION {
            write(&directory.join(name), script.as_bytes())?;
        }
        Ok(names.map(|name| directory.join(name)).collect())
    }

    /// The certificate that the node writes for its service.
    pub(super) fn service_certificate(&self) -> PathBuf {
        self.path.join("service_cert.pem")
    }

    /// Writes the configuration of a node, in a directory of its own.
    pub(super) fn write_node_config(&self, plan: &NodePlan<'_>) -> Result<NodeFiles, SandboxError> {
        let directory = self.path.join(format!("node{}", plan.number));
        fs::create_dir(&directory).map_err(file_error(&directory))?;
        let files = NodeFiles::new(directory, self.service_certificate());
        let config = self.node_config(plan);
        write(&files.config, format!("{config:#}\n").as_bytes())?;
        Ok(files)
    }

    fn node_config(&self, plan: &NodePlan<'_>) -> Value {
        let mut config = json!({
            "network": {
                "node_to_node_interface": { "bind_address": "127.0.0.1:0" },
                "rpc_interfaces": {
                    "primary_rpc_interface": { "bind_address": format!("127.0.0.1:{}", plan.port) }
                }
            },
            "node_certificate": { "initial_validity_days": VALIDITY_DAYS },
            "command": plan.role.command(&self.service_certificate()),
            "output_files": {
                "node_to_node_address_file": NodeFiles::NODE_ADDRESS,
                "rpc_addresses_file": NodeFiles::RPC_ADDRESSES,
                "pid_file": NodeFiles::PID
            }
        });
        if plan.nodes > 1 {
            // All nodes share this machine: a failure is noticed soon, without a long wait for another primary.
            config["consensus"] = json!({ "message_timeout": "100ms", "election_timeout": "1s" });
        }
        config
    }
}

/// A node to be configured.
pub(super) struct NodePlan<'a> {
    /// Which of the nodes.
    pub(super) number: u32,
    /// Number of all nodes.
    pub(super) nodes: u32,
    /// Port for clients.
    pub(super) port: u16,
    pub(super) role: Role<'a>,
}

/// How a node comes to be part of the service.
pub(super) enum Role<'a> {
    /// Creates it, with these members and scripts.
    Starts { consortium: &'a Consortium, constitution: &'a [PathBuf] },
    /// Asks the node at this address, `host:port`, to be let in.
    Joins { target: &'a str },
}

impl Role<'_> {
    /// Section `command` of the configuration.
    fn command(&self, service_certificate: &Path) -> Value {
        match self {
            Self::Starts { consortium, constitution } => {
                let member = |member: &Party| {
                    let encryption = member.files.encryption.as_ref().map(|keys| &keys.public_key);
                    json!({
                        "certificate_file": member.files.certificate,
                        "encryption_public_key_file": encryption,
                    })
                };
                json!({
                    "type": "Start",
                    "service_certificate_file": service_certificate,
                    "start": {
                        "members": consortium.members.iter().map(member).collect::<Vec<_>>(),
                        "constitution_files": constitution,
                        "service_configuration": { "recovery_threshold": consortium.members.len() / 2 + 1 },
                        "initial_service_certificate_validity_days": VALIDITY_DAYS,
                        "service_subject_name": "CN=Coco Sandbox"
                    }
                })
            }
            Self::Joins { target } => json!({
                "type": "Join",
                "service_certificate_file": service_certificate,
                "join": { "target_rpc_address": target, "retry_timeout": "100ms" }
            }),
        }
    }
}

pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), SandboxError> {
    write_output(path, content).map_err(file_error(path))
}
