//! Reads the tables with cursors, so that few rows are in memory.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;
use tokio::sync::mpsc;

use super::execute;
use crate::state::{DedupScope, keys_of_one_process};
use crate::store::engine::{CopiedRow, CopiedRows, CopiedTable, copied_row};

/// Sends all rows of a table.
pub(super) async fn read(
    connection: &mut PgConnection,
    table: CopiedTable,
    out: mpsc::Sender<CopiedRows>,
) -> sqlx::Result<()> {
    let declare = format!("DECLARE copied NO SCROLL CURSOR FOR {}", select(table));
    execute(connection, declare).await?;
    let fetch = format!("FETCH FORWARD {} FROM copied", table.rows_at_once());
    loop {
        // Not prepared, because the columns of the cursor are those of another table each time.
        let rows = sqlx::query(AssertSqlSafe(fetch.clone())).persistent(false);
        let rows = rows.fetch_all(&mut *connection).await?;
        let rows: sqlx::Result<Vec<CopiedRow>> =
            rows.iter().map(|row| copied_row(table, row)).collect();
        let rows = rows?;
        if rows.is_empty() || out.send(rows).await.is_err() {
            break;
        }
    }
    execute(connection, "CLOSE copied".to_owned()).await
}

/// The columns of a table in the order of [`CopiedTable::columns`].
fn select(table: CopiedTable) -> String {
    let (name, columns) = (table.name(), table.column_names());
    match table {
        CopiedTable::ManagementKeys => keys(name, DedupScope::Management),
        CopiedTable::MessageKeys => keys(name, DedupScope::Messages),
        CopiedTable::Journal => {
            "SELECT waba_id, name.entity, about.id, name.name, order_ms, is_webhook, from_value, to_value \
             FROM transitions JOIN journal_entities AS about USING (entity) \
             JOIN journal_accounts USING (account) JOIN journal_attributes AS name USING (attribute)"
                .to_owned()
        }
        CopiedTable::NotifyQueue => {
            let rest = columns.trim_start_matches("number");
            format!(
                "SELECT row_number() OVER (ORDER BY number, shard){rest} FROM notify_queue ORDER BY number, shard"
            )
        }
        CopiedTable::NotifyReceivers => NOTIFY_RECEIVERS.to_owned(),
        CopiedTable::Settings => format!("SELECT {columns} FROM cluster"),
        _ => format!("SELECT {columns} FROM {name}"),
    }
}

/// Each receiver continues with the first change that it has not accepted in some shard, if the changes of all shards
/// are in one queue. It can receive later changes of other shards once more, and misses none.
const NOTIFY_RECEIVERS: &str = "SELECT receiver, coalesce(min(place) FILTER (WHERE number > settled) - 1, \
       (SELECT count(*) FROM notify_queue)) \
     FROM notify_receivers LEFT JOIN ( \
       SELECT shard, number, row_number() OVER (ORDER BY number, shard) AS place FROM notify_queue \
     ) AS placed USING (shard) GROUP BY receiver";

/// The newest segments of the windows of all shards, as many as one process remembers, with numbers from 1.
///
/// Segments have no time. A shard with much traffic has more keys for the same time than others, so its oldest keys
/// come first. Keys of an earlier copy are older than all others.
fn keys(table: &str, scope: DedupScope) -> String {
    let remembered = keys_of_one_process(scope);
    format!(
        "SELECT (sum(count) OVER (ORDER BY place))::bigint, keys FROM ( \
           SELECT keys, count, row_number() OVER oldest_first AS place, \
             sum(count) OVER oldest_first AS until, sum(count) OVER () AS total FROM ( \
             SELECT shard, newest, keys, octet_length(keys) / 16 AS count, \
               CASE WHEN shard < 0 THEN -newest ELSE max(newest) OVER (PARTITION BY shard) - newest END AS age \
             FROM {table}) AS aged \
           WINDOW oldest_first AS (ORDER BY shard >= 0, age DESC, shard, newest) \
         ) AS placed WHERE total - until < {remembered} ORDER BY place"
    )
}
