//! End-to-end tests: real processes, real faults.
//!
//! This library is what the tests in `tests/` share. It is for tests only: whatever goes wrong is a panic that says what.
//! [`Node`] is a process, [`Cluster`] several of one service, [`Embedded`] the same node inside of the test, where its
//! disk can be replaced; all are opened by governance. Tests run at a small size; the environment asks for more, see [`scale`].

pub mod consortium;
pub mod executable;
pub mod figures;
pub mod ledger;
pub mod random;
pub mod scale;

pub mod cluster;
pub mod embedded;
pub mod generator;
pub mod history;
pub mod load;
pub mod network;
pub mod power;
pub mod process;
pub mod python;
pub mod recovery;
pub mod tls;

pub use cluster::Cluster;
pub use consortium::{Consortium, Party};
pub use embedded::Embedded;
pub use figures::{Figures, Goal};
pub use generator::Generator;
pub use history::History;
pub use ledger::LedgerFiles;
pub use load::Load;
pub use network::Network;
pub use process::Node;
pub use random::Random;
