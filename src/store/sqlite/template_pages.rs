//! The rows of templates: one for each page of an account.

use std::collections::BTreeMap;

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::Database;
use crate::store::engine::{StoreError, TemplatePageRow};

/// Maximum number of rows in one statement: each has some four kilobytes.
const ROWS_AT_ONCE: usize = 100;

/// Maximum number of accounts whose templates are moved in one transaction, which limits its memory and its size on the
/// disk.
const ACCOUNTS_AT_ONCE: i64 = 10;

/// The templates of accounts as versions before pages stored them: the JSON of each.
pub type OlderTemplates = BTreeMap<String, Vec<String>>;

impl Database {
    /// The templates of some accounts that are still stored without pages. `None` if there are none.
    pub async fn older_templates(&mut self) -> Result<Option<OlderTemplates>, StoreError> {
        let query = sqlx::query_as(
            "SELECT waba_id, state FROM templates WHERE waba_id IN \
             (SELECT DISTINCT waba_id FROM templates ORDER BY waba_id LIMIT $1) ORDER BY waba_id, template_id",
        );
        let rows: Vec<(String, String)> = query
            .bind(ACCOUNTS_AT_ONCE)
            .fetch_all(self.connection()?)
            .await?;
        let mut older = OlderTemplates::new();
        for (waba_id, state) in rows {
            older.entry(waba_id).or_default().push(state);
        }
        Ok(Some(older).filter(|older| !older.is_empty()))
    }

    /// Replaces the older rows of these accounts with pages.
    pub async fn replace_older_templates<'a>(
        &mut self,
        waba_ids: impl Iterator<Item = &'a String>,
        pages: &[TemplatePageRow],
    ) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        for waba_id in waba_ids {
            let delete = sqlx::query("DELETE FROM templates WHERE waba_id = $1").bind(waba_id);
            delete.execute(&mut *transaction).await?;
        }
        write_template_pages(&mut transaction, pages).await?;
        Ok(transaction.commit().await?)
    }
}

/// Adds, replaces or deletes these rows.
pub(super) async fn write_template_pages(
    connection: &mut SqliteConnection,
    rows: &[TemplatePageRow],
) -> sqlx::Result<()> {
    let kept: Vec<_> = rows
        .iter()
        .filter_map(|row| Some((row, row.page.as_ref()?)))
        .collect();
    for rows in kept.chunks(ROWS_AT_ONCE) {
        let mut query = QueryBuilder::<Sqlite>::new(
            "INSERT INTO template_pages (waba_id, first_id, template_ids, state) ",
        );
        query.push_values(rows, |mut values, (row, page)| {
            values
                .push_bind(&row.waba_id)
                .push_bind(&row.first_id)
                .push_bind(&page.template_ids)
                .push_bind(&page.state);
        });
        query.push(
            " ON CONFLICT (waba_id, first_id) \
             DO UPDATE SET template_ids = excluded.template_ids, state = excluded.state",
        );
        query.build().execute(&mut *connection).await?;
    }
    for row in rows.iter().filter(|row| row.page.is_none()) {
        sqlx::query("DELETE FROM template_pages WHERE waba_id = $1 AND first_id = $2")
            .bind(&row.waba_id)
            .bind(&row.first_id)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
