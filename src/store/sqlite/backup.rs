//! Copies the database to a new file while another process writes to it.

use std::fs::File;
use std::io;
use std::path::Path;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool};
use tempfile::NamedTempFile;

use crate::store::engine::StoreError;

/// Copies the whole database, as of one moment, to a new file.
///
/// The copy has another name until it is complete and on the disk. A copy that is interrupted would otherwise look like
/// a complete one, and restore as an empty store.
pub(super) async fn copy(database: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    let draft = draft_of(path)?;
    let draft_path = draft
        .path()
        .to_str()
        .ok_or_else(|| StoreError::unreadable("the path of the copy must be written in UTF-8"))?;
    let copied = sqlx::query("VACUUM INTO $1").bind(draft_path);
    copied.execute(database).await?;
    // The stamp in the copy differs, so the exporter notices if the copy is written over the database while it runs.
    let options = SqliteConnectOptions::new().filename(draft_path);
    let mut copy = SqliteConnection::connect_with(&options).await?;
    sqlx::query("PRAGMA user_version = 0")
        .execute(&mut copy)
        .await?;
    copy.close().await?;
    finish(draft, path).map_err(|error| StoreError::from(&error))
}

/// An empty file next to the copy, which is removed if it does not become the copy.
fn draft_of(path: &Path) -> Result<NamedTempFile, StoreError> {
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".incomplete-");
    tempfile::Builder::new()
        .prefix(&name)
        // With the permissions of every other new file.
        .make_in(folder.unwrap_or(Path::new(".")), |path| {
            File::create_new(path)
        })
        .map_err(|error| StoreError::from(&error))
}

fn finish(draft: NamedTempFile, path: &Path) -> io::Result<()> {
    draft.as_file().sync_all()?;
    draft
        .persist_noclobber(path)
        .map_err(|refused| refused.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Database;
    use super::*;
    use crate::store::Location;

    fn files(folder: &Path) -> Vec<String> {
        let entries = folder.read_dir().expect("it exists");
        let mut names: Vec<String> = entries
            .map(|entry| {
                let name = entry.expect("readable").file_name();
                name.into_string().expect("UTF-8")
            })
            .collect();
        names.sort();
        names
    }

    async fn database(folder: &Path) -> (Database, SqlitePool) {
        let path = folder.join("state.db");
        let database = Database::open(&Location::File(path.clone())).await;
        let options = SqliteConnectOptions::new().filename(path);
        let pool = SqlitePool::connect_with(options).await.expect("it exists");
        (database.expect("a new database"), pool)
    }

    #[tokio::test]
    async fn only_a_complete_copy_has_the_name_of_the_copy() {
        let source = tempfile::tempdir().expect("a temporary folder");
        let (database, pool) = database(source.path()).await;
        let target = tempfile::tempdir().expect("a temporary folder");
        let path = target.path().join("copy.db");
        {
            // Until the first time that it waits, it has created its draft. SQLite's thread may have added a journal to it.
            let copying = std::pin::pin!(copy(&pool, &path));
            let waker = std::task::Waker::noop();
            let polled = copying.poll(&mut std::task::Context::from_waker(waker));
            assert!(polled.is_pending());
            let names = files(target.path());
            let is_draft = |name: &String| name.starts_with("copy.db.incomplete-");
            assert!(!names.is_empty(), "no draft");
            assert!(names.iter().all(is_draft), "{names:?}");
        }
        copy(&pool, &path).await.expect("a copy");
        assert!(path.exists());
        pool.close().await;
        database.close().await.expect("closed");
        Database::open(&Location::File(path))
            .await
            .expect("a database")
            .close()
            .await
            .expect("closed");
    }

    #[tokio::test]
    async fn a_file_that_appears_during_the_copy_is_kept_and_no_draft_is_left() {
        let source = tempfile::tempdir().expect("a temporary folder");
        let (database, pool) = database(source.path()).await;
        let target = tempfile::tempdir().expect("a temporary folder");
        let path = target.path().join("copy.db");
        std::fs::write(&path, "another file").expect("room");
        let refused = copy(&pool, &path).await.expect_err("the name is taken");
        assert!(refused.to_string().contains("File exists"), "{refused}");
        assert_eq!(files(target.path()), ["copy.db"]);
        let kept = std::fs::read_to_string(&path).expect("readable");
        assert_eq!(kept, "another file");
        pool.close().await;
        database.close().await.expect("closed");
    }
}
