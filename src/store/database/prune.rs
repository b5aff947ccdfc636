//! Deletes journal lines that are older than the retention.

use super::{Database, StoreError};

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
        for statement in STATEMENTS {
            let delete = sqlx::query(statement).bind(cutoff_ms).bind(&waba_id);
            delete.execute(&mut *transaction).await?;
        }
        transaction.commit().await?;
        Ok(Some(waba_id))
    }
}

const NEXT_ACCOUNT: &str = "SELECT MIN(waba_id) FROM ( \
        SELECT MIN(waba_id) AS waba_id FROM transitions WHERE waba_id > $1 \
        UNION ALL SELECT MIN(waba_id) FROM accounts WHERE waba_id > $1)";

/// $1 is the cut-off, and $2 the account. The rows of an account go before that of the account itself.
const STATEMENTS: [&str; 7] = [
    "DELETE FROM customer_segments WHERE waba_id = $2 \
        AND EXISTS (SELECT 1 FROM accounts WHERE waba_id = $2 AND saved_ms < $1)",
    "DELETE FROM traffic WHERE waba_id = $2 \
        AND EXISTS (SELECT 1 FROM accounts WHERE waba_id = $2 AND saved_ms < $1)",
    "DELETE FROM template_pages WHERE waba_id = $2 \
        AND EXISTS (SELECT 1 FROM accounts WHERE waba_id = $2 AND saved_ms < $1)",
    "DELETE FROM phone_numbers WHERE waba_id = $2 \
        AND EXISTS (SELECT 1 FROM accounts WHERE waba_id = $2 AND saved_ms < $1)",
    "DELETE FROM accounts WHERE waba_id = $2 AND saved_ms < $1",
    "DELETE FROM transitions WHERE waba_id = $2 AND order_ms < $1 AND EXISTS ( \
        SELECT 1 FROM transitions AS later \
        WHERE later.waba_id = transitions.waba_id AND later.entity = transitions.entity \
          AND later.entity_id = transitions.entity_id AND later.attribute = transitions.attribute \
          AND later.order_ms > transitions.order_ms AND later.order_ms < $1)",
    // The page of a template is the last one that begins at its id or before.
    "DELETE FROM transitions WHERE waba_id = $2 AND order_ms < $1 AND NOT EXISTS ( \
        SELECT 1 FROM accounts WHERE transitions.waba_id = accounts.waba_id \
          AND transitions.entity = 'account' \
        UNION ALL SELECT 1 FROM phone_numbers WHERE transitions.waba_id = phone_numbers.waba_id \
          AND transitions.entity = 'phone_number' AND transitions.entity_id = phone_number_id \
        UNION ALL SELECT 1 FROM template_pages WHERE transitions.waba_id = template_pages.waba_id \
          AND transitions.entity = 'template' \
          AND first_id = (SELECT MAX(first_id) FROM template_pages \
            WHERE waba_id = transitions.waba_id AND first_id <= transitions.entity_id) \
          AND instr(' ' || template_ids || ' ', ' ' || transitions.entity_id || ' ') > 0)",
];
