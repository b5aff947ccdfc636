//! Loads the state of accounts, when their shard is acquired.

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgConnection;

use super::customer_segments::load_segments;
use crate::store::engine::{SavedAccount, SavedAccounts, SavedTemplatePage, StoreError, Table};

/// Loads those of these accounts that are stored.
pub(super) async fn load(
    connection: &mut PgConnection,
    waba_ids: &[String],
) -> Result<SavedAccounts, StoreError> {
    let mut saved = SavedAccounts::new();
    load_accounts(connection, waba_ids, &mut saved).await?;
    for table in Table::ALL {
        load_objects(connection, table, waba_ids, &mut saved).await?;
    }
    load_template_pages(connection, waba_ids, &mut saved).await?;
    load_customers(connection, waba_ids, &mut saved).await?;
    Ok(saved)
}

/// Loads what the use of a messaging limit is computed from.
pub(super) async fn load_for_limits(
    connection: &mut PgConnection,
    waba_ids: &[String],
) -> Result<SavedAccounts, StoreError> {
    let mut saved = SavedAccounts::new();
    load_accounts(connection, waba_ids, &mut saved).await?;
    for table in [Table::Numbers, Table::Traffic] {
        load_objects(connection, table, waba_ids, &mut saved).await?;
    }
    load_customers(connection, waba_ids, &mut saved).await?;
    Ok(saved)
}

async fn load_objects(
    connection: &mut PgConnection,
    table: Table,
    waba_ids: &[String],
    saved: &mut SavedAccounts,
) -> sqlx::Result<()> {
    let (name, key) = table.name_and_key();
    let query = format!(
        "SELECT waba_id, state FROM {name} WHERE waba_id = ANY($1) ORDER BY waba_id, {key}"
    );
    let query = sqlx::query_as(AssertSqlSafe(query)).bind(waba_ids);
    let rows: Vec<(String, String)> = query.fetch_all(connection).await?;
    add_objects(saved, table, rows);
    Ok(())
}

async fn load_customers(
    connection: &mut PgConnection,
    waba_ids: &[String],
    saved: &mut SavedAccounts,
) -> sqlx::Result<()> {
    for segment in load_segments(connection, waba_ids).await? {
        let account = saved.entry(segment.waba_id.clone()).or_default();
        account.segments.push(segment);
    }
    Ok(())
}

/// Loads the daily figures of all accounts, or of one, with the rows of the accounts themselves.
pub(super) async fn load_insights(
    connection: &mut PgConnection,
    waba_id: Option<&str>,
) -> sqlx::Result<SavedAccounts> {
    let mut saved = SavedAccounts::new();
    for table in [Table::TemplateInsights, Table::NumberInsights] {
        let (name, key) = table.name_and_key();
        let query = format!(
            "SELECT waba_id, state FROM {name} WHERE $1 IS NULL OR waba_id = $1 ORDER BY waba_id, {key}"
        );
        let query = sqlx::query_as(AssertSqlSafe(query)).bind(waba_id);
        let rows: Vec<(String, String)> = query.fetch_all(&mut *connection).await?;
        add_objects(&mut saved, table, rows);
    }
    let waba_ids: Vec<String> = saved.keys().cloned().collect();
    load_accounts(connection, &waba_ids, &mut saved).await?;
    Ok(saved)
}

fn add_objects(saved: &mut SavedAccounts, table: Table, rows: Vec<(String, String)>) {
    for (waba_id, state) in rows {
        // Each object is written in one transaction with its account, so the account exists.
        let account: &mut SavedAccount = saved.entry(waba_id).or_default();
        match table {
            Table::Numbers => account.numbers.push(state),
            Table::Traffic => account.traffic.push(state),
            Table::TemplateInsights => account.template_insights.push(state),
            Table::NumberInsights => account.number_insights.push(state),
        }
    }
}

async fn load_accounts(
    connection: &mut PgConnection,
    waba_ids: &[String],
    saved: &mut SavedAccounts,
) -> sqlx::Result<()> {
    let query = "SELECT waba_id, accounts.state, refreshes.state FROM accounts LEFT JOIN refreshes USING (waba_id) \
         WHERE waba_id = ANY($1)";
    let query = sqlx::query_as(query).bind(waba_ids);
    let rows: Vec<(String, String, Option<String>)> = query.fetch_all(connection).await?;
    for (waba_id, state, polls) in rows {
        let account = saved.entry(waba_id).or_default();
        (account.state, account.polls) = (state, polls);
    }
    Ok(())
}

async fn load_template_pages(
    connection: &mut PgConnection,
    waba_ids: &[String],
    saved: &mut SavedAccounts,
) -> sqlx::Result<()> {
    let query = "SELECT waba_id, first_id, template_ids, state FROM template_pages WHERE waba_id = ANY($1) \
         ORDER BY waba_id, first_id";
    let query = sqlx::query_as(query).bind(waba_ids);
    let rows: Vec<(String, String, String, Vec<u8>)> = query.fetch_all(connection).await?;
    for (waba_id, first_id, template_ids, state) in rows {
        let page = SavedTemplatePage {
            template_ids,
            state,
        };
        let account = saved.entry(waba_id).or_default();
        account.template_pages.push((first_id, page));
    }
    Ok(())
}
