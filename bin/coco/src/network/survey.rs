//! What every node of a service says, and what follows from it.

use std::{collections::BTreeSet, future::Future, time::Duration};

use coco_client::{
    Client, ClientError,
    network::{self, Leadership, ListedNode, NodeStatus, Report},
};
use coco_crypto::Certificate;
use coco_wire::{Digest, TxId};
use tokio::{task::JoinSet, time::timeout};

/// Nodes that are asked at a time.
const MAX_ASKED: usize = 32;

/// The answers of the nodes of a service.
pub(super) struct Survey {
    /// As the first node sees it.
    pub(super) service_status: String,
    /// In the order in which the first node lists them.
    pub(super) nodes: Vec<Surveyed>,
}

/// A node and what it says.
pub(super) struct Surveyed {
    pub(super) id: Digest,
    /// As the first node sees it.
    pub(super) status: NodeStatus,
    /// For clients; none if clients that trust the service cannot connect.
    pub(super) address: Option<String>,
    pub(super) answer: Result<Report, Silence>,
}

/// Why a node says nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Silence {
    #[error("it has no interface with a certificate of the service")]
    NoInterface,
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Why a service cannot be relied on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    #[error("only {taking_part} of the {of} nodes that must agree answer and take part")]
    NoMajority { taking_part: usize, of: usize },
    #[error("no node leads")]
    NoPrimary,
}

impl Survey {
    /// Asks the node at `address` for the list of nodes, and then all of them at the same time.
    pub(super) async fn take(
        address: &str,
        service: &Certificate,
        patience: Duration,
    ) -> Result<Self, ClientError> {
        let mut client = Client::new(address, service, None)?;
        let (service_status, listed) = within(patience, address, async {
            let service_status = network::service(&mut client).await?.service_status;
            Ok((service_status, network::nodes(&mut client).await?))
        })
        .await?;
        let mut nodes = Vec::new();
        let mut listed = listed.into_iter().enumerate();
        let mut asked = JoinSet::new();
        loop {
            while asked.len() < MAX_ASKED
                && let Some((number, node)) = listed.next()
            {
                let service = service.clone();
                asked.spawn(async move { (number, Surveyed::ask(&node, &service, patience).await) });
            }
            let Some(surveyed) = asked.join_next().await else { break };
            nodes.push(surveyed.expect("a task that asks a node neither panics nor is cancelled"));
        }
        nodes.sort_unstable_by_key(|(number, _)| *number);
        Ok(Self { service_status, nodes: nodes.into_iter().map(|(_, node)| node).collect() })
    }

    /// The node that says it leads; if several do, the one in the newest view.
    pub(super) fn primary(&self) -> Option<(&Surveyed, &Report)> {
        let leads = |report: &Report| report.consensus.leadership_state == Some(Leadership::Leader);
        let leaders = self.reports().filter(|(_, report)| leads(report));
        leaders.max_by_key(|(_, report)| report.consensus.current_view)
    }

    /// The newest transaction that a node knows to be committed.
    pub(super) fn committed(&self) -> Option<TxId> {
        self.reports().map(|(_, report)| report.committed).max_by_key(|id| id.seqno)
    }

    /// Whether a primary leads and a majority of each configuration in force takes part.
    pub(super) fn health(&self) -> Result<(), Trouble> {
        for configuration in self.configurations() {
            let of = configuration.len();
            let taking_part = self
                .reports()
                .filter(|(node, report)| {
                    configuration.contains(&node.id) && report.startup.is_part_of_network()
                })
                .count();
            if taking_part * 2 <= of {
                return Err(Trouble::NoMajority { taking_part, of });
            }
        }
        self.primary().map(drop).ok_or(Trouble::NoPrimary)
    }

    /// Those that the primary names; without one, the nodes that are trusted.
    fn configurations(&self) -> Vec<BTreeSet<Digest>> {
        if let Some((_, report)) = self.primary() {
            let configurations = report.consensus.configs.iter();
            return configurations.map(|it| it.nodes.keys().copied().collect()).collect();
        }
        let trusted = self.nodes.iter().filter(|node| node.status == NodeStatus::Trusted);
        vec![trusted.map(|node| node.id).collect()]
    }

    /// The nodes that answer.
    fn reports(&self) -> impl Iterator<Item = (&Surveyed, &Report)> {
        self.nodes.iter().filter_map(|node| Some((node, node.answer.as_ref().ok()?)))
    }
}

impl Surveyed {
    async fn ask(node: &ListedNode, service: &Certificate, patience: Duration) -> Self {
        let answer = match node.address() {
            None => Err(Silence::NoInterface),
            Some(address) => within(patience, address, async {
                network::report(&mut Client::new(address, service, None)?).await
            })
            .await
            .map_err(Silence::from),
        };
        Self { id: node.node_id, status: node.status, address: node.address().map(str::to_owned), answer }
    }
}

async fn within<T>(
    patience: Duration,
    address: &str,
    work: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    timeout(patience, work).await.unwrap_or_else(|_| Err(ClientError::Timeout(address.to_owned())))
}
