//! Writes rows of another engine. A statement writes the rows of one table, and is planned for the size that the tables
//! have by then.

use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Postgres};

use super::super::journal_lines::kind_of;
use super::super::keys::COPIED;
use crate::domain::Sharding;
use crate::store::engine::{
    ColumnKind, CopiedRow, CopiedTable, CopiedValue, SavedAccount, StoreError,
};
use crate::store::rows::to_account;

type Statement<'a> = Query<'a, Postgres, PgArguments>;

/// Adds these rows.
pub(super) async fn write(
    connection: &mut PgConnection,
    table: CopiedTable,
    rows: &[CopiedRow],
) -> Result<(), StoreError> {
    match table {
        CopiedTable::Accounts => write_accounts(connection, rows).await?,
        CopiedTable::ManagementKeys | CopiedTable::MessageKeys => {
            let shards = vec![COPIED; rows.len()];
            insert(connection, table, rows, Some(shards)).await?;
        }
        CopiedTable::RelayParcels => {
            // The accounts of a delivery.
            let first = |row: &CopiedRow| text_at(row, 2).split(' ').next().map(shard_of);
            let shards = rows.iter().map(|row| first(row).unwrap_or_default());
            insert(connection, table, rows, Some(shards.collect())).await?;
            draw_numbers(connection, rows).await?;
        }
        CopiedTable::NotifyQueue => {
            let shards = rows.iter().map(|row| shard_of(text_at(row, 2)));
            insert(connection, table, rows, Some(shards.collect())).await?;
        }
        CopiedTable::NotifyReceivers => {
            let write = "INSERT INTO notify_receivers (receiver, shard, settled) SELECT receiver, shard, settled \
                 FROM unnest($1::text[], $2::int8[]) AS new (receiver, settled), (SELECT shard FROM shards) AS every";
            bind(sqlx::query(write), table, rows)
                .execute(connection)
                .await?;
        }
        CopiedTable::Journal => write_lines(connection, rows).await?,
        CopiedTable::Settings => {
            let write = "UPDATE cluster SET customer_key = ($1::text[])[1], clock_ms = ($2::int8[])[1], \
                 copied_at = now(), discovered_version = discovered_version + 1";
            bind(sqlx::query(write), table, rows)
                .execute(connection)
                .await?;
        }
        _ => insert(connection, table, rows, None).await?,
    }
    Ok(())
}

async fn insert(
    connection: &mut PgConnection,
    table: CopiedTable,
    rows: &[CopiedRow],
    shards: Option<Vec<i16>>,
) -> sqlx::Result<()> {
    let (name, columns) = (table.name(), table.column_names());
    let kinds = table.columns().iter().enumerate();
    let mut arrays: Vec<String> = kinds
        .map(|(place, (_, kind))| format!("${}::{}[]", place + 1, name_of(*kind)))
        .collect();
    let mut more = "";
    if shards.is_some() {
        more = ", shard";
        arrays.push(format!("${}::int2[]", arrays.len() + 1));
    }
    let arrays = arrays.join(", ");
    let insert = format!("INSERT INTO {name} ({columns}{more}) SELECT * FROM unnest({arrays})");
    let mut insert = bind(sqlx::query(AssertSqlSafe(insert)), table, rows);
    if let Some(shards) = shards {
        insert = insert.bind(shards);
    }
    insert.execute(connection).await.map(drop)
}

/// The accounts with their portfolios, which only this engine has in columns of their own.
async fn write_accounts(
    connection: &mut PgConnection,
    rows: &[CopiedRow],
) -> Result<(), StoreError> {
    insert(connection, CopiedTable::Accounts, rows, None).await?;
    let waba_ids: Vec<&str> = rows.iter().map(|row| text_at(row, 0)).collect();
    let stored = "SELECT waba_id, accounts.state, refreshes.state FROM accounts LEFT JOIN refreshes USING (waba_id) \
         WHERE waba_id = ANY($1)";
    let stored: Vec<(String, String, Option<String>)> = sqlx::query_as(stored)
        .bind(waba_ids)
        .persistent(false)
        .fetch_all(&mut *connection)
        .await?;
    let (mut waba_ids, mut portfolios) = (Vec::new(), Vec::new());
    for (waba_id, state, polls) in stored {
        let account = to_account(&SavedAccount {
            state,
            polls,
            ..SavedAccount::default()
        })?;
        if let Some(portfolio) = account.business_id.value() {
            waba_ids.push(waba_id);
            portfolios.push(portfolio.to_string());
        }
    }
    let update = "UPDATE accounts SET business_id = new.business_id \
         FROM unnest($1::text[], $2::text[]) AS new (waba_id, business_id) WHERE accounts.waba_id = new.waba_id";
    let update = sqlx::query(update).bind(waba_ids).bind(portfolios);
    update.persistent(false).execute(connection).await?;
    Ok(())
}

