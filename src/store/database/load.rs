//! Loads the state at the start, and after a commit with unknown outcome.

use std::collections::BTreeMap;

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::write::keys_table;
use super::{Database, StoreError, Table};
use crate::state::DedupScope;

/// Maximum number of accounts in one statement; SQLite accepts 32,766 values.
const ACCOUNTS_AT_ONCE: usize = 1_000;

/// One account's rows, as JSON.
#[derive(Debug, Default)]
pub struct SavedAccount {
    /// The account itself, without the objects below.
    pub state: String,
    /// Its numbers.
    pub numbers: Vec<String>,
    /// Its templates.
    pub templates: Vec<String>,
    /// The message counters of its numbers.
    pub traffic: Vec<String>,
    /// The daily figures of its templates.
    pub template_insights: Vec<String>,
    /// The daily figures of its numbers.
    pub number_insights: Vec<String>,
    /// Their open conversations.
    pub conversations: Vec<SavedConversation>,
    /// Their recipients.
    pub recipients: Vec<SavedRecipient>,
}

/// One conversation's row: its number, its key, and its JSON.
pub type SavedConversation = (String, String, String);

/// One recipient's row: its number, its key, and its JSON.
pub type SavedRecipient = (String, String, String);

/// Saved accounts by id.
pub type SavedAccounts = BTreeMap<String, SavedAccount>;

impl Database {
    /// Loads those of these accounts that are stored.
    pub async fn load(&mut self, waba_ids: &[String]) -> Result<SavedAccounts, StoreError> {
        let connection = self.connection()?;
        let mut saved = SavedAccounts::new();
        for ids in waba_ids.chunks(ACCOUNTS_AT_ONCE) {
            load_some(connection, ids, &mut saved).await?;
        }
        Ok(saved)
    }

    /// The delivery keys remembered in this window, oldest first, with their numbers.
    pub async fn delivery_keys(
        &mut self,
        window: DedupScope,
    ) -> Result<Vec<(i64, String)>, StoreError> {
        let table = keys_table(window);
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "SELECT number, delivery_key FROM {table} ORDER BY number"
        ));
        Ok(query.build_query_as().fetch_all(self.connection()?).await?)
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
        let mut query = rows_of("accounts", ids);
        let rows = query.build_query_as::<(String, String)>();
        for (waba_id, state) in rows.fetch_all(&mut *connection).await? {
            saved.entry(waba_id).or_default().state = state;
        }
    }
    Ok(saved)
}

async fn load_some(
    connection: &mut SqliteConnection,
    ids: &[String],
    saved: &mut SavedAccounts,
) -> sqlx::Result<()> {
    let mut query = rows_of("accounts", ids);
    for (waba_id, state) in query
        .build_query_as::<(String, String)>()
        .fetch_all(&mut *connection)
        .await?
    {
        saved.entry(waba_id).or_default().state = state;
    }
    for table in Table::ALL {
        let mut query = rows_of(table.name_and_key().0, ids);
        let rows = query.build_query_as::<(String, String)>();
        for (waba_id, state) in rows.fetch_all(&mut *connection).await? {
            // Each object is written in one transaction with its account, so the account exists.
            let account = saved.entry(waba_id).or_default();
            match table {
                Table::Numbers => account.numbers.push(state),
                Table::Templates => account.templates.push(state),
                Table::Traffic => account.traffic.push(state),
                Table::TemplateInsights => account.template_insights.push(state),
                Table::NumberInsights => account.number_insights.push(state),
            }
        }
    }
    load_conversations(connection, ids, saved).await?;
    load_recipients(connection, ids, saved).await
}

async fn load_conversations(
    connection: &mut SqliteConnection,
    ids: &[String],
    saved: &mut SavedAccounts,
) -> sqlx::Result<()> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "SELECT waba_id, phone_number_id, conversation, state FROM conversations WHERE waba_id IN (",
    );
    push_list(&mut query, ids);
    type Row = (String, String, String, String);
    let rows: Vec<Row> = query.build_query_as().fetch_all(connection).await?;
    for (waba_id, number, conversation, state) in rows {
        let account = saved.entry(waba_id).or_default();
        account.conversations.push((number, conversation, state));
    }
    Ok(())
}

async fn load_recipients(
    connection: &mut SqliteConnection,
    ids: &[String],
    saved: &mut SavedAccounts,
) -> sqlx::Result<()> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "SELECT waba_id, phone_number_id, recipient, state FROM recipients WHERE waba_id IN (",
    );
    push_list(&mut query, ids);
    type Row = (String, String, String, String);
    let rows: Vec<Row> = query.build_query_as().fetch_all(connection).await?;
    for (waba_id, number, recipient, state) in rows {
        let account = saved.entry(waba_id).or_default();
        account.recipients.push((number, recipient, state));
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
