//! PostgreSQL as the store of several replicas: connections, their settings, the tables and the errors.
//!
//! Supported are servers from version 14. A connection is only used if its server accepts writes, whichever of the
//! hosts that is. CockroachDB is refused, because its advisory locks do nothing, and they decide which replica may
//! write.

mod account_reader;
mod accounts;
mod checkup;
mod connect;
mod copy;
mod customer_key;
mod customer_segments;
mod database;
mod discovered;
mod engine;
mod error;
mod hints;
mod inbox;
mod journal_lines;
mod journal_query;
mod keys;
mod limited_accounts;
mod limits;
mod load;
mod migrate;
mod notify_queue;
mod options;
mod pooling;
mod pools;
mod prune;
mod readers;
mod relay_commands;
mod relay_queue;
mod reports;
mod rights;
mod session;
mod shared;
mod template_pages;
mod text;
mod times;
mod write;

pub use checkup::{Checkup, ConnectionCounts, ReplicaFacts, Standby, check_up};
pub use connect::{Connected, connect, reader_pool};
pub(super) use copy::{CopyRole, Copying};
pub use database::Database;
pub use error::{PostgresError, reason_of_sqlstate};
pub use migrate::{KNOWN_SCHEMA, MigrationError, migrate};
pub use options::PostgresOptions;
pub use pooling::SessionFacts;
pub(super) use reports::keep_report;
pub use session::Role;
