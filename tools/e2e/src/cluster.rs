//! Several nodes of one service, each a process of its own.

use std::{
    collections::BTreeMap,
    fmt::Write,
    fs,
    ops::{Index, IndexMut},
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use coco_client::{
    Client, ClientError, governance,
    network::{self, Leadership, NodeStatus},
};
use coco_wire::TxId;
use serde_json::{Value, json};

use crate::{Consortium, Network, Node, consortium::now, executable, process::command};

/// How long nodes may take to agree. Much, as the machine may be busy with other tests.
const LIMIT: Duration = Duration::from_secs(120);
/// Time between two looks.
const POLL: Duration = Duration::from_millis(5);
/// Longest wait for one answer of a node that may be stopped.
const ANSWER: Duration = Duration::from_secs(2);

/// The nodes of an open service. Those that were killed stay in the list.
pub struct Cluster {
    nodes: Vec<Node>,
    directory: PathBuf,
    plan: Plan,
}

/// How nodes are started.
#[derive(Clone)]
pub struct Plan {
    /// What takes the place of sections of their configurations.
    pub sections: Value,
    /// What they run.
    pub executable: PathBuf,
    /// What is between them; without, they reach each other.
    pub network: Option<Network>,
}

/// Election timeout of the nodes.
pub const ELECTION_TIMEOUT: Duration = Duration::from_secs(1);

impl Plan {
    /// Our executable, with sections of its configuration.
    #[must_use]
    pub fn new(sections: &Value) -> Self {
        Self { sections: sections.clone(), executable: executable::coco().to_path_buf(), network: None }
    }

    /// All sections of a node.
    fn sections(&self, number: usize) -> Value {
        let mut all = json!({
            "consensus": {
                "message_timeout": "100ms",
                "election_timeout": format!("{}ms", ELECTION_TIMEOUT.as_millis()),
            }
        });
        if let Some(network) = &self.network {
            all["network"] = network.section(number);
        }
        replace(&mut all, &self.sections);
        all
    }
}

/// Puts sections in the place of those that are there.
fn replace(all: &mut Value, sections: &Value) {
    for (name, section) in sections.as_object().into_iter().flatten() {
        all[name] = section.clone();
    }
}

impl Cluster {
    /// Starts nodes in directories below `directory`, lets all but the first join, and opens the service. `sections` take
    /// the place of those of their configurations.
    ///
    /// # Panics
    /// If that fails.
    pub async fn open(consortium: &Consortium, directory: &Path, number: usize, sections: &Value) -> Self {
        Self::open_as(consortium, directory, number, Plan::new(sections)).await
    }

    /// The same as planned.
    ///
    /// # Panics
    /// If that fails.
    pub async fn open_as(consortium: &Consortium, directory: &Path, number: usize, plan: Plan) -> Self {
        let first =
            Node::start_with(&plan.executable, consortium, &directory.join("node0"), &plan.sections(0));
        let mut cluster = Self { nodes: vec![], directory: directory.to_path_buf(), plan };
        cluster.admit(first);
        for _ in 1..number {
            let number = cluster.add(0);
            cluster.wait_until_joined(number, 0).await;
        }
        cluster.nodes[0].open(consortium).await;
        for node in &cluster.nodes {
            let mut client = node.client(None);
            let opened = async || network::is_open(&mut client).await.is_ok_and(|open| open).then_some(());
            cluster.wait_until("a node opens", opened).await;
        }
        cluster
    }

    /// Starts another node, which asks the one of number `target` to be let in; its number.
    ///
    /// # Panics
    /// If it does not start.
    pub fn add(&mut self, target: usize) -> usize {
        self.add_with(&self.plan.executable.clone(), target)
    }

    /// The same with another executable.
    ///
    /// # Panics
    /// If it does not start.
    pub fn add_with(&mut self, executable: &Path, target: usize) -> usize {
        self.launch(executable, target, |_| json!({}))
    }

    /// The same with a section `join` of its configuration beside its target and its patience.
    ///
    /// # Panics
    /// If it does not start.
    pub fn add_joining(&mut self, target: usize, join: &Value) -> usize {
        let executable = self.plan.executable.clone();
        self.launch(&executable, target, |node| json!({ "command": command::join_with(&node.address, join) }))
    }

    fn launch(&mut self, executable: &Path, target: usize, own: impl FnOnce(&Node) -> Value) -> usize {
        let number = self.nodes.len();
        let directory = self.directory.join(format!("node{number}"));
        let mut sections = self.plan.sections(number);
        replace(&mut sections, &own(&self[target]));
        let node = self[target].join_with(executable, &directory, &sections);
        self.admit(node);
        number
    }

    fn admit(&mut self, node: Node) {
        if let Some(network) = &self.plan.network {
            network.started(node.pid());
        }
        self.nodes.push(node);
    }

    /// Waits until a node is trusted, as the one of number `witness` sees it, takes part, and has all that was committed.
    ///
    /// # Panics
    /// If that is not so in time.
    pub async fn wait_until_joined(&self, number: usize, witness: usize) {
        let (mut first, mut other) = (self[witness].client(None), self[number].client(None));
        // A session of a node that still catches up may be closed.
        let joined =
            async || has_joined(&mut first, &mut other).await.is_ok_and(|joined| joined).then_some(());
        self.wait_until("a node joins", joined).await;
    }

    /// Lets the members trust the node that asks to be let in, as the one of number `witness` sees it; the decision.
    ///
    /// # Panics
    /// If no node asks, or the members do not agree.
    pub async fn trust_newcomer(&self, consortium: &Consortium, witness: usize) -> TxId {
        let mut client = self[witness].client(None);
        let pending = self.wait_until("a node asks to be let in", async || {
            let nodes = network::nodes(&mut client).await.ok()?;
            nodes.iter().find(|node| node.status == NodeStatus::Pending).map(|node| node.node_id)
        });
        let args = json!({ "node_id": pending.await, "valid_from": now().to_string() });
        let actions = json!([{ "name": "transition_node_to_trusted", "args": args }]);
        let decided =
            governance::decide(&mut self[witness].client(None), &consortium.signers(), &actions).await;
        let decided = decided.unwrap_or_else(|error| panic!("{error}\n{}", self.logs()));
        decided.transaction_id.expect("the vote is a transaction")
    }

    /// Numbers of its nodes, also of those that were killed.
    #[must_use]
    pub fn numbers(&self) -> std::ops::Range<usize> {
        0..self.nodes.len()
    }

    /// Numbers of the nodes that run.
    #[must_use]
    pub fn running(&mut self) -> Vec<usize> {
        let nodes = self.nodes.iter_mut().enumerate();
        nodes.filter_map(|(number, node)| node.is_running().then_some(number)).collect()
    }

    /// Waits until one of these nodes leads; its number.
    ///
    /// # Panics
    /// If none does in time.
    pub async fn primary_among(&self, numbers: &[usize]) -> usize {
        let mut clients: Vec<(usize, Client)> =
            numbers.iter().map(|number| (*number, self[*number].client(None))).collect();
        self.wait_until("a node leads", async || {
            for (number, client) in &mut clients {
                let consensus = tokio::time::timeout(ANSWER, network::consensus(client)).await;
                let leads = consensus.is_ok_and(|consensus| {
                    consensus.is_ok_and(|it| it.leadership_state == Some(Leadership::Leader))
                });
                if leads {
                    return Some(*number);
                }
            }
            None
        })
        .await
    }

    /// Waits until each of these nodes knows that a transaction is committed.
    ///
    /// # Panics
    /// If one does not in time.
    pub async fn wait_for_commit(&self, id: TxId, numbers: &[usize]) {
        for number in numbers {
            let waited = self[*number].client(None).wait_for_commit(id, LIMIT).await;
            waited.unwrap_or_else(|error| panic!("node {number}: {error}\n{}", self.logs()));
        }
    }

    /// How each node sees the agreement.
    pub async fn standing(&self) -> String {
        let mut text = String::new();
        for (number, node) in self.nodes.iter().enumerate() {
            let mut client = node.client(None);
            let report = tokio::time::timeout(ANSWER, network::report(&mut client)).await;
            writeln!(text, "node {number}: {report:?}").expect("text can be written to");
        }
        text
    }

    /// What each node logged last.
    #[must_use]
    pub fn logs(&self) -> String {
        let mut logs = String::new();
        for (number, node) in self.nodes.iter().enumerate() {
            writeln!(logs, "--- node {number}\n{}", node.log()).expect("text can be written to");
        }
        logs
    }

    /// Looks again and again until something is there.
    ///
    /// # Panics
    /// If that takes too long.
    pub async fn wait_until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(Instant::now() < deadline, "{what}: not within {LIMIT:?}\n{}", self.logs());
            tokio::time::sleep(POLL).await;
        }
    }

    /// Checks that what the nodes keep for ever is the same: every `.committed` file that two of them have from the same
    /// transaction on. Returns how many such files several nodes have.
    ///
    /// # Panics
    /// If two files differ in name or content.
    #[must_use]
    pub fn check_committed_files(&self) -> usize {
        // By first transaction.
        let mut known: BTreeMap<u64, (String, Vec<u8>, usize)> = BTreeMap::new();
        for (number, node) in self.nodes.iter().enumerate() {
            for (name, bytes) in committed_files(&node.ledger_directory()) {
                let (first_name, first_bytes, copies) =
                    known.entry(first_seqno(&name)).or_insert_with(|| (name.clone(), bytes.clone(), 0));
                assert_eq!(*first_name, name, "node {number}");
                assert!(*first_bytes == bytes, "node {number}: {name} differs");
                *copies += 1;
            }
        }
        known.values().filter(|(_, _, copies)| *copies > 1).count()
    }

    /// Runs `coco ledger verify` on the ledger of a node, which must reach at least `id`, and `coco attest audit`.
    ///
    /// # Panics
    /// If it finds damage or too little, or a node that was let in wrongly.
    pub fn verify_ledger(&self, number: usize, id: TxId) {
        let output = Command::new(executable::coco())
            .args(["ledger", "verify", "--at-least", &id.to_string()])
            .arg(self[number].ledger_directory())
            .output()
            .expect("the executable runs");
        // 3: what follows the last signature is a tail, as is to be expected of a killed process.
        let is_whole = matches!(output.status.code(), Some(0 | 3));
        assert!(is_whole, "node {number}: {:?}\n{}", output, String::from_utf8_lossy(&output.stdout));
        let audit = Command::new(executable::coco())
            .args(["attest", "audit"])
            .arg(self[number].ledger_directory())
            .output()
            .expect("the executable runs");
        let holds = audit.status.success();
        assert!(holds, "node {number}: {:?}\n{}", audit, String::from_utf8_lossy(&audit.stdout));
    }
}

