//! What a sandbox tells its user, and the commands run in it.

use std::{
    env,
    io::{self, Write},
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

use serde::{Deserialize, Serialize};
use tokio::process::Command;

use super::{
    SandboxError,
    directory::{Consortium, Directory, Party, write},
    node::Node,
    opening::Opened,
};
use crate::{
    input::{Unreadable, read_text},
    keygen::ParticipantFiles,
};

/// What a sandbox calls it in its directory.
const FILE: &str = "sandbox.json";

/// Content of `sandbox.json`.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// Base of URLs of the first node.
    pub(crate) url: String,
    directory: PathBuf,
    application: String,
    pub(crate) service_certificate: PathBuf,
    nodes: Vec<NodeEntry>,
    pub(crate) members: Vec<PartyEntry>,
    users: Vec<PartyEntry>,
}

#[derive(Clone, Serialize, Deserialize)]
struct NodeEntry {
    rpc_address: String,
    pid: Option<u32>,
    directory: PathBuf,
    config: PathBuf,
    ledger: PathBuf,
    snapshots: PathBuf,
    log: PathBuf,
}

/// A member or user.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct PartyEntry {
    pub(crate) name: String,
    /// SHA-256 of the certificate, by which the service knows the holder.
    id: String,
    #[serde(flatten)]
    pub(crate) files: ParticipantFiles,
}

impl Manifest {
    pub(super) fn new(
        directory: &Directory,
        consortium: &Consortium,
        nodes: &[Node],
        application: &str,
    ) -> Self {
        let party = |party: &Party| PartyEntry {
            name: party.name.clone(),
            id: party.identity.id().to_string(),
            files: party.files.clone(),
        };
        let node = |node: &Node| NodeEntry {
            rpc_address: node.rpc_address.clone(),
            pid: node.pid(),
            directory: node.files.directory.clone(),
            config: node.files.config.clone(),
            ledger: node.files.directory.join("ledger"),
            snapshots: node.files.directory.join("snapshots"),
            log: node.files.log.clone(),
        };
        let nodes: Vec<_> = nodes.iter().map(node).collect();
        Self {
            url: nodes.first().map(NodeEntry::url).unwrap_or_default(),
            directory: directory.path().to_path_buf(),
            application: application.to_owned(),
            service_certificate: directory.service_certificate(),
            nodes,
            members: consortium.members.iter().map(party).collect(),
            users: vec![party(&consortium.user)],
        }
    }

    /// Reads that of the sandbox in a directory.
    pub(crate) fn read(directory: &Path) -> Result<Self, Unreadable> {
        let path = directory.join(FILE);
        let text = read_text(&path)?;
        serde_json::from_str(&text).map_err(|error| Unreadable::content(&path, error))
    }

    /// Writes `sandbox.json`.
    pub(super) fn write(&self) -> Result<(), SandboxError> {
        let text = serde_json::to_vec_pretty(self).expect("paths of a sandbox are UTF-8");
        write(&self.directory.join(FILE), &text)
    }

    /// Bases of URLs of all nodes.
    fn urls(&self, separator: &str) -> String {
        let urls: Vec<_> = self.nodes.iter().map(NodeEntry::url).collect();
        urls.join(separator)
    }

    /// Tells how to use the service.
    pub(super) fn welcome(&self, opened: &Opened, kept: bool, out: &mut dyn Write) -> io::Result<()> {
        let user = &self.users[0].files;
        let (url, service) = (&self.url, quoted(&self.service_certificate));
        let (certificate, key) = (quoted(&user.certificate), quoted(&user.private_key));
        let identity = format!("--cacert {service} --cert {certificate} --key {key}");
        writeln!(out, "\nThe service is open at {}\n", self.urls(" "))?;
        if self.application == "logging" {
            writeln!(out, "Write (the header x-ms-ccf-transaction-id of the answer names the transaction):")?;
            let body = r#"-H 'content-type: application/json' -d '{"id": 1, "msg": "hello"}'"#;
            writeln!(out, "  curl -i {url}/app/log/private {identity} {body}\n")?;
            writeln!(out, "Read:\n  curl '{url}/app/log/private?id=1' {identity}\n")?;
        } else {
            writeln!(out, "What the application offers:\n  curl {url}/app/api {identity}\n")?;
        }
        writeln!(out, "Receipt of a transaction (202 means: ask again), and its verification offline:")?;
        writeln!(
            out,
            "  curl '{url}/app/receipt?transaction_id={}' {identity} -o receipt.json",
            opened.transaction
        )?;
        let coco = quoted(Path::new(&env::args_os().next().unwrap_or_else(|| "coco".into())));
        writeln!(out, "  {coco} receipt verify receipt.json --service-cert {service}\n")?;
        writeln!(out, "How the nodes stand:\n  {coco} network status --url {url} --ca {service}\n")?;
        let directory = quoted(&self.directory);
        writeln!(out, "Decide as a member:\n  {coco} gov --help\n  {coco} gov list --dir {directory}\n")?;
        writeln!(out, "Keys, configuration, ledger and log are in {}", self.directory.display())?;
        writeln!(out, "Ctrl-C stops the service{}.", if kept { "" } else { " and removes all of it" })
    }

    /// Runs a shell command that is told about the service, and yields its status.
    pub(super) async fn shell(&self, command: &str) -> Result<ExitCode, SandboxError> {
        let user = &self.users[0].files;
        let shell = Command::new("sh")
            .args(["-c", command])
            .env("COCO_URL", &self.url)
            .env("COCO_NODES", self.urls(","))
            .env("COCO_DIR", &self.directory)
            .env("COCO_SERVICE_CERT", &self.service_certificate)
            .env("COCO_USER_CERT", &user.certificate)
            .env("COCO_USER_KEY", &user.private_key)
            .kill_on_drop(true)
            .status();
        let status = shell.await.map_err(|error| SandboxError::Spawn { path: PathBuf::from("sh"), error })?;
        // As a shell tells the death by a signal.
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
        Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
    }
}

impl NodeEntry {
    fn url(&self) -> String {
        format!("https://{}", self.rpc_address)
    }
}

/// A path for a shell.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    if text.bytes().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
