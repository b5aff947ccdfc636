//! One commit, as one transaction.

use sqlx::{Connection, SqliteConnection};

use super::accounts::{write_accounts, write_refreshes};
use super::clock::move_times;
use super::customer_segments::write_segment;
use super::journal_lines::{delete_lines, insert_lines};
use super::keys::write_keys;
use super::template_pages::write_template_pages;
use super::{Database, check_writer, notify_queue, read_writer, relay_queue};
use crate::store::engine::{StoreError, StoreErrorReason, Writes};

impl Database {
    /// Writes everything in one transaction. After an error nothing is durable, unless only the response to the
    /// commit was lost.
    pub async fn write(&mut self, writes: &Writes) -> Result<(), StoreError> {
        let own = self.writer;
        let connection = self.connection()?;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        // First, so that a commit of another exporter is detected before anything else can fail.
        if !number_commit(&mut transaction, writes, own).await? {
            check_writer(read_writer(&mut transaction).await?, own)?;
            let message = "the store contains a commit of another process; reloading state";
            return Err(StoreError::new(StoreErrorReason::OtherWriter, message));
        }
        write_accounts(&mut transaction, &writes.accounts).await?;
        write_refreshes(&mut transaction, &writes.accounts, writes.now_ms).await?;
        write_template_pages(&mut transaction, &writes.template_pages).await?;
        for segment in &writes.segments {
            write_segment(&mut transaction, segment).await?;
        }
        for keys in &writes.keys {
            write_keys(&mut transaction, keys).await?;
        }
        for moves in &writes.moves {
            move_times(&mut transaction, moves).await?;
        }
        delete_lines(&mut transaction, &writes.struck).await?;
        insert_lines(&mut transaction, &writes.added).await?;
        relay_queue::write_deliveries(
            &mut transaction,
            &writes.deliveries,
            &writes.upstreams,
            writes.oldest_delivery,
        )
        .await?;
        notify_queue::write_signals(&mut transaction, &writes.signals, writes.oldest_signal)
            .await?;
        Ok(transaction.commit().await?)
    }
}

/// Sets the number of the commit and Meta's time, if this exporter is the writer of the previous commit.
async fn number_commit(
    connection: &mut SqliteConnection,
    writes: &Writes,
    own: i64,
) -> sqlx::Result<bool> {
    let (clock_ms, offset_ms, boot_id) = &writes.clock;
    let update = sqlx::query(
        "UPDATE commits SET number = $1, clock_ms = iif($4 IS NULL, clock_ms, $4), \
         clock_offset_ms = iif($4 IS NULL, clock_offset_ms, $5), \
         boot_id = iif($4 IS NULL, boot_id, $6) WHERE number = $2 AND writer = $3",
    );
    let update = update.bind(writes.number).bind(writes.number - 1).bind(own);
    let update = update.bind(clock_ms).bind(offset_ms).bind(boot_id);
    Ok(update.execute(connection).await?.rows_affected() == 1)
}
