//! Where an interface sends clients whose request is for another node (CCF `src/node/rpc/frontend.h`).

use coco_app::{ErrorCode, InterfaceName, Peer, Redirection, Reject, Request, Response, Status};
use coco_raft::NodeId;
use coco_tables::nodes::{NodeInfo, NodeStatus};

use crate::view::{Shared, Stage, State, View};

/// Where an interface redirects to. One that redirects forwards nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirections {
    /// For what only the primary does.
    pub to_primary: RedirectionTarget,
    /// For what only a backup does.
    pub to_backup: RedirectionTarget,
}

/// How the node that a client is redirected to is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectionTarget {
    /// Any node of this role, at its interface of this name; without, of the name of the one that redirects.
    NodeByRole {
        /// What the node is to be.
        role: Role,
        /// Name of its interface.
        interface: Option<InterfaceName>,
    },
    /// Whatever answers at this address, `host` or `host:port`.
    StaticAddress(String),
}

/// Role of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The one that orders transactions.
    Primary,
    /// Any other.
    Backup,
}

impl Redirections {
    /// The answer to a request of `peer` that another node is to answer; none if this one does.
    pub(crate) fn answer(
        &self,
        shared: &Shared,
        state: &State,
        peer: &Peer,
        (wanted, request): (Redirection, &Request),
    ) -> Option<Response> {
        let (target, unknown) = match wanted {
            Redirection::ToPrimary if !state.primary => (&self.to_primary, no_primary as fn() -> Reject),
            Redirection::ToBackup if state.primary || state.stage != Stage::PartOfNetwork => {
                (&self.to_backup, no_backup as fn() -> Reject)
            }
            Redirection::None | Redirection::ToPrimary | Redirection::ToBackup => return None,
        };
        let Some(address) = target.address(shared, state, &peer.interface) else {
            return Some(unknown().into());
        };
        let location = format!("https://{address}{}", request.target());
        Some(Response::empty(Status::TEMPORARY_REDIRECT).header("location", location))
    }
}

impl RedirectionTarget {
    /// Where it is now, if that is known.
    fn address(&self, shared: &Shared, state: &State, asked: &InterfaceName) -> Option<String> {
        let (role, interface) = match self {
            Self::StaticAddress(address) => return Some(address.clone()),
            Self::NodeByRole { role, interface } => (*role, interface.as_ref().unwrap_or(asked)),
        };
        let primary = state.consensus.leader;
        let has_role = |node: &NodeId| match role {
            Role::Primary => primary == Some(*node),
            Role::Backup => primary != Some(*node),
        };
        let rows = coco_tables::Tables::default().nodes.info;
        let fits: Vec<NodeInfo> = rows
            .iter(&state.latest)
            .filter_map(|row| row.ok().filter(|(node, _)| has_role(node)).map(|(_, info)| info))
            .filter(|info| info.status == NodeStatus::Trusted)
            .collect();
        let mut random = [0; 8];
        shared.entropy.fill(&mut random);
        let chosen = usize::from_le_bytes(random).checked_rem(fits.len())?;
        let interface = fits[chosen].network.rpc_interfaces.get(interface.as_str())?;
        Some(interface.published_address.clone())
    }
}

impl View {
    /// Where clients reach the primary's interface of this name, `host:port`; none if this node is the primary, or none is
    /// known.
    #[must_use]
    pub fn address_of_primary(&self, interface: &InterfaceName) -> Option<String> {
        let state = self.state();
        let primary = RedirectionTarget::NodeByRole { role: Role::Primary, interface: None };
        if state.primary { None } else { primary.address(&self.shared, &state, interface) }
    }
}

fn no_primary() -> Reject {
    let text =
        "Request should be redirected to primary, but receiving node does not know current primary address";
    Reject::new(Status::SERVICE_UNAVAILABLE, ErrorCode::PrimaryNotFound, text)
}

fn no_backup() -> Reject {
    let text =
        "Request should be redirected to backup, but receiving node does not know any current backup address";
    Reject::new(Status::SERVICE_UNAVAILABLE, ErrorCode::BackupNotFound, text)
}