/// The next delivery has a greater number.
async fn draw_numbers(connection: &mut PgConnection, rows: &[CopiedRow]) -> sqlx::Result<()> {
    let numbers = rows.iter().filter_map(|row| row.first()?.as_integer());
    let Some(newest) = numbers.max() else {
        return Ok(());
    };
    let draw =
        "SELECT setval('queue_numbers', greatest($1, (SELECT last_value FROM queue_numbers)))";
    sqlx::query(draw)
        .bind(newest)
        .execute(connection)
        .await
        .map(drop)
}

const LINE: &str = "unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int8[], $6::bool[], $7::text[], $8::text[], \
     $9::int2[]) AS line (waba_id, entity, id, attribute, order_ms, is_webhook, from_value, to_value, kind)";

/// The integers of what these lines name, then the lines.
async fn write_lines(connection: &mut PgConnection, rows: &[CopiedRow]) -> sqlx::Result<()> {
    let statements = [
        format!(
            "INSERT INTO journal_accounts (waba_id) SELECT DISTINCT waba_id FROM {LINE} \
             WHERE NOT EXISTS (SELECT 1 FROM journal_accounts AS old WHERE old.waba_id = line.waba_id)"
        ),
        format!(
            "INSERT INTO journal_entities (account, kind, id) SELECT DISTINCT account, kind, id \
             FROM {LINE} JOIN journal_accounts USING (waba_id) WHERE NOT EXISTS ( \
               SELECT 1 FROM journal_entities AS old WHERE old.account = journal_accounts.account \
               AND old.kind = line.kind AND old.id = line.id)"
        ),
        format!(
            "INSERT INTO journal_attributes (entity, name) SELECT DISTINCT entity, attribute FROM {LINE} \
             WHERE NOT EXISTS (SELECT 1 FROM journal_attributes AS old \
               WHERE old.entity = line.entity AND old.name = line.attribute)"
        ),
        format!(
            "INSERT INTO transitions (entity, attribute, order_ms, is_webhook, to_value, from_value) \
             SELECT about.entity, named.attribute, order_ms, is_webhook, to_value, from_value FROM {LINE} \
             JOIN journal_accounts AS owner ON owner.waba_id = line.waba_id \
             JOIN journal_entities AS about \
               ON about.account = owner.account AND about.kind = line.kind AND about.id = line.id \
             JOIN journal_attributes AS named ON named.entity = line.entity AND named.name = line.attribute"
        ),
    ];
    let kinds: Vec<i16> = rows.iter().map(|row| kind_of(text_at(row, 1))).collect();
    for statement in statements {
        let statement = bind(
            sqlx::query(AssertSqlSafe(statement)),
            CopiedTable::Journal,
            rows,
        );
        statement.bind(&kinds).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The columns of these rows, as arrays.
fn bind<'a>(query: Statement<'a>, table: CopiedTable, rows: &'a [CopiedRow]) -> Statement<'a> {
    let columns = table.columns().iter().enumerate();
    let bound = columns.fold(query, |query, (place, (_, kind))| {
        let values = rows.iter().map(|row| row.get(place));
        match kind {
            ColumnKind::Integer => query.bind(all(values, CopiedValue::as_integer)),
            ColumnKind::Flag => query.bind(all(values, CopiedValue::as_flag)),
            ColumnKind::Text => query.bind(all(values, CopiedValue::as_text)),
            ColumnKind::Bytes => query.bind(all(values, CopiedValue::as_bytes)),
        }
    });
    // A plan for an empty table would be slow for a large one.
    bound.persistent(false)
}

fn all<'a, T>(
    values: impl Iterator<Item = Option<&'a CopiedValue>>,
    of: impl Fn(&'a CopiedValue) -> Option<T>,
) -> Vec<Option<T>> {
    values.map(|value| value.and_then(&of)).collect()
}

fn name_of(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Integer => "int8",
        ColumnKind::Flag => "bool",
        ColumnKind::Text => "text",
        ColumnKind::Bytes => "bytea",
    }
}

fn text_at(row: &CopiedRow, place: usize) -> &str {
    row.get(place)
        .and_then(CopiedValue::as_text)
        .unwrap_or_default()
}

/// The shard of an account, as the tables have it.
fn shard_of(waba_id: &str) -> i16 {
    i16::try_from(Sharding::SHARED.of_key(waba_id).0).unwrap_or(i16::MAX)
}
