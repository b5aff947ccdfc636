//! Loads the state at the start, and after a commit with unknown outcome.

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::Database;
use super::customer_segments::load_segments;
use crate::store::engine::{SavedAccounts, SavedTemplatePage, StoreError, Table};

/// Maximum number of accounts in one statement; SQLite accepts 32,766 values.
const ACCOUNTS_AT_ONCE: usize = 1_000;

impl Database {
    /// Loads those of these accounts that are stored: at most [`ACCOUNTS_PER_LOAD`].
    pub async fn load(&mut self, waba_ids: &[String]) -> Result<SavedAccounts, StoreError> {
        let mut saved = SavedAccounts::new();
        load_some(self.connection()?, waba_ids, &mut saved).await?;
        Ok(saved)
    }
}

/// Loads the daily figures of all accounts, or of one, with the rows of the accounts themselves. A store that a version
/// without daily figures has written has none.
pub(super) async fn load_insights(
    connection: &mut SqliteConnection,
    waba_id: Option<&str>,
) -> Result<SavedAccounts, StoreError> {
    let mut saved = SavedAccounts::new();
    for table in [Table::TemplateInsights, Table::NumberInsights] {
        let (name, _) = table.name_and_key();
        let found = sqlx::query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1")
            .bind(name)
            .fetch_optional(&mut *connection)
            .await?;
        if found.is_none() {
            continue;
        }
        let rows: Vec<(String, String)> = sqlx::query_as(sqlx::AssertSqlSafe(format!(
            "SELECT waba_id, state FROM {name} WHERE $1 IS NULL OR waba_id = $1"
        )))
        .bind(waba_id)
        .fetch_all(&mut *connection)
        .await?;
        for (waba_id, state) in rows {
            let account = saved.entry(waba_id).or_default();
            match table {
                Table::TemplateInsights => account.template_insights.push(state),
                _ => account.number_insights.push(state),
            }
        }
    }
    let ids: Vec<String> = saved.keys().cloned().collect();
    for ids in ids.chunks(ACCOUNTS_AT_ONCE) {
        load_accounts(connection, ids, &mut saved).await?;
    }
    Ok(saved)
}

async fn load_some(
    connection: &mut SqliteConnection,
    ids: &[String],
    saved: &mut SavedAccounts,
) -> sqlx::Result<()> {
    load_accounts(connection, ids, saved).await?;
    for table in Table::ALL {
        let mut query = rows_of(table.name_and_key().0, ids);
        let rows = query.build_query_as::<(String, String)>();
        for (waba_id, state) in rows.fetch_all(&mut *connection).await? {
            // Each object is written in one transaction with its account, so the account exists.
            let account = saved.entry(waba_id).or_default();
            match table {
                Table::Numbers => account.numbers.push(state),
                Table::Traffic => account.traffic.push(state),
                Table::TemplateInsights => account.template_insights.push(state),
                Table::NumberInsights => account.number_insights.push(state),
            }
        }
    }
    load_template_pages(connection, ids, saved).await?;
    for segment in load_segments(connection, ids).await? {
        let account = saved.entry(segment.waba_id.clone()).or_default();
        account.segments.push(segment);
    }
    Ok(())
}

async fn load_accounts(
    connection: &mut SqliteConnection,
    ids: &[String],
    saved: &mut SavedAccounts,
) -> sqlx::Result<()> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "SELECT waba_id, accounts.state, refreshes.state FROM accounts LEFT JOIN refreshes USING (waba_id) \
         WHERE waba_id IN (",
    );
    push_list(&mut query, ids);
    type Row = (String, String, Option<String>);
    let rows: Vec<Row> = query.build_query_as().fetch_all(connection).await?;
    for (waba_id, state, polls) in rows {
        let account = saved.entry(waba_id).or_default();
        (account.state, account.polls) = (state, polls);
    }
    Ok(())
}

async fn load_template_pages(
    connection: &mut SqliteConnection,
    ids: &[String],
    saved: &mut SavedAccounts,
) -> sqlx::Result<()> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "SELECT waba_id, first_id, template_ids, state FROM template_pages WHERE waba_id IN (",
    );
    push_list(&mut query, ids);
    type Row = (String, String, String, Vec<u8>);
    let rows: Vec<Row> = query.build_query_as().fetch_all(connection).await?;
    for (waba_id, first_id, template_ids, state) in rows {
        let account = saved.entry(waba_id).or_default();
        let page = SavedTemplatePage {
            template_ids,
            state,
        };
        account.template_pages.push((first_id, page));
    }
    Ok(())
}

fn rows_of(table: &str, ids: &[String]) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(format!(
        "SELECT waba_id, state FROM {table} WHERE waba_id IN ("
    ));
    push_list(&mut query, ids);
    query
}

fn push_list(query: &mut QueryBuilder<Sqlite>, ids: &[String]) {
    let mut list = query.separated(", ");
    for id in ids {
        list.push_bind(id.clone());
    }
    query.push(")");
}
