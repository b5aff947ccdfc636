//! The rows of accounts and their objects.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use crate::store::engine::{AccountRows, ObjectRow, Table};

/// Writes the accounts and objects that have changed.
pub(super) async fn write_accounts(
    connection: &mut PgConnection,
    accounts: &[AccountRows],
) -> sqlx::Result<()> {
    let changed = accounts.iter();
    let changed: Vec<&AccountRows> = changed.filter(|account| account.state.is_some()).collect();
    if !changed.is_empty() {
        let waba_ids: Vec<&str> = changed.iter().map(|one| one.waba_id.as_str()).collect();
        let states: Vec<_> = changed.iter().map(|one| one.state.as_deref()).collect();
        let owners: Vec<_> = changed
            .iter()
            .map(|one| one.business_id.as_deref())
            .collect();
        let upsert = "INSERT INTO accounts (waba_id, state, business_id) \
             SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) ON CONFLICT (waba_id) \
             DO UPDATE SET state = excluded.state, business_id = excluded.business_id";
        let upsert = sqlx::query(upsert).bind(waba_ids).bind(states).bind(owners);
        upsert.execute(&mut *connection).await?;
    }
    for table in Table::ALL {
        let objects = accounts.iter().flat_map(|account| &account.objects);
        let of_table = objects.filter(|object| object.table == table);
        let (kept, gone): (Vec<&ObjectRow>, Vec<&ObjectRow>) =
            of_table.partition(|object| object.state.is_some());
        upsert(connection, table, &kept).await?;
        delete(connection, table, &gone).await?;
    }
    Ok(())
}

/// Writes when the accounts were saved, and the times of their polls.
pub(super) async fn write_refreshes(
    connection: &mut PgConnection,
    accounts: &[AccountRows],
    now_ms: i64,
) -> sqlx::Result<()> {
    if accounts.is_empty() {
        return Ok(());
    }
    let waba_ids: Vec<&str> = accounts.iter().map(|one| one.waba_id.as_str()).collect();
    let polls: Vec<&str> = accounts.iter().map(|one| one.polls.as_str()).collect();
    let upsert = "INSERT INTO refreshes (waba_id, saved_ms, state) \
         SELECT waba_id, $3, state FROM unnest($1::text[], $2::text[]) AS new (waba_id, state) \
         ON CONFLICT (waba_id) DO UPDATE SET saved_ms = excluded.saved_ms, state = excluded.state";
    let upsert = sqlx::query(upsert).bind(waba_ids).bind(polls).bind(now_ms);
    upsert.execute(connection).await.map(drop)
}

async fn upsert(
    connection: &mut PgConnection,
    table: Table,
    objects: &[&ObjectRow],
) -> sqlx::Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    let (name, key) = table.name_and_key();
    let (waba_ids, ids) = keys_of(objects);
    let states: Vec<Option<&str>> = objects.iter().map(|one| one.state.as_deref()).collect();
    let upsert = format!(
        "INSERT INTO {name} (waba_id, {key}, state) SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) \
         ON CONFLICT (waba_id, {key}) DO UPDATE SET state = excluded.state"
    );
    let upsert = sqlx::query(AssertSqlSafe(upsert));
    let upsert = upsert.bind(waba_ids).bind(ids).bind(states);
    upsert.execute(connection).await.map(drop)
}

async fn delete(
    connection: &mut PgConnection,
    table: Table,
    objects: &[&ObjectRow],
) -> sqlx::Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    let (name, key) = table.name_and_key();
    let (waba_ids, ids) = keys_of(objects);
    let delete = format!(
        "DELETE FROM {name} USING unnest($1::text[], $2::text[]) AS gone (waba_id, id) \
         WHERE {name}.waba_id = gone.waba_id AND {name}.{key} = gone.id"
    );
    let delete = sqlx::query(AssertSqlSafe(delete));
    let delete = delete.bind(waba_ids).bind(ids);
    delete.execute(connection).await.map(drop)
}

fn keys_of<'a>(objects: &[&'a ObjectRow]) -> (Vec<&'a str>, Vec<&'a str>) {
    objects
        .iter()
        .map(|object| (object.waba_id.as_str(), object.id.as_str()))
        .unzip()
}
