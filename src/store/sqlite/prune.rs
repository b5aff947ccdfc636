//! Deletes journal lines that are older than the retention.

use super::Database;
use super::journal_lines::{account_of, entities_of};
use crate::store::engine::StoreError;

impl Database {
    /// Deletes an account's transitions before `cutoff_ms`, except each attribute's last one, which is its value at the
    /// cut-off. Lines of an account that was not saved since then, and of entities that are no longer stored, are all
    /// deleted. The account is the first one after `after`, and is returned; `None` if there is none. One transaction
    /// prunes only one account, so that commits come between them.
    ///
    /// A clock that is far ahead must not delete everything: the newest journal line limits the cut-off.
    pub async fn prune(
        &mut self,
        after: &str,
        cutoff_ms: i64,
        kept_for_ms: i64,
    ) -> Result<Option<String>, StoreError> {
        let mut transaction = self.begin().await?;
        let next: Option<String> = sqlx::query_scalar(NEXT_ACCOUNT)
            .bind(after)
            .fetch_one(&mut *transaction)
            .await?;
        let Some(waba_id) = next else {
            return Ok(None);
        };
        let newest: Option<i64> = sqlx::query_scalar("SELECT MAX(order_ms) FROM transitions")
            .fetch_one(&mut *transaction)
            .await?;
        let cutoff_ms = newest.map_or(cutoff_ms, |newest| cutoff_ms.min(newest - kept_for_ms));
        for statement in statements() {
            let delete = sqlx::query(sqlx::AssertSqlSafe(statement));
            let delete = delete.bind(cutoff_ms).bind(&waba_id);
            delete.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(Some(waba_id))
    }
}

const NEXT_ACCOUNT: &str = "SELECT MIN(waba_id) FROM ( \
        SELECT MIN(waba_id) AS waba_id FROM journal_accounts WHERE waba_id > $1 \
        UNION ALL SELECT MIN(waba_id) FROM refreshes WHERE waba_id > $1)";

/// $1 is the cut-off, and $2 the account. The rows of an account go before that of the account itself, and the lines of
/// an entity before the entity.
fn statements() -> [String; 10] {
    let (account, entities) = (account_of("$2"), entities_of("$2"));
    let is_old = "EXISTS (SELECT 1 FROM refreshes WHERE waba_id = $2 AND saved_ms < $1)";
    [
        format!("DELETE FROM customer_segments WHERE waba_id = $2 AND {is_old}"),
        format!("DELETE FROM traffic WHERE waba_id = $2 AND {is_old}"),
        format!("DELETE FROM template_pages WHERE waba_id = $2 AND {is_old}"),
        format!("DELETE FROM phone_numbers WHERE waba_id = $2 AND {is_old}"),
        format!("DELETE FROM accounts WHERE waba_id = $2 AND {is_old}"),
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
    ]
}

/// The row of an entity of the journal. The page of a template is the last one that begins at its id or before.
const STORED_ENTITY: &str = "SELECT 1 FROM refreshes WHERE waba_id = $2 AND kind = 2 \
    UNION ALL SELECT 1 FROM phone_numbers WHERE waba_id = $2 AND kind = 1 \
      AND phone_number_id = CAST(id AS TEXT) \
    UNION ALL SELECT 1 FROM template_pages WHERE waba_id = $2 AND kind = 0 \
      AND first_id = (SELECT MAX(first_id) FROM template_pages \
        WHERE waba_id = $2 AND first_id <= CAST(id AS TEXT)) \
      AND instr(' ' || template_ids || ' ', ' ' || id || ' ') > 0";

#[cfg(test)]
mod tests {
    use super::super::Database;
    use super::super::journal_lines::insert_lines;
    use crate::store::Location;
    use crate::store::engine::JournalInsert;

    fn line(
        entity: &'static str,
        entity_id: &str,
        order_ms: i64,
        to: &'static str,
    ) -> JournalInsert {
        JournalInsert {
            waba_id: "1".to_owned(),
            entity,
            entity_id: entity_id.to_owned(),
            attribute: "status",
            order_ms,
            source: "poll",
            from: None,
            to: to.into(),
        }
    }

    #[tokio::test]
    async fn entities_without_lines_are_forgotten() {
        let mut database = Database::open(&Location::Memory).await.expect("memory");
        let connection = database.connection().expect("it is open");
        for row in [
            "INSERT INTO refreshes VALUES ('1', 100, NULL)",
            "INSERT INTO phone_numbers VALUES ('1', '5', '{}')",
            "INSERT INTO template_pages VALUES ('1', '70', '70 72', '')",
        ] {
            sqlx::query(row)
                .execute(&mut *connection)
                .await
                .expect("room");
        }
        let lines = [
            line("phone_number", "5", 10, "CONNECTED"),
            line("phone_number", "5", 20, "FLAGGED"),
            line("phone_number", "5", 50, "CONNECTED"),
            line("phone_number", "6", 10, "CONNECTED"),
            line("template", "71", 10, "APPROVED"),
            line("template", "72", 10, "APPROVED"),
            line("template", "shop", 50, "APPROVED"),
        ];
        insert_lines(connection, &lines).await.expect("room");
        let pruned = database.prune("", 30, 20).await.expect("a sound store");
        assert_eq!(pruned.as_deref(), Some("1"));
        let kept = "SELECT CAST(id AS TEXT), order_ms FROM transitions JOIN journal_entities USING (entity) \
             ORDER BY kind DESC, id, order_ms";
        let kept: Vec<(String, i64)> = sqlx::query_as(kept)
            .fetch_all(database.connection().expect("it is open"))
            .await
            .expect("good SQL");
        let kept: Vec<(&str, i64)> = kept.iter().map(|(id, at)| (id.as_str(), *at)).collect();
        assert_eq!(kept, [("5", 20), ("5", 50), ("72", 10), ("shop", 50)]);
        let delete = "DELETE FROM transitions";
        let connection = database.connection().expect("it is open");
        sqlx::query(delete).execute(connection).await.expect("room");
        database.prune("", 30, 20).await.expect("a sound store");
        let rest = "SELECT (SELECT count(*) FROM journal_entities) + (SELECT count(*) FROM journal_accounts)";
        let rest: i64 = sqlx::query_scalar(rest)
            .fetch_one(database.connection().expect("it is open"))
            .await
            .expect("good SQL");
        assert_eq!(rest, 0);
    }
}
