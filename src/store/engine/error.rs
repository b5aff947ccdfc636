//! Run-time failures of the database, described for operators.

use std::fmt;
use std::io;
use std::time::Duration;

/// Why the store does not accept commits. A bounded label value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreErrorReason {
    /// No space is left.
    DiskFull,
    /// Another process holds the database, or another session of the server a lock.
    Locked,
    /// The file or its folder may not be written to.
    ReadOnly,
    /// The file is damaged.
    Corrupt,
    /// Reading or writing failed below the database.
    Io,
    /// The database's file was moved, replaced or overwritten.
    FileReplaced,
    /// The server of the database does not answer.
    Unreachable,
    /// Another exporter writes to it.
    OtherWriter,
    /// A statement exceeded its timeout.
    Interrupted,
    /// Anything else.
    Other,
}

impl StoreErrorReason {
    /// Every reason for which a commit fails, for counters that start at 0.
    pub const ALL: [Self; 10] = [
        Self::DiskFull,
        Self::Locked,
        Self::ReadOnly,
        Self::Corrupt,
        Self::Io,
        Self::FileReplaced,
        Self::Unreachable,
        Self::OtherWriter,
        Self::Interrupted,
        Self::Other,
    ];

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DiskFull => "disk_full",
            Self::Locked => "locked",
            Self::ReadOnly => "read_only",
            Self::Corrupt => "corrupt",
            Self::Io => "io",
            Self::FileReplaced => "file_replaced",
            Self::Unreachable => "unreachable",
            Self::OtherWriter => "other_writer",
            Self::Interrupted => "interrupted",
            Self::Other => "other",
        }
    }

    /// What an operator can do about it, if the store is in files.
    #[must_use]
    pub fn cure(self) -> &'static str {
        match self {
            Self::DiskFull => "free space on its file system, or raise the quota",
            Self::Locked => "close the tool that holds the database",
            Self::ReadOnly => {
                "mount its file system writable, let the exporter's user write there, or give store.url another path"
            }
            Self::Corrupt => "stop the exporter, keep the file aside, and restore a backup",
            Self::Io => "check the disk and the system's log",
            Self::FileReplaced => {
                "put the database back at its path, or restart the exporter to use the one that is there"
            }
            Self::Unreachable => "check that PostgreSQL runs, and that this machine reaches it",
            Self::OtherWriter => "stop the other exporter, and restart this one",
            Self::Interrupted => "request a shorter time range or one account",
            Self::Other => "see the system's log",
        }
    }

    /// What an operator can do about it, if the store is in PostgreSQL.
    #[must_use]
    pub fn server_cure(self) -> &'static str {
        match self {
            Self::DiskFull => "free space on the file system of PostgreSQL",
            Self::Locked => {
                "end the session that holds the lock (see pg_stat_activity and pg_blocking_pids)"
            }
            Self::ReadOnly => {
                "let the server accept writes, or give store.url the host of the primary"
            }
            Self::Corrupt => "see PostgreSQL's log, and restore a backup",
            Self::Io | Self::Unreachable => {
                "check that PostgreSQL runs, that its disk works, and that this machine reaches it"
            }
            Self::Interrupted => {
                "find out what slows PostgreSQL down: its disk, its load, or long queries (see pg_stat_activity)"
            }
            Self::FileReplaced | Self::OtherWriter | Self::Other => "see PostgreSQL's log",
        }
    }

    /// Whether the failure can end without a change to the configuration or the file.
    #[must_use]
    pub fn may_pass(self) -> bool {
        match self {
            Self::DiskFull
            | Self::Locked
            | Self::ReadOnly
            | Self::Io
            | Self::Unreachable
            | Self::Interrupted => true,
            Self::Corrupt | Self::FileReplaced | Self::OtherWriter | Self::Other => false,
        }
    }
}

/// A failed operation, with its reason and the database's own error.
#[derive(Clone, Debug)]
pub struct StoreError {
    /// The reason, as a bounded label value.
    pub reason: StoreErrorReason,
    message: String,
}

impl StoreError {
    pub fn new(reason: StoreErrorReason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }

    /// The error without a connection, because reopening failed.
    pub fn closed() -> Self {
        Self {
            reason: StoreErrorReason::Other,
            message: "the database is closed".to_owned(),
        }
    }

    /// The database has not answered in time.
    pub fn slow(limit: Duration) -> Self {
        Self {
            reason: StoreErrorReason::Unreachable,
            message: format!("the database has not answered for {limit:?}"),
        }
    }

    /// The session cannot be relied on.
    pub fn session(error: &impl fmt::Display) -> Self {
        Self {
            reason: StoreErrorReason::Unreachable,
            message: error.to_string(),
        }
    }

    /// The stored data is invalid.
    pub fn unreadable(what: impl fmt::Display) -> Self {
        Self {
            reason: StoreErrorReason::Corrupt,
            message: what.to_string(),
        }
    }
}

impl From<&io::Error> for StoreError {
    fn from(error: &io::Error) -> Self {
        use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let reason = match error.kind() {
            StorageFull | QuotaExceeded => StoreErrorReason::DiskFull,
            ReadOnlyFilesystem => StoreErrorReason::ReadOnly,
            _ => StoreErrorReason::Io,
        };
        Self {
            reason,
            message: error.to_string(),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl std::error::Error for StoreError {}
