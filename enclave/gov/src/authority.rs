//! What the enclave lends to governance.

use std::sync::Arc;

use coco_app::console::{Page, Query};
use coco_crypto::{Entropy, LedgerSecret, Signer};
use coco_js::ConsoleLine;
use coco_kv::Snapshot;
use coco_wire::Seqno;

/// Keys, secrets and senses that governance needs beside the store.
pub struct Authority {
    /// Key of the service.
    pub service_key: Arc<dyn Signer>,
    /// The ledger secrets as of now.
    pub ledger_secrets: Box<dyn Fn() -> NewestSecrets + Send + Sync>,
    /// Randomness of shares, certificates and scripts.
    pub entropy: Arc<dyn Entropy>,
    /// Milliseconds since some fixed moment; never goes back. Bounds the time of scripts.
    pub elapsed_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Most bytes of stack that a script may use on the threads that run heavy calls. Governance cannot raise it.
    pub script_stack_bytes: usize,
    /// Takes what ballots and the constitution print. It is as public as what they can read.
    pub console: Box<dyn Fn(&ConsoleLine) + Send + Sync>,
    /// What scripts of the application printed on this node, of the application that a state has.
    pub application_console: ApplicationConsole,
    /// Takes what a member was refused, and why: at most 4 KiB, as public as governance itself.
    pub refused: Box<dyn Fn(&str) + Send + Sync>,
}

/// Finds lines that the application of a state printed.
pub type ApplicationConsole = Box<dyn Fn(&Snapshot, &Query) -> Page + Send + Sync>;

/// The ledger secret in force and the one that it replaced.
#[derive(Clone, Debug)]
pub struct NewestSecrets {
    /// The first entry that the newest secret is for, and the secret.
    pub latest: (Seqno, LedgerSecret),
    /// The same of the one before, if there is one.
    pub previous: Option<(Seqno, LedgerSecret)>,
}
