//! The folder of the demo's store.

use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tempfile::TempDir;

/// How long the removal waits until SQLite has closed its files, which takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two attempts to remove the folder.
const PAUSE: Duration = Duration::from_millis(10);

/// A new folder in the system's temporary folder.
pub struct Folder(TempDir);

impl Folder {
    /// # Errors
    /// If it cannot be created.
    pub fn create() -> anyhow::Result<Self> {
        TempDir::with_prefix("whatsapp-business-exporter-")
            .map(Self)
            .context("the demo's store; set TMPDIR to a folder that can be written")
    }

    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Removes the folder and its files.
    ///
    /// After a stop during the start, SQLite's thread may still close the store. It can create a file while the folder
    /// is being removed, so the removal is repeated.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub async fn remove(self) -> anyhow::Result<()> {
        let path = self.0.keep();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match std::fs::remove_dir_all(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Err(error)
                    if error.kind() == ErrorKind::DirectoryNotEmpty
                        && Instant::now() < deadline =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                outcome => {
                    return outcome.with_context(|| {
                        format!("the demo's folder is left; remove {}", path.display())
                    });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Creates files for a while, as SQLite's thread does after a stop during the start.
    fn create_files(folder: &Path) {
        for number in 0..2_000 {
            let file = folder.join(format!("demo.db-{number}"));
            if std::fs::write(file, "").is_err() {
                // The folder is removed.
                return;
            }
        }
    }

    #[tokio::test]
    async fn it_is_removed_while_files_are_created() {
        let folder = Folder::create().expect("a folder");
        let path = folder.path().to_owned();
        let creating = std::thread::spawn({
            let path = path.clone();
            move || create_files(&path)
        });
        folder.remove().await.expect("removed");
        creating.join().expect("no panic");
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_folder_that_is_gone_is_no_error() {
        let folder = Folder::create().expect("a folder");
        std::fs::remove_dir(folder.path()).expect("removed");
        folder.remove().await.expect("nothing is left to remove");
    }
}
