//! Commands of an operator for the parked deliveries of all replicas.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use super::relay_queue::NOBODY_WAITS;
use crate::domain::WabaId;
use crate::store::engine::StoreError;
use crate::store::relay_queue::{OthersCommand, OthersDeliveries, ParkedChange};

/// The parked deliveries of a command, with its upstream as `$1` and its accounts as `$2`.
const SELECTED: &str = "upstream = $1 AND parked IS NOT NULL \
     AND relay_parcels.parcel = relay_pending.parcel \
     AND ($2::text[] IS NULL OR string_to_array(waba_ids, ' ') && $2)";

/// Changes the selected deliveries of all shards, and counts those of shards that this replica does not own.
pub(super) async fn command_others(
    connection: &mut PgConnection,
    owned: &[i16],
    command: &OthersCommand,
) -> Result<OthersDeliveries, StoreError> {
    let waba_ids = command.waba_ids.as_ref();
    let waba_ids = waba_ids.map(|ids| ids.iter().map(WabaId::as_str).collect::<Vec<_>>());
    let waba_ids = waba_ids.as_deref();
    let mut transaction = connection.begin().await?;
    let changed = match command.change {
        None => None,
        Some(ParkedChange::Retry) => {
            let retry = format!(
                "UPDATE relay_pending SET parked = NULL FROM relay_parcels WHERE {SELECTED}"
            );
            let retry = sqlx::query(AssertSqlSafe(retry)).bind(&command.upstream);
            let retry = retry.bind(waba_ids).execute(&mut *transaction).await?;
            Some(retry.rows_affected())
        }
        Some(ParkedChange::Drop) => Some(drop_parked(&mut transaction, command, waba_ids).await?),
    };
    if changed.is_some_and(|changed| changed > 0) {
        let count = "UPDATE cluster SET relay_version = relay_version + 1";
        sqlx::query(count).execute(&mut *transaction).await?;
    }
    let count = "SELECT count(*) FILTER (WHERE parked IS NULL), count(parked), \
         count(parked) FILTER (WHERE $2::text[] IS NULL OR string_to_array(waba_ids, ' ') && $2) \
         FROM relay_pending JOIN relay_parcels USING (parcel) WHERE upstream = $1 AND shard <> ALL($3)";
    let count = sqlx::query_as(count).bind(&command.upstream);
    let count = count.bind(waba_ids).bind(owned);
    let (waiting, parked, meant): (i64, i64, i64) = count.fetch_one(&mut *transaction).await?;
    transaction.commit().await?;
    let size = |count: i64| usize::try_from(count).unwrap_or_default();
    let changed = changed.map(|changed| usize::try_from(changed).unwrap_or(usize::MAX));
    Ok(OthersDeliveries {
        selected: changed.unwrap_or_else(|| size(meant)),
        waiting: size(waiting),
        parked: size(parked),
    })
}

async fn drop_parked(
    connection: &mut PgConnection,
    command: &OthersCommand,
    waba_ids: Option<&[&str]>,
) -> Result<u64, StoreError> {
    let parked = format!(
        "DELETE FROM relay_pending USING relay_parcels WHERE {SELECTED} RETURNING relay_pending.parcel"
    );
    let parked = sqlx::query_scalar(AssertSqlSafe(parked)).bind(&command.upstream);
    let dropped: Vec<i64> = parked.bind(waba_ids).fetch_all(&mut *connection).await?;
    let unwanted = format!("DELETE FROM relay_parcels WHERE parcel = ANY($1) AND {NOBODY_WAITS}");
    let unwanted = sqlx::query(AssertSqlSafe(unwanted)).bind(&dropped);
    unwanted.execute(&mut *connection).await?;
    Ok(dropped.len() as u64)
}
