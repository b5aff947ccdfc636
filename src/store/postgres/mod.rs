//! PostgreSQL as the store of several replicas: connections, their settings, the tables and the errors.
//!
//! Supported are servers from version 14. A connection is only used if its server accepts writes, whichever of the
//! hosts that is. CockroachDB is refused, because its advisory locks do nothing, and they decide which replica may
//! write.

mod connect;
mod error;
mod migrate;
mod options;
mod session;

pub use connect::{Connected, connect, reader_pool};
pub use error::{PostgresError, reason_of_sqlstate};
pub use migrate::{KNOWN_SCHEMA, MigrationError, migrate};
pub use options::PostgresOptions;
pub use session::Role;
