//! Deletes journal lines that are older than the retention.

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

use super::journal_lines::entities_of;
use super::keys::forget_copied_keys;
use crate::store::engine::StoreError;

/// Prunes the first account after `after` whose shard is owned, and returns it.
pub(super) async fn prune(
    connection: &mut PgConnection,
    owned: &[i16],
    after: &str,
    cutoff_ms: i64,
    kept_for_ms: i64,
) -> Result<Option<String>, StoreError> {
    let next = sqlx::query_scalar(AssertSqlSafe(next_account()));
    let next: Option<String> = next
        .bind(after)
        .bind(owned)
        .fetch_one(&mut *connection)
        .await?;
    let Some(waba_id) = next else {
        // Once for each round, and only by one replica.
        if owned.contains(&0) {
            forget_copied_keys(connection).await?;
        }
        return Ok(None);
    };
    let mut transaction = connection.begin().await?;
    let newest: Option<i64> = sqlx::query_scalar("SELECT max(order_ms) FROM transitions")
        .fetch_one(&mut *transaction)
        .await?;
    let cutoff_ms = newest.map_or(cutoff_ms, |newest| cutoff_ms.min(newest - kept_for_ms));
    for statement in statements() {
        let delete = sqlx::query(AssertSqlSafe(statement));
        let delete = delete.bind(cutoff_ms).bind(&waba_id);
        delete.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(Some(waba_id))
}

/// The first account after $1 in the shards $2. Each table is read in order from there up to the first account of these
/// shards, so that few rows are.
fn next_account() -> String {
    let first = |table: &str| {
        format!(
            "(SELECT waba_id FROM {table} WHERE waba_id > $1 \
             AND (get_byte(sha256(waba_id::bytea), 7) & 63) = ANY($2) ORDER BY waba_id LIMIT 1)"
        )
    };
    let (journal, refreshes) = (first("journal_accounts"), first("refreshes"));
    format!("SELECT min(waba_id) FROM ({journal} UNION ALL {refreshes}) AS next")
}

/// $1 is the cut-off, and $2 the account. The rows of an account go before that of the account itself, and the lines of
/// an entity before the entity.
fn statements() -> Vec<String> {
    let entities = entities_of("$2");
    let account = "(SELECT account FROM journal_accounts WHERE waba_id = $2)";
    let is_old = "EXISTS (SELECT 1 FROM refreshes WHERE waba_id = $2 AND saved_ms < $1)";
    let tables = [
        "customer_segments",
        "traffic",
        "template_pages",
        "phone_numbers",
        "accounts",
    ];
    let rows = tables.map(|table| format!("DELETE FROM {table} WHERE waba_id = $2 AND {is_old}"));
    let rest = [
        "DELETE FROM refreshes WHERE waba_id = $2 AND saved_ms < $1".to_owned(),
        format!(
            "DELETE FROM transitions WHERE entity IN {entities} AND order_ms < $1 AND EXISTS ( \
            SELECT 1 FROM transitions AS later \
            WHERE later.entity = transitions.entity AND later.attribute = transitions.attribute \
              AND later.order_ms > transitions.order_ms AND later.order_ms < $1)"
        ),
        format!(
            "DELETE FROM transitions WHERE order_ms < $1 AND entity IN ( \
            SELECT entity FROM journal_entities \
            WHERE account = {account} AND NOT EXISTS ({STORED_ENTITY}))"
        ),
        format!(
            "DELETE FROM journal_entities WHERE account = {account} AND NOT EXISTS ( \
            SELECT 1 FROM transitions WHERE transitions.entity = journal_entities.entity)"
        ),
        "DELETE FROM journal_accounts WHERE waba_id = $2 AND NOT EXISTS ( \
            SELECT 1 FROM journal_entities WHERE journal_entities.account = journal_accounts.account)"
            .to_owned(),
    ];
    rows.into_iter().chain(rest).collect()
}

/// The row of an entity of the journal. The page of a template is the last one that begins at its id or before.
const STORED_ENTITY: &str = "SELECT 1 FROM refreshes WHERE waba_id = $2 AND kind = 2 \
    UNION ALL SELECT 1 FROM phone_numbers WHERE waba_id = $2 AND kind = 1 AND phone_number_id = id \
    UNION ALL SELECT 1 FROM template_pages WHERE waba_id = $2 AND kind = 0 \
      AND first_id = (SELECT max(first_id) FROM template_pages WHERE waba_id = $2 AND first_id <= id) \
      AND position(' ' || id || ' ' IN ' ' || template_ids || ' ') > 0";
