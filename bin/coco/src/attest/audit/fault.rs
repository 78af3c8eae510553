//! What can be wrong with a decision.

use coco_attest::Refusal;
use coco_node::evidence::Unwelcome;
use coco_tables::nodes::{NodeStatus, NotDiverse};

/// Why a decision, or a change of what decisions rest on, does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// Evidence that is not what it should be.
    #[error("{0} [{0:?}]")]
    Evidence(Refusal),
    #[error("its measurement was not admitted then")]
    Measurement,
    #[error("its host data was not admitted then")]
    HostData,
    #[error("its chip was not admitted then")]
    Chip,
    #[error("its kind of machine was not admitted then")]
    Machine,
    #[error("its attributes were not admitted then")]
    Attributes,
    #[error("its registers were not admitted then")]
    Registers,
    #[error("no least versions of Windows were decided then")]
    NoMinimums,
    #[error("nobody can tell what the members demanded then")]
    Rules,
    #[error("there is no evidence")]
    NoEvidence,
    #[error("evidence of this platform is none that this program judges")]
    Platform,
    /// On a platform whose certificates have dates.
    #[error("no time is recorded, without which evidence of this platform cannot be judged (--at names one)")]
    NoTime,
    #[error("no time is recorded, as it was with earlier decisions")]
    TimeMissing,
    #[error("the recorded time is {0} seconds before that of an earlier decision")]
    TimeBack(i64),
    #[error("an appraisal of a node that is not in nodes.info")]
    UnknownNode,
    #[error("an appraisal of a node that is {0:?}")]
    NotTrusted(NodeStatus),
    #[error("an appraisal without evidence of a node that had joined before")]
    NothingShown,
    #[error("the challenge is that of its evidence before")]
    OldChallenge,
    #[error("it is said that it had to leave, and it did not")]
    NotRetired,
    #[error("nothing in the tables is a reason for that")]
    NoReason,
    /// More depends on one vendor or cloud than members want.
    #[error(transparent)]
    NotDiverse(NotDiverse),
    #[error("its appraisal is removed though it takes part")]
    AppraisalRemoved,
    #[error("its evidence in nodes.info is another than it joined with")]
    Replaced,
    #[error("nodes.info names other code than its evidence: {0}")]
    Code(String),
    #[error("it is trusted at once though the service is open: members decide then")]
    NotAsked,
    #[error("a service begins with one node, and this one has others")]
    SeveralFounders,
    #[error("no proposal was accepted in this transaction")]
    NoProposal,
    #[error("the service has no certificate that can be read")]
    NoService,
    #[error("the row cannot be read")]
    Malformed,
}

impl Fault {
    /// The name for programs.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Evidence(_) => "evidence",
            Self::Measurement => "measurement",
            Self::HostData => "host_data",
            Self::Chip => "chip",
            Self::Machine => "machine",
            Self::Attributes => "attributes",
            Self::Registers => "registers",
            Self::NoMinimums => "no_minimums",
            Self::Rules => "rules",
            Self::NoEvidence => "no_evidence",
            Self::Platform => "platform",
            Self::NoTime => "no_time",
            Self::TimeMissing => "time_missing",
            Self::TimeBack(_) => "time_back",
            Self::UnknownNode => "unknown_node",
            Self::NotTrusted(_) => "not_trusted",
            Self::NothingShown => "nothing_shown",
            Self::OldChallenge => "old_challenge",
            Self::NotRetired => "not_retired",
            Self::NoReason => "no_reason",
            Self::NotDiverse(_) => "not_diverse",
            Self::AppraisalRemoved => "appraisal_removed",
            Self::Replaced => "replaced",
            Self::Code(_) => "code",
            Self::NotAsked => "not_asked",
            Self::SeveralFounders => "several_founders",
            Self::NoProposal => "no_proposal",
            Self::NoService => "no_service",
            Self::Malformed => "malformed",
        }
    }
}

impl From<Unwelcome> for Fault {
    fn from(unwelcome: Unwelcome) -> Self {
        match unwelcome {
            Unwelcome::Refused(refusal) => Self::Evidence(refusal),
            Unwelcome::Measurement => Self::Measurement,
            Unwelcome::HostData => Self::HostData,
            Unwelcome::Chip => Self::Chip,
            Unwelcome::Machine => Self::Machine,
            Unwelcome::Attributes => Self::Attributes,
            Unwelcome::Registers => Self::Registers,
            Unwelcome::NoMinimums => Self::NoMinimums,
            Unwelcome::Rules(_) => Self::Rules,
        }
    }
}
