//! Copies a store from or to another engine.

use std::future::poll_fn;

use async_trait::async_trait;
use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite, SqliteConnection};
use tokio::sync::mpsc;

use super::journal_lines::{LineText, insert_texts};
use super::journal_query::{NAMES, text_of};
use super::{Database, check_writer, read_writer};
use crate::state::{DedupScope, keys_of_one_process};
use crate::store::engine::{
    CopiedRow, CopiedRows, CopiedTable, CopiedValue, CopySide, StoreError, copied_row,
};

/// Rows are sent when they have this many bytes together.
const BYTES_AT_ONCE: usize = 1024 * 1024;

impl Database {
    /// Begins the transaction of a copy. The lock of the file keeps exporters out.
    pub async fn begin_copy(&mut self) -> Result<(), StoreError> {
        let own = self.writer;
        let connection = self.connection()?;
        execute(connection, "BEGIN IMMEDIATE").await?;
        check_writer(read_writer(connection).await?, own)
    }
}

#[async_trait]
impl CopySide for Database {
    async fn contents(&mut self) -> Result<Vec<(&'static str, i64)>, StoreError> {
        let connection = self.connection()?;
        let mut found = Vec::new();
        let tables = CopiedTable::ALL.into_iter();
        for table in tables.filter(|table| *table != CopiedTable::Settings) {
            let name = table.name();
            let count = format!("SELECT count(*) FROM {name}");
            let count = sqlx::query_scalar(AssertSqlSafe(count));
            match count.fetch_one(&mut *connection).await? {
                0 => {}
                rows => found.push((name, rows)),
            }
        }
        Ok(found)
    }

    async fn read(
        &mut self,
        table: CopiedTable,
        out: mpsc::Sender<CopiedRows>,
    ) -> Result<(), StoreError> {
        let query = sqlx::query(AssertSqlSafe(select(table)));
        let mut stream = query.fetch(self.connection()?);
        let (mut rows, mut bytes) = (CopiedRows::new(), 0);
        while let Some(row) = poll_fn(|context| stream.as_mut().poll_next(context)).await {
            let row = copied_row(table, &row?)?;
            bytes += row.iter().map(CopiedValue::size).sum::<usize>();
            rows.push(row);
            if rows.len() >= table.rows_at_once() || bytes >= BYTES_AT_ONCE {
                bytes = 0;
                if out.send(std::mem::take(&mut rows)).await.is_err() {
                    return Ok(());
                }
            }
        }
        // An error means that the rest is not wanted.
        drop(out.send(rows).await);
        Ok(())
    }

    async fn write(&mut self, table: CopiedTable, rows: &[CopiedRow]) -> Result<(), StoreError> {
        let connection = self.connection()?;
        match table {
            CopiedTable::Journal => {
                let lines: Option<Vec<LineText>> = rows.iter().map(line).collect();
                let damaged = StoreError::unreadable("a line of the journal is incomplete");
                insert_texts(connection, &lines.ok_or(damaged)?).await?;
            }
            CopiedTable::Settings => {
                for row in rows {
                    let [customer_key, clock_ms] = &row[..] else {
                        continue;
                    };
                    let update = "UPDATE commits SET customer_key = $1, clock_ms = $2";
                    let update = sqlx::query(update).bind(customer_key.as_text());
                    let update = update.bind(clock_ms.as_integer());
                    update.execute(&mut *connection).await?;
                }
            }
            _ => insert(connection, table, rows).await?,
        }
        Ok(())
    }

    async fn commit(&mut self) -> Result<(), StoreError> {
        Ok(execute(self.connection()?, "COMMIT").await?)
    }

    async fn close(self: Box<Self>) -> Result<(), StoreError> {
        (*self).close().await
    }
}

async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> sqlx::Result<()> {
    sqlx::query(sql).execute(connection).await.map(drop)
}

/// The columns of a table in the order of [`CopiedTable::columns`].
fn select(table: CopiedTable) -> String {
    let (name, columns) = (table.name(), table.column_names());
    match table {
        CopiedTable::ManagementKeys => keys(name, DedupScope::Management),
        CopiedTable::MessageKeys => keys(name, DedupScope::Messages),
        CopiedTable::Journal => format!(
            "SELECT owner.waba_id, name.entity, CAST(about.id AS TEXT), name.name, line.order_ms, line.is_webhook, \
             {}, {} FROM transitions AS line {NAMES}",
            text_of("line.from_value"),
            text_of("line.to_value")
        ),
        CopiedTable::RelayParcels => {
            "SELECT parcel, received_ms, waba_ids, coalesce(lanes, ''), signature, body FROM relay_parcels".to_owned()
        }
        CopiedTable::NotifyQueue => {
            let rest = columns.trim_start_matches("number");
            format!("SELECT row_number() OVER (ORDER BY number){rest} FROM notify_queue")
        }
        CopiedTable::NotifyReceivers => {
            "SELECT receiver, (SELECT count(*) FROM notify_queue WHERE number <= settled) FROM notify_receivers"
                .to_owned()
        }
        CopiedTable::Settings => format!("SELECT {columns} FROM commits"),
        _ => format!("SELECT {columns} FROM {name}"),
    }
}

/// The newest segments of a window, as many as are remembered, with numbers from 1.
fn keys(table: &str, scope: DedupScope) -> String {
    let remembered = keys_of_one_process(scope);
    format!(
        "SELECT sum(count) OVER (ORDER BY newest), keys FROM ( \
           SELECT newest, keys, length(keys) / 16 AS count, \
             sum(length(keys) / 16) OVER (ORDER BY newest DESC) - length(keys) / 16 AS later FROM {table} \
         ) WHERE later < {remembered} ORDER BY newest"
    )
}

async fn insert(
    connection: &mut SqliteConnection,
    table: CopiedTable,
    rows: &[CopiedRow],
) -> sqlx::Result<()> {
    let (name, columns) = (table.name(), table.column_names());
    let mut query = QueryBuilder::<Sqlite>::new(format!("INSERT INTO {name} ({columns}) "));
    query.push_values(rows, |mut values, row| {
        for value in row {
            match value {
                CopiedValue::Null => values.push_bind(None::<String>),
                CopiedValue::Integer(number) => values.push_bind(*number),
                CopiedValue::Flag(flag) => values.push_bind(*flag),
                CopiedValue::Text(text) => values.push_bind(text.as_str()),
                CopiedValue::Bytes(bytes) => values.push_bind(&bytes[..]),
            };
        }
    });
    query.build().execute(connection).await.map(drop)
}

fn line(row: &CopiedRow) -> Option<LineText<'_>> {
    let [
        waba_id,
        entity,
        entity_id,
        attribute,
        order_ms,
        is_webhook,
        from,
        to,
    ] = &row[..]
    else {
        return None;
    };
    Some(LineText {
        waba_id: waba_id.as_text()?,
        entity: entity.as_text()?,
        entity_id: entity_id.as_text()?,
        attribute: attribute.as_text()?,
        order_ms: order_ms.as_integer()?,
        is_webhook: is_webhook.as_flag()?,
        from: from.as_text(),
        to: to.as_text()?,
    })
}
