//! A node as a process of its own.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use coco_client::{Client, Identity, StatusCode, governance};
use coco_crypto::Certificate;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::{Consortium, LedgerFiles, executable};

pub(crate) mod command;
mod usage;

pub use command::constitution;

/// How long a node may take to start, to open or to stop. Much, as the machine may be busy with other tests.
const LIMIT: Duration = Duration::from_secs(120);
/// Time between two looks.
const POLL: Duration = Duration::from_millis(5);

/// A node that runs, and is killed when this is dropped.
pub struct Node {
    /// Where all its files are.
    pub directory: PathBuf,
    /// Where clients reach it, `host:port`.
    pub address: String,
    /// Who it is to trust.
    pub service: Certificate,
    child: Child,
}

impl Node {
    /// Starts a node in the new directory `directory`. `sections` take the place of those of its configuration.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(consortium: &Consortium, directory: &Path, sections: &Value) -> Self {
        Self::start_with(executable::coco(), consortium, directory, sections)
    }

    /// The same with another executable.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_with(
        executable: &Path,
        consortium: &Consortium,
        directory: &Path,
        sections: &Value,
    ) -> Self {
        let command = |directory: &Path| command::start(consortium, directory);
        Self::launch(executable, "logging", directory, sections, command)
    }

    /// Starts a node with another application than the logging one.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_app(app: &str, consortium: &Consortium, directory: &Path, sections: &Value) -> Self {
        let command = |directory: &Path| command::start(consortium, directory);
        Self::launch(executable::coco(), app, directory, sections, command)
    }

    /// Starts a node in the new directory `directory` that asks this one to be let in.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn join(&self, directory: &Path, sections: &Value) -> Self {
        self.join_with(executable::coco(), directory, sections)
    }

    /// The same with another executable.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn join_with(&self, executable: &Path, directory: &Path, sections: &Value) -> Self {
        Self::launch(executable, "logging", directory, sections, |directory| {
            fs::write(directory.join("service_cert.pem"), self.service.to_pem())
                .expect("the directory can be written");
            command::join(&self.address)
        })
    }

    fn launch(
        executable: &Path,
        app: &str,
        directory: &Path,
        sections: &Value,
        command: impl FnOnce(&Path) -> Value,
    ) -> Self {
        fs::create_dir_all(directory).expect("a directory for the node");
        let directory = directory.canonicalize().expect("the directory is there");
        let mut config = command::configuration(&command(&directory));
        for (name, section) in sections.as_object().into_iter().flatten() {
            config[name] = section.clone();
        }
        fs::write(directory.join("config.json"), config.to_string()).expect("the directory can be written");
        let output = |name: &str| File::create(directory.join(name)).expect("the directory can be written");
        let child = Command::new(executable)
            .args(["node", "--app", app, "--config", "config.json"])
            .current_dir(&directory)
            .stdin(Stdio::null())
            .stdout(output("out"))
            .stderr(output("err"))
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", executable.display()));
        Self::wait_for_start(child, directory)
    }

    fn wait_for_start(mut child: Child, directory: PathBuf) -> Self {
        let deadline = Instant::now() + LIMIT;
        let files = [directory.join("rpc_addresses.json"), directory.join("service_cert.pem")];
        while !files.iter().all(|file| file.exists()) {
            let ended = child.try_wait().expect("a child can be waited for");
            assert!(ended.is_none(), "the node ended: {ended:?}\n{}", log(&directory));
            assert!(Instant::now() < deadline, "the node does not start\n{}", log(&directory));
            sleep(POLL);
        }
        let [addresses, service] = files.map(|file| fs::read_to_string(file).expect("the file is there"));
        let addresses: Value = serde_json::from_str(&addresses).expect("addresses are JSON");
        let address = addresses["main"].as_str().expect("the interface has an address").to_owned();
        let service = Certificate::from_pem(&service).expect("the service's certificate");
        Self { directory, address, service, child }
    }

    /// Activates the members, registers the first user and opens the service.
    ///
    /// # Panics
    /// If that fails.
    pub async fn open(&self, consortium: &Consortium) {
        let mut client = self.client(None);
        let deadline = Instant::now() + LIMIT;
        while !client.get("/node/ready/gov").await.is_ok_and(|answer| answer.status == StatusCode::NO_CONTENT)
        {
            assert!(Instant::now() < deadline, "the node does not answer\n{}", log(&self.directory));
            tokio::time::sleep(POLL).await;
        }
        let members = consortium.signers();
        for member in &members {
            governance::activate(&mut client, member).await.expect("a member becomes active");
        }
        let actions = opening(consortium, &self.service);
        let decided = governance::decide(&mut client, &members, &actions).await.expect("the members agree");
        let transaction = decided.transaction_id.expect("the vote is a transaction");
        client.wait_for_commit(transaction, LIMIT).await.expect("the vote is committed");
    }

    /// A client of the node.
    ///
    /// # Panics
    /// If the identity is of no use.
    #[must_use]
    pub fn client(&self, identity: Option<&Identity>) -> Client {
        Client::new(&self.address, &self.service, identity).expect("address and certificates are sound")
    }

    /// Where clients reach another of its interfaces, `host:port`.
    ///
    /// # Panics
    /// If it has no interface of this name.
    #[must_use]
    pub fn interface(&self, name: &str) -> String {
        let text = fs::read(self.directory.join("rpc_addresses.json")).expect("the node wrote its addresses");
        let addresses: Value = serde_json::from_slice(&text).expect("addresses are JSON");
        addresses[name].as_str().unwrap_or_else(|| panic!("no interface is called {name}")).to_owned()
    }

    /// Number of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Directory of the ledger.
    #[must_use]
    pub fn ledger_directory(&self) -> PathBuf {
        self.directory.join("ledger")
    }

    /// The ledger as it is now.
    #[must_use]
    pub fn ledger(&self) -> LedgerFiles {
        LedgerFiles::read(&self.ledger_directory())
    }

    /// What it logged last.
    #[must_use]
    pub fn log(&self) -> String {
        log(&self.directory)
    }

    /// Whether it runs.
    ///
    /// # Panics
    /// If the system does not say.
    pub fn is_running(&mut self) -> bool {
        self.ended().is_none()
    }

    /// How it ended, if it did.
    ///
    /// # Panics
    /// If the system does not say.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Kills it at once.
    ///
    /// # Panics
    /// If that is not possible.
    pub fn kill(&mut self) {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a child can be waited for");
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// If that is not possible.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process number");
        kill_process(pid, signal).expect("a child can be signalled");
    }

    /// Asks it to stop, and waits until it has.
    ///
    /// # Panics
    /// If it does not.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "the node does not stop\n{}", self.log());
            sleep(POLL);
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The actions that open a service with its first user.
pub(crate) fn opening(consortium: &Consortium, service: &Certificate) -> Value {
    json!([
        { "name": "set_user", "args": { "cert": consortium.user().certificate().to_pem() } },
        { "name": "transition_service_to_open", "args": { "next_service_identity": service.to_pem() } },
    ])
}

fn log(directory: &Path) -> String {
    let text = |name: &str| fs::read_to_string(directory.join(name)).unwrap_or_default();
    let log = text("out") + &text("err");
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
