//! The queries of the journal.

use sqlx::{Postgres, QueryBuilder};

use super::journal_lines::kind_of;
use crate::store::engine::{AttributeFilter, JournalFilter, LineKey, SortOrder};

/// The columns to sort by. Texts are compared by their bytes: all have the collation "C".
fn columns_of(order: SortOrder) -> &'static str {
    match order {
        SortOrder::ByTime => {
            "line.order_ms, owner.waba_id, name.entity, about.id, name.name, line.is_webhook, line.to_value"
        }
        SortOrder::ByEntity => {
            "line.entity, line.attribute, line.order_ms, line.is_webhook, line.to_value"
        }
    }
}

/// Whole lines with the names of what their integers stand for, up to the condition.
const NAMED_LINES: &str = "SELECT owner.waba_id AS waba_id, name.entity AS entity, about.id AS entity_id, \
     name.name AS attribute, line.order_ms AS order_ms, \
     CASE WHEN line.is_webhook THEN 'webhook' ELSE 'poll' END AS source, \
     line.from_value AS from_value, line.to_value AS to_value \
     FROM transitions AS line JOIN journal_entities AS about ON about.entity = line.entity \
     JOIN journal_accounts AS owner ON owner.account = about.account \
     JOIN journal_attributes AS name ON name.attribute = line.attribute WHERE ";

/// The selected lines: at most `limit`, after skipping `offset`.
pub(super) fn lines_query(
    selection: &JournalFilter,
    order: SortOrder,
    limit: u32,
    offset: u32,
) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(NAMED_LINES);
    push_window(&mut query, selection);
    push_selection(&mut query, selection);
    query.push(" ORDER BY ").push(columns_of(order));
    query.push(" LIMIT ").push_bind(i64::from(limit));
    query.push(" OFFSET ").push_bind(i64::from(offset));
    query
}

/// For each selected attribute, its last line before the selected period.
pub(super) fn in_force_query(selection: &JournalFilter, limit: u32) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(NAMED_LINES);
    query.push("line.order_ms < ").push_bind(selection.since_ms);
    push_selection(&mut query, selection);
    query.push(
        " AND NOT EXISTS (SELECT 1 FROM transitions AS later \
         WHERE later.entity = line.entity AND later.attribute = line.attribute \
         AND later.order_ms > line.order_ms AND later.order_ms < ",
    );
    query.push_bind(selection.since_ms).push(") ORDER BY ");
    query.push(columns_of(SortOrder::ByEntity));
    query.push(" LIMIT ").push_bind(i64::from(limit));
    query
}

/// The newest lines of these attributes, newest first.
pub(super) fn newest_query(wanted: &AttributeFilter, limit: u32) -> QueryBuilder<Postgres> {
    let mut query = QueryBuilder::new(NAMED_LINES);
    query.push("line.order_ms >= ").push_bind(wanted.since_ms);
    query.push(" AND owner.waba_id = ANY(");
    query.push_bind(wanted.accounts.clone());
    // With the kinds of entities, the lines of all templates are skipped.
    query.push(") AND about.kind = ANY(");
    let kinds = wanted.names.iter().map(|(entity, _)| kind_of(entity));
    query.push_bind(kinds.collect::<Vec<i16>>());
    query.push(") AND (name.entity, name.name) IN (SELECT * FROM unnest(");
    let (entities, names): (Vec<&str>, Vec<&str>) = wanted.names.iter().copied().unzip();
    query.push_bind(entities).push("::text[], ");
    query.push_bind(names).push("::text[])");
    query.push(
        ") ORDER BY line.order_ms DESC, owner.waba_id, about.id, name.name, line.is_webhook DESC LIMIT ",
    );
    query.push_bind(i64::from(limit));
    query
}

fn push_window(query: &mut QueryBuilder<Postgres>, selection: &JournalFilter) {
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

fn push_selection(query: &mut QueryBuilder<Postgres>, selection: &JournalFilter) {
    let JournalFilter {
        waba_id,
        entity,
        entity_id,
        attribute,
        ..
    } = selection;
    for (column, value) in [
        ("owner.waba_id", waba_id),
        ("about.id", entity_id),
        ("name.entity", entity),
        ("name.name", attribute),
    ] {
        if let Some(value) = value {
            query.push(format!(" AND {column} = "));
            query.push_bind(value.clone());
        }
    }
}
