//! Where the state is kept.

use std::path::PathBuf;

/// Where the state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In this process, and gone with it.
    Memory,
    /// In an SQLite database of this path; its folder is made if it is not there.
    File(PathBuf),
}

impl Location {
    /// The path, as errors show it.
    pub(super) fn path(&self) -> PathBuf {
        match self {
            Self::Memory => PathBuf::from(":memory:"),
            Self::File(path) => path.clone(),
        }
    }
}
