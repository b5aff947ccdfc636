//! Stored deliveries that upstreams have not accepted yet.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use crate::store::engine::{NewDelivery, StoreError};
use crate::store::relay_queue::{BYTES_PER_LANE_DIGIT, RelayDelivery, Settlement, lanes_to_text};

/// Matches deliveries that no upstream waits for any more.
pub(super) const NOBODY_WAITS: &str = "NOT EXISTS (SELECT 1 FROM relay_pending \
     WHERE relay_pending.parcel = relay_parcels.parcel)";

/// Numbers for new deliveries, ascending, and greater than all that any replica has drawn.
pub(super) async fn new_numbers(
    connection: &mut PgConnection,
    count: usize,
) -> Result<Vec<i64>, StoreError> {
    let draw = "SELECT nextval('queue_numbers') FROM generate_series(1, $1)";
    let draw = sqlx::query_scalar(draw).bind(i64::try_from(count).unwrap_or(i64::MAX));
    let mut numbers: Vec<i64> = draw.fetch_all(connection).await?;
    numbers.sort_unstable();
    Ok(numbers)
}

/// Every delivery of these shards, oldest first, as (number, size in bytes).
pub(super) async fn deliveries(
    connection: &mut PgConnection,
    owned: &[i16],
) -> Result<Vec<(i64, i64)>, StoreError> {
    let query = "SELECT parcel, octet_length(body) + octet_length(signature) + octet_length(waba_ids) \
         + $1 * octet_length(lanes)::bigint FROM relay_parcels WHERE shard = ANY($2) ORDER BY parcel";
    let query = sqlx::query_as(query).bind(BYTES_PER_LANE_DIGIT as i64);
    Ok(query.bind(owned).fetch_all(connection).await?)
}

/// Deletes the entries of all upstreams but these; returns the number of deliveries that were dropped. Only those of
/// the owned shards: another replica may not have reloaded its configuration yet.
pub(super) async fn forward_to(
    connection: &mut PgConnection,
    owned: &[i16],
    upstreams: &[String],
) -> Result<u64, StoreError> {
    let mut transaction = connection.begin().await?;
    let others = "DELETE FROM relay_pending USING relay_parcels WHERE upstream <> ALL($1) \
         AND relay_parcels.parcel = relay_pending.parcel AND shard = ANY($2)";
    let others = sqlx::query(others).bind(upstreams).bind(owned);
    let gone = others.execute(&mut *transaction).await?.rows_affected();
    let orphans = format!("DELETE FROM relay_parcels WHERE shard = ANY($1) AND {NOBODY_WAITS}");
    let orphans = sqlx::query(AssertSqlSafe(orphans)).bind(owned);
    orphans.execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(gone)
}

/// Stores the outcomes of deliveries to an upstream. Deletes and returns the deliveries that no upstream waits for any
/// more. A delivery that the upstream has accepted counts, even if the shard has another owner by now.
pub(super) async fn settle(
    connection: &mut PgConnection,
    upstream: &str,
    settlement: &Settlement,
) -> Result<Vec<i64>, StoreError> {
    let mut transaction = connection.begin().await?;
    // First, because a delivery may have been accepted since it was parked.
    if !settlement.parked.is_empty() {
        let (numbers, reasons): (Vec<i64>, Vec<&str>) = settlement.parked.iter().copied().unzip();
        let park = "UPDATE relay_pending SET parked = parking.reason \
             FROM unnest($2::int8[], $3::text[]) AS parking (parcel, reason) \
             WHERE upstream = $1 AND relay_pending.parcel = parking.parcel";
        let park = sqlx::query(park).bind(upstream).bind(numbers).bind(reasons);
        park.execute(&mut *transaction).await?;
    }
    if !settlement.unparked.is_empty() {
        let unpark =
            "UPDATE relay_pending SET parked = NULL WHERE upstream = $1 AND parcel = ANY($2)";
        let unpark = sqlx::query(unpark)
            .bind(upstream)
            .bind(&settlement.unparked);
        unpark.execute(&mut *transaction).await?;
    }
    let mut gone = Vec::new();
    if !settlement.settled.is_empty() {
        let settled = "DELETE FROM relay_pending WHERE upstream = $1 AND parcel = ANY($2)";
        let settled = sqlx::query(settled)
            .bind(upstream)
            .bind(&settlement.settled);
        settled.execute(&mut *transaction).await?;
        let unwanted = format!(
            "DELETE FROM relay_parcels WHERE parcel = ANY($1) AND {NOBODY_WAITS} RETURNING parcel"
        );
        let unwanted = sqlx::query_scalar(AssertSqlSafe(unwanted)).bind(&settlement.settled);
        gone = unwanted.fetch_all(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(gone)
}

/// Adds these deliveries for each upstream, and drops those of the owned shards before `oldest`.
pub(super) async fn write_deliveries(
    connection: &mut PgConnection,
    owned: &[i16],
    deliveries: &[NewDelivery],
    upstreams: &[String],
    oldest: i64,
) -> sqlx::Result<()> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let kept = || deliveries.iter().filter(|new| new.number >= oldest);
    let numbers: Vec<i64> = kept().map(|new| new.number).collect();
    let shards: Vec<i16> = kept()
        .map(|new| i16::try_from(new.shard.0).unwrap_or(i16::MAX))
        .collect();
    let received: Vec<i64> = kept()
        .map(|new| new.delivery.received_at.as_millis())
        .collect();
    let waba_ids: Vec<String> = kept().map(|new| waba_ids_to_text(&new.delivery)).collect();
    let lanes: Vec<String> = kept()
        .map(|new| lanes_to_text(&new.delivery.lanes))
        .collect();
    let signatures: Vec<&str> = kept().map(|new| new.delivery.signature.as_str()).collect();
    let bodies: Vec<&[u8]> = kept().map(|new| &new.delivery.body[..]).collect();
    // One statement, so one round trip. Its parts do not see each other's rows, and need not.
    let write = "WITH dropped AS (DELETE FROM relay_parcels WHERE shard = ANY($1) AND parcel < $2 RETURNING parcel), \
         forgotten AS (DELETE FROM relay_pending USING dropped WHERE relay_pending.parcel = dropped.parcel), \
         waiting AS (INSERT INTO relay_pending (upstream, parcel) \
           SELECT upstream, parcel FROM unnest($3::text[]) AS upstream, unnest($4::int8[]) AS parcel) \
         INSERT INTO relay_parcels (parcel, shard, received_ms, waba_ids, lanes, signature, body) \
         SELECT * FROM unnest($4::int8[], $5::int2[], $6::int8[], $7::text[], $8::text[], $9::text[], $10::bytea[])";
    let write = sqlx::query(write).bind(owned).bind(oldest).bind(upstreams);
    let write = write.bind(numbers).bind(shards).bind(received);
    let write = write
        .bind(waba_ids)
        .bind(lanes)
        .bind(signatures)
        .bind(bodies);
    write.execute(connection).await.map(drop)
}

/// The accounts of a delivery as text.
pub(super) fn waba_ids_to_text(delivery: &RelayDelivery) -> String {
    let ids: Vec<&str> = delivery.waba_ids.iter().map(|id| id.as_str()).collect();
    ids.join(" ")
}
