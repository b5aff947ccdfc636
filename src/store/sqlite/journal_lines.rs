//! Writes lines of the journal, in their compact form.
//!
//! Accounts, entities, attributes and Meta's words have integers, which are assigned in the transaction that first
//! needs them. The tables are described in migration 17.

use std::collections::BTreeSet;

use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::statement::ROWS_AT_ONCE;
use crate::store::engine::JournalInsert;

/// The selection of values that are stored as words. Other values, such as limits and dates, are stored as text,
/// because they can be arbitrarily many. The largest number of words is a multiple of what Meta documents; it limits
/// the table should a value be free text.
pub(super) const IS_WORD: &str = "length(text) <= 64 AND text NOT GLOB '*[^A-Za-z_]*' \
     AND (SELECT count(*) FROM journal_words) < 4096";

/// The integer of an account.
pub(super) fn account_of(waba_id: &str) -> String {
    format!("(SELECT account FROM journal_accounts WHERE waba_id = {waba_id})")
}

/// The integers of an account's entities.
pub(super) fn entities_of(waba_id: &str) -> String {
    let account = account_of(waba_id);
    format!("(SELECT entity FROM journal_entities WHERE account = {account})")
}

/// The integer of a kind of entity.
pub(super) fn kind_of(entity: &str) -> String {
    format!("CASE {entity} WHEN 'template' THEN 0 WHEN 'phone_number' THEN 1 ELSE 2 END")
}

/// The stored form of an entity's id: an integer if that gives the same text again.
pub(super) fn id_of(text: &str) -> String {
    format!("iif(CAST(CAST({text} AS INTEGER) AS TEXT) = {text}, CAST({text} AS INTEGER), {text})")
}

/// The integer of an entity.
pub(super) fn entity_of(waba_id: &str, entity: &str, id: &str) -> String {
    let (account, kind, id) = (account_of(waba_id), kind_of(entity), id_of(id));
    format!(
        "(SELECT entity FROM journal_entities WHERE account = {account} AND kind = {kind} AND id = {id})"
    )
}

/// The integer of an attribute.
pub(super) fn attribute_of(entity: &str, name: &str) -> String {
    format!("(SELECT attribute FROM journal_attributes WHERE entity = {entity} AND name = {name})")
}

/// The stored form of a value: the integer of a known word, or the text.
pub(super) fn value_of(text: &str) -> String {
    format!("coalesce((SELECT word FROM journal_words WHERE text = {text}), {text})")
}

/// Deletes these lines.
pub(super) async fn delete_lines(
    connection: &mut SqliteConnection,
    lines: &[JournalInsert],
) -> sqlx::Result<()> {
    let delete = format!(
        "DELETE FROM transitions WHERE entity = {} AND attribute = {} AND order_ms = $5 \
         AND is_webhook = ($6 = 'webhook') AND to_value = {}",
        entity_of("$1", "$2", "$3"),
        attribute_of("$2", "$4"),
        value_of("$7"),
    );
    for line in lines {
        sqlx::query(sqlx::AssertSqlSafe(delete.clone()))
            .bind(&line.waba_id)
            .bind(line.entity)
            .bind(&line.entity_id)
            .bind(line.attribute)
            .bind(line.order_ms)
            .bind(line.source)
            .bind(line.to.as_ref())
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// A line with the text of another owner.
#[derive(Clone, Copy)]
pub(super) struct LineText<'a> {
    pub waba_id: &'a str,
    pub entity: &'a str,
    pub entity_id: &'a str,
    pub attribute: &'a str,
    pub order_ms: i64,
    pub is_webhook: bool,
    pub from: Option<&'a str>,
    pub to: &'a str,
}

impl<'a> From<&'a JournalInsert> for LineText<'a> {
    fn from(line: &'a JournalInsert) -> Self {
        Self {
            waba_id: &line.waba_id,
            entity: line.entity,
            entity_id: &line.entity_id,
            attribute: line.attribute,
            order_ms: line.order_ms,
            is_webhook: line.source == "webhook",
            from: line.from.as_deref(),
            to: &line.to,
        }
    }
}

