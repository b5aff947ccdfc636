//! The queries of the journal.

use sqlx::{QueryBuilder, Sqlite};

use super::journal_lines::{account_of, id_of, kind_of};
use crate::store::engine::{AttributeFilter, JournalFilter, LineKey, SortOrder};

/// The columns to sort by.
fn columns_of(order: SortOrder) -> String {
    match order {
        SortOrder::ByTime => format!(
            "line.order_ms, owner.waba_id, name.entity, CAST(about.id AS TEXT), name.name, \
                 line.is_webhook, {}",
            text_of("line.to_value")
        ),
        SortOrder::ByEntity => format!(
            "line.entity, line.attribute, line.order_ms, line.is_webhook, {}",
            text_of("line.to_value")
        ),
    }
}

/// What the integers of a line stand for. `CROSS JOIN`, because SQLite must begin with the lines.
pub(super) const NAMES: &str = "CROSS JOIN journal_entities AS about ON about.entity = line.entity \
     CROSS JOIN journal_accounts AS owner ON owner.account = about.account \
     CROSS JOIN journal_attributes AS name ON name.attribute = line.attribute";

/// The text of a stored value.
pub(super) fn text_of(value: &str) -> String {
    format!(
        "iif(typeof({value}) = 'integer', (SELECT text FROM journal_words WHERE word = {value}), {value})"
    )
}

/// The columns of a [`JournalLine`] but the previous value, which the index by time does not have.
fn columns() -> String {
    format!(
        "owner.waba_id AS waba_id, name.entity AS entity, CAST(about.id AS TEXT) AS entity_id, \
         name.name AS attribute, line.order_ms AS order_ms, \
         iif(line.is_webhook, 'webhook', 'poll') AS source, {} AS to_value",
        text_of("line.to_value")
    )
}

/// The selected lines: at most `limit`, after skipping `offset`.
pub(super) fn lines_query(
    selection: &JournalFilter,
    order: SortOrder,
    limit: u32,
    offset: u32,
) -> QueryBuilder<Sqlite> {
    let from = text_of("line.from_value");
    let mut query = match order {
        // First the lines from the index alone, then their previous values. In one step, SQLite would look up the row
        // of every index entry, even of skipped ones. `INDEXED BY` is specific to SQLite: without it, a page of one
        // account sorts all lines of that account.
        SortOrder::ByTime => QueryBuilder::new(format!(
            "SELECT page.*, {from} AS from_value FROM (SELECT {}, line.entity AS about, \
             line.attribute AS name, line.is_webhook AS is_webhook, line.to_value AS value \
             FROM transitions AS line INDEXED BY journal_by_time {NAMES} WHERE ",
            columns()
        )),
        SortOrder::ByEntity => named_lines(),
    };
    push_window(&mut query, selection);
    push_selection(&mut query, selection);
    query.push(" ORDER BY ").push(columns_of(order));
    query.push(" LIMIT ").push_bind(limit);
    query.push(" OFFSET ").push_bind(offset);
    if order == SortOrder::ByTime {
        query.push(
            ") AS page CROSS JOIN transitions AS line ON line.entity = about \
             AND line.attribute = name AND line.order_ms = page.order_ms \
             AND line.is_webhook = page.is_webhook AND line.to_value = value \
             ORDER BY page.order_ms, waba_id, page.entity, entity_id, page.attribute, source, \
             page.to_value",
        );
    }
    query
}

/// For each selected attribute, its last line before the selected period.
pub(super) fn in_force_query(selection: &JournalFilter, limit: u32) -> QueryBuilder<Sqlite> {
    let mut query = named_lines();
    query.push("line.order_ms < ").push_bind(selection.since_ms);
    push_selection(&mut query, selection);
    query.push(
        " AND NOT EXISTS (SELECT 1 FROM transitions AS later \
         WHERE later.entity = line.entity AND later.attribute = line.attribute \
         AND later.order_ms > line.order_ms AND later.order_ms < ",
    );
    query.push_bind(selection.since_ms).push(") ORDER BY ");
    query.push(columns_of(SortOrder::ByEntity));
    query.push(" LIMIT ").push_bind(limit);
    query
}

/// The newest lines of these attributes, newest first.
pub(super) fn newest_query(wanted: &AttributeFilter, limit: u32) -> QueryBuilder<Sqlite> {
    let mut query = named_lines();
    query.push("line.order_ms >= ").push_bind(wanted.since_ms);
    // With the kinds of entities, SQLite skips the lines of all templates.
    query.push(
        " AND line.entity IN (SELECT entity FROM journal_entities WHERE account IN \
         (SELECT account FROM journal_accounts WHERE waba_id IN (",
    );
    let mut accounts = query.separated(", ");
    for account in &wanted.accounts {
        accounts.push_bind(account.clone());
    }
    query.push(")) AND kind IN (");
    let mut kinds = query.separated(", ");
    for (entity, _) in &wanted.names {
        kinds.push(kind_of(&format!("'{entity}'")));
    }
    query.push(")) AND line.attribute IN (SELECT attribute FROM journal_attributes WHERE 1 = 0");
    for (entity, attribute) in &wanted.names {
        query.push(" OR (entity = ").push_bind(*entity);
        query.push(" AND name = ").push_bind(*attribute).push(")");
    }
    query.push(
        ") ORDER BY line.order_ms DESC, waba_id, entity_id, attribute, line.is_webhook DESC LIMIT ",
    );
    query.push_bind(limit);
    query
}

