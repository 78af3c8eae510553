//! Serialisable transactions over immutable versioned maps.
//!
//! A [`Store`] has one owner, who alone changes it. Everybody else reads [`Snapshot`]s, which never
//! change, and executes optimistic [`Tx`]s over them; [`Store::commit`] accepts what a transaction
//! wrote only if everything it read is still so. A refused transaction is executed again by its owner.
//! Modules in reading order.

mod tree;

mod state;

pub mod codec;
pub mod handle;
pub mod rows;
pub mod snapshot;
pub mod store;
pub mod tx;

mod reads;

pub use codec::{Decode, Encode, JsonValue};
pub use handle::{Malformed, Singleton, Table};
pub use rows::{Order, Rows};
pub use snapshot::{Reader, Snapshot};
pub use state::Stamp;
pub use store::{Conflict, Dump, Restore, RestoreError, Store, Surplus};
pub use tx::{Executed, Tx};
