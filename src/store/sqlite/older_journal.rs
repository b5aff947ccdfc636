//! Moves the lines of the journal that older versions stored as text.
//!
//! A transaction moves a few accounts, so that it needs little memory and space, and a start that is interrupted
//! continues where it ended.

use sqlx::{Connection, SqliteConnection};

use super::journal_lines::{
    IS_WORD, account_of, attribute_of, entity_of, id_of, kind_of, value_of,
};

/// The last account of the next group to move.
const LAST_OF_GROUP: &str = "SELECT max(waba_id) FROM \
     (SELECT DISTINCT waba_id FROM older_transitions ORDER BY waba_id LIMIT 20)";

/// Moves all older lines, if there are any.
pub(super) async fn move_older_lines(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let older = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'older_transitions'";
    let older = sqlx::query(older).fetch_optional(&mut *connection).await?;
    if older.is_none() {
        return Ok(());
    }
    let mut moved = 0;
    loop {
        let lines = move_group(connection).await?;
        if lines == 0 {
            break;
        }
        moved += lines;
    }
    let drop_table = sqlx::query("DROP TABLE older_transitions");
    drop_table.execute(connection).await?;
    if moved > 0 {
        tracing::info!(lines = moved, "journal moved to the new form of the store");
    }
    Ok(())
}

/// Moves the lines of the next accounts in one transaction, and returns their number.
async fn move_group(connection: &mut SqliteConnection) -> sqlx::Result<u64> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let last: Option<String> = sqlx::query_scalar(LAST_OF_GROUP)
        .fetch_one(&mut *transaction)
        .await?;
    for statement in copies() {
        let copy = sqlx::query(sqlx::AssertSqlSafe(statement)).bind(&last);
        copy.execute(&mut *transaction).await?;
    }
    let delete = sqlx::query("DELETE FROM older_transitions WHERE waba_id <= $1").bind(&last);
    let deleted = delete.execute(&mut *transaction).await?.rows_affected();
    transaction.commit().await?;
    Ok(deleted)
}

/// The statements that copy the lines of a group, and what they name. $1 is the last account of the group.
fn copies() -> [String; 5] {
    // Qualified, because the tables of the journal have columns of the same names.
    let [waba_id, entity, entity_id, attribute, from, to] = [
        "waba_id",
        "entity",
        "entity_id",
        "attribute",
        "from_value",
        "to_value",
    ]
    .map(|column| format!("older_transitions.{column}"));
    [
        "INSERT INTO journal_accounts (waba_id) \
         SELECT DISTINCT waba_id FROM older_transitions WHERE waba_id <= $1 ON CONFLICT DO NOTHING"
            .to_owned(),
        format!(
            "INSERT INTO journal_entities (account, kind, id) SELECT {}, {}, {} FROM older_transitions \
             WHERE waba_id <= $1 GROUP BY waba_id, entity, entity_id ON CONFLICT DO NOTHING",
            account_of(&waba_id),
            kind_of(&entity),
            id_of(&entity_id),
        ),
        "INSERT INTO journal_attributes (entity, name) \
         SELECT DISTINCT entity, attribute FROM older_transitions WHERE waba_id <= $1 ON CONFLICT DO NOTHING"
            .to_owned(),
        format!(
            "INSERT INTO journal_words (text) SELECT text FROM \
             (SELECT to_value AS text FROM older_transitions WHERE waba_id <= $1 \
             UNION SELECT from_value FROM older_transitions WHERE waba_id <= $1) \
             WHERE {IS_WORD} ON CONFLICT DO NOTHING"
        ),
        format!(
            "INSERT INTO transitions (entity, attribute, order_ms, is_webhook, from_value, to_value) \
             SELECT {}, {}, order_ms, source = 'webhook', {}, {} FROM older_transitions WHERE waba_id <= $1",
            entity_of(&waba_id, &entity, &entity_id),
            attribute_of(&entity, &attribute),
            value_of(&from),
            value_of(&to),
        ),
    ]
}