/// Whole lines, up to the condition.
fn named_lines() -> QueryBuilder<Sqlite> {
    let (columns, from) = (columns(), text_of("line.from_value"));
    QueryBuilder::new(format!(
        "SELECT {columns}, {from} AS from_value FROM transitions AS line {NAMES} WHERE "
    ))
}

fn push_window(query: &mut QueryBuilder<Sqlite>, selection: &JournalFilter) {
    let JournalFilter {
        since_ms,
        until_ms,
        after,
        ..
    } = selection;
    let first_ms = after.as_ref().map_or(i64::MIN, |key| key.order_ms);
    query
        .push("line.order_ms >= ")
        .push_bind(first_ms.max(*since_ms));
    query.push(" AND line.order_ms < ").push_bind(*until_ms);
    if let Some(LineKey { order_ms, rest }) = after {
        // Only lines of the same time are compared by their texts.
        query.push(" AND (line.order_ms > ").push_bind(*order_ms);
        query.push(" OR (").push(columns_of(SortOrder::ByTime));
        query.push(") > (").push_bind(*order_ms);
        let [waba_id, entity, entity_id, attribute, source, to_value] = rest;
        for text in [waba_id, entity, entity_id, attribute] {
            query.push(", ").push_bind(text.clone());
        }
        query.push(", ").push_bind(source == "webhook");
        query.push(", ").push_bind(to_value.clone()).push("))");
    }
}

fn push_selection(query: &mut QueryBuilder<Sqlite>, selection: &JournalFilter) {
    let JournalFilter {
        waba_id,
        entity,
        entity_id,
        attribute,
        ..
    } = selection;
    if waba_id.is_some() || entity_id.is_some() {
        query.push(" AND line.entity IN (SELECT journal_entities.entity FROM (SELECT ");
        query.push_bind(waba_id.clone()).push(" AS waba_id, ");
        query
            .push_bind(entity_id.clone())
            .push(" AS id) AS wanted ");
        query.push("CROSS JOIN journal_entities WHERE true");
        if waba_id.is_some() {
            query
                .push(" AND account = ")
                .push(account_of("wanted.waba_id"));
        }
        if entity_id.is_some() {
            query
                .push(" AND journal_entities.id = ")
                .push(id_of("wanted.id"));
        }
        query.push(")");
    }
    if entity.is_some() || attribute.is_some() {
        query.push(" AND line.attribute IN (SELECT attribute FROM journal_attributes WHERE true");
        for (column, value) in [("entity", entity), ("name", attribute)] {
            if let Some(value) = value {
                query.push(format!(" AND {column} = "));
                query.push_bind(value.clone());
            }
        }
        query.push(")");
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::super::Database;
    use super::*;
    use crate::store::Location;

    /// SQLite's plan for this query, one step per line.
    async fn plan(selection: &JournalFilter, order: SortOrder) -> String {
        let mut database = Database::open(&Location::Memory).await.expect("memory");
        let query = lines_query(selection, order, 1_000, 0);
        let sql = format!("EXPLAIN QUERY PLAN {}", query.sql().as_str());
        let explain = sqlx::query(sqlx::AssertSqlSafe(sql));
        let steps = explain
            .fetch_all(database.connection().expect("open"))
            .await
            .expect("a plan");
        let steps = steps.iter().map(|step| step.get::<String, _>("detail"));
        steps.collect::<Vec<_>>().join("\n")
    }

    fn after_a_line() -> JournalFilter {
        JournalFilter {
            until_ms: i64::MAX,
            after: Some(LineKey {
                order_ms: 1,
                rest: std::array::from_fn(|_| "1".to_owned()),
            }),
            ..JournalFilter::default()
        }
    }

    #[tokio::test]
    async fn every_page_is_read_from_the_index_by_time() {
        let one = || Some("1".to_owned());
        let selections = [
            after_a_line(),
            JournalFilter {
                waba_id: one(),
                ..after_a_line()
            },
            JournalFilter {
                entity: one(),
                attribute: one(),
                ..after_a_line()
            },
            JournalFilter {
                waba_id: one(),
                entity_id: one(),
                ..after_a_line()
            },
            JournalFilter::default(),
        ];
        for selection in selections {
            let plan = plan(&selection, SortOrder::ByTime).await;
            assert!(
                plan.contains("COVERING INDEX journal_by_time (order_ms>? AND order_ms<?)"),
                "{selection:?}: {plan}"
            );
            // Only lines of the same time are sorted, so that a page ends at its limit.
            assert!(
                plan.contains("USE TEMP B-TREE FOR LAST 6 TERMS OF ORDER BY"),
                "{selection:?}: {plan}"
            );
        }
    }
}
