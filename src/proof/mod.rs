//! Proofs over the ledger: signed checkpoints, published outside of the data directory; `verify`, which reads everything again;
//! and `backup`, which copies everything while the daemon runs.

mod backup;
mod checkpoint;
mod verify;

pub use backup::{Backup, backup};
pub use checkpoint::{Published, Signer, accept_restore, newest_published, publish};
pub use verify::{Fault, Verified, verify};
