//! One commit, as one transaction.

use sqlx::{Connection, QueryBuilder, Sqlite, SqliteConnection};

use super::super::relay_queue::RelayDelivery;
use super::clock::move_times;
use super::customer_segments::write_segment;
use super::journal_lines::{JournalInsert, delete_lines, insert_lines};
use super::keys::write_keys;
use super::template_pages::write_template_pages;
use super::{
    ClockRow, Database, Keys, Moves, SegmentRow, SignalRow, StoreError, StoreErrorReason,
    TemplatePageRow, check_writer, notify_queue, read_writer, relay_queue,
};

/// Maximum number of rows in one statement. More gain little; SQLite accepts 32,766 values.
pub(super) const ROWS_AT_ONCE: usize = 500;

/// A table with one row per object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Phone numbers.
    Numbers,
    /// The message counters of a phone number.
    Traffic,
    /// The daily figures of a message template.
    TemplateInsights,
    /// The daily figures of a phone number.
    NumberInsights,
}

impl Table {
    /// All tables of objects.
    pub const ALL: [Self; 4] = [
        Self::Numbers,
        Self::Traffic,
        Self::TemplateInsights,
        Self::NumberInsights,
    ];

    /// Name of the table, and of the column with the object's id.
    pub(super) fn name_and_key(self) -> (&'static str, &'static str) {
        match self {
            Self::Numbers => ("phone_numbers", "phone_number_id"),
            Self::Traffic => ("traffic", "phone_number_id"),
            Self::TemplateInsights => ("template_insights", "template_id"),
            Self::NumberInsights => ("number_insights", "phone_number_id"),
        }
    }
}

/// The row of one object, or its deletion.
#[derive(Clone, Debug)]
pub struct ObjectRow {
    /// The table of the object.
    pub table: Table,
    /// Id of the object's account.
    pub waba_id: String,
    /// The id of the object.
    pub id: String,
    /// Its state as JSON; `None` deletes the row.
    pub state: Option<String>,
}

/// The writes of one commit.
#[derive(Default)]
pub struct Writes {
    /// The commit's number: that of the last commit plus one.
    pub number: i64,
    /// Unix milliseconds of the commit.
    pub now_ms: i64,
    /// Accounts: id and JSON.
    pub accounts: Vec<(String, String)>,
    /// Changed objects of these accounts.
    pub objects: Vec<ObjectRow>,
    /// Changed pages of templates.
    pub template_pages: Vec<TemplatePageRow>,
    /// Changed customers of each number.
    pub segments: Vec<SegmentRow>,
    /// New delivery keys of each window that has any.
    pub keys: Vec<Keys>,
    /// New deliveries for the relay, with their numbers.
    pub deliveries: Vec<(i64, RelayDelivery)>,
    /// Names of the upstreams that receive the new deliveries.
    pub upstreams: Vec<String>,
    /// Deliveries before this number are dropped.
    pub oldest_delivery: i64,
    /// New changes for receivers of notifications.
    pub signals: Vec<SignalRow>,
    /// Changes before this number are dropped.
    pub oldest_signal: i64,
    /// Journal lines to delete, before the inserts.
    pub struck: Vec<JournalInsert>,
    /// Journal lines to insert.
    pub added: Vec<JournalInsert>,
    /// Corrections of journal times that were ahead, applied before lines are deleted or inserted.
    pub moves: Vec<Moves>,
    /// Meta's time at the commit.
    pub clock: ClockRow,
}

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
        write_objects(&mut transaction, writes).await?;
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

async fn write_objects(connection: &mut SqliteConnection, writes: &Writes) -> sqlx::Result<()> {
    for rows in writes.accounts.chunks(ROWS_AT_ONCE) {
        let mut query = QueryBuilder::new("INSERT INTO accounts (waba_id, saved_ms, state) ");
        query.push_values(rows, |mut row, (waba_id, state)| {
            row.push_bind(waba_id)
                .push_bind(writes.now_ms)
                .push_bind(state);
        });
        query.push(
            " ON CONFLICT (waba_id) DO UPDATE SET saved_ms = excluded.saved_ms, state = excluded.state",
        );
        query.build().execute(&mut *connection).await?;
    }
    for table in Table::ALL {
        let of_table = writes.objects.iter().filter(|object| object.table == table);
        let kept: Vec<_> = of_table
            .clone()
            .filter_map(|object| Some((object, object.state.as_ref()?)))
            .collect();
        for rows in kept.chunks(ROWS_AT_ONCE) {
            upsert(connection, table, rows).await?;
        }
        for object in of_table.filter(|object| object.state.is_none()) {
            delete(connection, object).await?;
        }
    }
    Ok(())
}

async fn upsert(
    connection: &mut SqliteConnection,
    table: Table,
    rows: &[(&ObjectRow, &String)],
) -> sqlx::Result<()> {
    let (name, key) = table.name_and_key();
    let mut query =
        QueryBuilder::<Sqlite>::new(format!("INSERT INTO {name} (waba_id, {key}, state) "));
    query.push_values(rows, |mut row, (object, state)| {
        row.push_bind(&object.waba_id)
            .push_bind(&object.id)
            .push_bind(*state);
    });
    query.push(format!(
        " ON CONFLICT (waba_id, {key}) DO UPDATE SET state = excluded.state"
    ));
    query.build().execute(connection).await.map(drop)
}

async fn delete(connection: &mut SqliteConnection, object: &ObjectRow) -> sqlx::Result<()> {
    let (name, key) = object.table.name_and_key();
    let mut query = QueryBuilder::<Sqlite>::new(format!("DELETE FROM {name} WHERE waba_id = "));
    query.push_bind(&object.waba_id);
    query.push(format!(" AND {key} = ")).push_bind(&object.id);
    query.build().execute(connection).await.map(drop)
}