impl Index<usize> for Cluster {
    type Output = Node;

    fn index(&self, number: usize) -> &Node {
        &self.nodes[number]
    }
}

impl IndexMut<usize> for Cluster {
    fn index_mut(&mut self, number: usize) -> &mut Node {
        &mut self.nodes[number]
    }
}

async fn has_joined(first: &mut Client, other: &mut Client) -> Result<bool, ClientError> {
    let startup = network::startup(other).await?;
    let nodes = network::nodes(first).await?;
    let itself = nodes.iter().find(|node| node.node_id == startup.node_id);
    if !startup.is_part_of_network() || itself.is_none_or(|node| node.status != NodeStatus::Trusted) {
        return Ok(false);
    }
    let goal = network::committed(first).await?;
    Ok(network::committed(other).await?.seqno >= goal.seqno)
}

fn committed_files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(directory).expect("the ledger directory can be read");
    let paths = files.map(|file| file.expect("the ledger directory can be read").path());
    let committed = paths.filter(|path| path.extension().is_some_and(|it| it == "committed"));
    committed
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, fs::read(&path).expect("a ledger file can be read"))
        })
        .collect()
}

/// Of `ledger_FIRST-LAST.committed`.
fn first_seqno(name: &str) -> u64 {
    let range = name.strip_prefix("ledger_").and_then(|rest| rest.split_once('-'));
    let first = range.and_then(|(first, _)| first.parse().ok());
    first.unwrap_or_else(|| panic!("{name} is no name of a committed file"))
}