/// Inserts these lines. Of a line that exists already, the previous value is replaced.
pub(super) async fn insert_lines(
    connection: &mut SqliteConnection,
    lines: &[JournalInsert],
) -> sqlx::Result<()> {
    let lines: Vec<LineText> = lines.iter().map(LineText::from).collect();
    insert_texts(connection, &lines).await
}

/// The same for lines with the text of another owner.
pub(super) async fn insert_texts(
    connection: &mut SqliteConnection,
    lines: &[LineText<'_>],
) -> sqlx::Result<()> {
    for lines in lines.chunks(ROWS_AT_ONCE) {
        assign_integers(connection, lines).await?;
        let mut query = QueryBuilder::<Sqlite>::new(format!(
            "INSERT INTO transitions (entity, attribute, order_ms, is_webhook, from_value, to_value) \
             SELECT {}, {}, column5, column6, {}, {} FROM (",
            entity_of("column1", "column2", "column3"),
            attribute_of("column2", "column4"),
            value_of("column7"),
            value_of("column8"),
        ));
        query.push_values(lines, |mut row, line| {
            row.push_bind(line.waba_id)
                .push_bind(line.entity)
                .push_bind(line.entity_id)
                .push_bind(line.attribute)
                .push_bind(line.order_ms)
                .push_bind(line.is_webhook)
                .push_bind(line.from)
                .push_bind(line.to);
        });
        query.push(
            ") WHERE true ON CONFLICT (entity, attribute, order_ms, is_webhook, to_value) \
             DO UPDATE SET from_value = excluded.from_value",
        );
        query.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Assigns integers to what these lines name, if it has none.
async fn assign_integers(
    connection: &mut SqliteConnection,
    lines: &[LineText<'_>],
) -> sqlx::Result<()> {
    let accounts: BTreeSet<&str> = lines.iter().map(|line| line.waba_id).collect();
    let accounts = accounts.into_iter().map(|waba_id| [waba_id]);
    let into = "INSERT INTO journal_accounts (waba_id) SELECT column1 FROM (";
    assign(connection, into, accounts, ") WHERE true").await?;

    let account = account_of("column1");
    let (kind, id) = (kind_of("column2"), id_of("column3"));
    let into = format!(
        "INSERT INTO journal_entities (account, kind, id) SELECT {account}, {kind}, {id} FROM ("
    );
    let entities: BTreeSet<[&str; 3]> = lines
        .iter()
        .map(|line| [line.waba_id, line.entity, line.entity_id])
        .collect();
    assign(connection, &into, entities, ") WHERE true").await?;

    let into = "INSERT INTO journal_attributes (entity, name) SELECT column1, column2 FROM (";
    let attributes = lines.iter().map(|line| [line.entity, line.attribute]);
    let attributes: BTreeSet<[&str; 2]> = attributes.collect();
    assign(connection, into, attributes, ") WHERE true").await?;

    let values = lines.iter().flat_map(|line| [line.from, Some(line.to)]);
    let words: BTreeSet<[&str; 1]> = values.flatten().map(|value| [value]).collect();
    let into = "INSERT INTO journal_words (text) SELECT text FROM (SELECT column1 AS text FROM (";
    assign(connection, into, words, &format!(")) WHERE {IS_WORD}")).await
}

/// Inserts rows that do not exist yet.
async fn assign<const N: usize>(
    connection: &mut SqliteConnection,
    into: &str,
    rows: impl IntoIterator<Item = [&str; N]>,
    end: &str,
) -> sqlx::Result<()> {
    let mut query = QueryBuilder::<Sqlite>::new(into);
    query.push_values(rows, |mut row, values| {
        for value in values {
            row.push_bind(value.to_owned());
        }
    });
    query.push(end).push(" ON CONFLICT DO NOTHING");
    query.build().execute(connection).await.map(drop)
}
