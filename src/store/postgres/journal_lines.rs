//! Writes lines of the journal, in their compact form.
//!
//! Accounts, entities and attributes have integers. Those of attributes are the same for all replicas. They are
//! assigned before the transaction, so that no transaction waits for another replica's to end. An account and its
//! entities belong to one shard, so only its owner assigns their integers.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use sqlx::AssertSqlSafe;
use sqlx::postgres::{PgArguments, PgConnection};
use sqlx::query::Query;

use super::text::storable;
use crate::store::engine::JournalInsert;

/// The integers of an account's entities.
pub(super) fn entities_of(waba_id: &str) -> String {
    format!(
        "(SELECT entity FROM journal_entities WHERE account = \
         (SELECT account FROM journal_accounts WHERE waba_id = {waba_id}))"
    )
}

/// The integer of a kind of entity.
pub(super) fn kind_of(entity: &str) -> i16 {
    match entity {
        "template" => 0,
        "phone_number" => 1,
        _ => 2,
    }
}

/// The known integers of attributes, by kind of entity and name. They never change.
#[derive(Debug, Default)]
pub(super) struct JournalNames(HashMap<(&'static str, &'static str), i32>);

impl JournalNames {
    /// Assigns integers to the attributes of these lines that have none. Not within a transaction.
    pub async fn assign(
        &mut self,
        connection: &mut PgConnection,
        lines: &[JournalInsert],
    ) -> sqlx::Result<()> {
        let names = lines.iter().map(|line| (line.entity, line.attribute));
        let missing: BTreeSet<_> = names.filter(|name| !self.0.contains_key(name)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let (entities, names): (Vec<&str>, Vec<&str>) = missing.iter().copied().unzip();
        let assign = "INSERT INTO journal_attributes (entity, name) SELECT * FROM unnest($1::text[], $2::text[]) \
             ON CONFLICT DO NOTHING";
        let assign = sqlx::query(assign).bind(&entities).bind(&names);
        assign.execute(&mut *connection).await?;
        // A second statement, because the first does not see what another replica has assigned meanwhile.
        let read = "SELECT entity, name, attribute FROM journal_attributes \
             JOIN unnest($1::text[], $2::text[]) AS missing (entity, name) USING (entity, name)";
        let read = sqlx::query_as(read).bind(&entities).bind(&names);
        let found: Vec<(String, String, i32)> = read.fetch_all(connection).await?;
        for (entity, name, attribute) in found {
            let named = (entity.as_str(), name.as_str());
            let known = missing.iter().find(|known| **known == named);
            self.0.extend(known.map(|known| (*known, attribute)));
        }
        Ok(())
    }

    /// The integer of a line's attribute. `None` if no line has ever had the attribute.
    fn attribute_of(&self, line: &JournalInsert) -> Option<i32> {
        self.0.get(&(line.entity, line.attribute)).copied()
    }
}

/// Deletes these lines.
pub(super) async fn delete_lines(
    connection: &mut PgConnection,
    lines: &[JournalInsert],
) -> sqlx::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let entities: Vec<&str> = lines.iter().map(|line| line.entity).collect();
    let names: Vec<&str> = lines.iter().map(|line| line.attribute).collect();
    let delete = format!(
        "DELETE FROM transitions USING {LINES} JOIN unnest($7::text[], $8::text[]) WITH ORDINALITY \
         AS named (entity, name, place) ON named.place = line.place \
         JOIN journal_attributes ON journal_attributes.entity = named.entity AND journal_attributes.name = named.name \
         WHERE transitions.entity = about.entity AND transitions.attribute = journal_attributes.attribute \
         AND transitions.order_ms = line.order_ms AND transitions.is_webhook = line.is_webhook \
         AND transitions.to_value = line.to_value"
    );
    let lines: Vec<&JournalInsert> = lines.iter().collect();
    let delete = bind_lines(sqlx::query(AssertSqlSafe(delete)), &lines);
    let delete = delete.bind(entities).bind(names);
    delete.execute(connection).await.map(drop)
}

/// Inserts these lines, whose attributes have integers. Of a line that exists already, the previous value is replaced.
pub(super) async fn insert_lines(
    connection: &mut PgConnection,
    names: &JournalNames,
    lines: &[JournalInsert],
) -> sqlx::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    assign_entities(connection, lines).await?;
    // PostgreSQL refuses to replace a line that the same statement has inserted: the last one counts.
    let last: BTreeMap<_, &JournalInsert> = lines.iter().map(|line| (key_of(line), line)).collect();
    let lines: Vec<&JournalInsert> = last.into_values().collect();
    let attributes: Vec<Option<i32>> = lines.iter().map(|line| names.attribute_of(line)).collect();
    let before = lines.iter().map(|line| line.from.as_deref().map(storable));
    let before: Vec<Option<_>> = before.collect();
    let insert = format!(
        "INSERT INTO transitions (entity, attribute, order_ms, is_webhook, to_value, from_value) \
         SELECT about.entity, more.attribute, line.order_ms, line.is_webhook, line.to_value, more.from_value \
         FROM {LINES} JOIN unnest($7::int4[], $8::text[]) WITH ORDINALITY AS more (attribute, from_value, place) \
         ON more.place = line.place \
         ON CONFLICT (entity, attribute, order_ms, is_webhook, to_value) \
         DO UPDATE SET from_value = excluded.from_value"
    );
    let insert = bind_lines(sqlx::query(AssertSqlSafe(insert)), &lines);
    let insert = insert.bind(attributes).bind(before);
    insert.execute(connection).await.map(drop)
}

/// Lines with the integers of their entities. The values are those of [`bind_lines`].
const LINES: &str = "unnest($1::text[], $2::int2[], $3::text[], $4::int8[], $5::bool[], $6::text[]) WITH ORDINALITY \
     AS line (waba_id, kind, id, order_ms, is_webhook, to_value, place) \
     JOIN journal_accounts AS owner ON owner.waba_id = line.waba_id \
     JOIN journal_entities AS about \
     ON about.account = owner.account AND about.kind = line.kind AND about.id = line.id";

type Statement<'a> = Query<'a, sqlx::Postgres, PgArguments>;

fn bind_lines<'a>(query: Statement<'a>, lines: &[&'a JournalInsert]) -> Statement<'a> {
    let (waba_ids, kinds, ids) = entities(lines.iter().copied());
    let times: Vec<i64> = lines.iter().map(|line| line.order_ms).collect();
    let webhooks: Vec<bool> = lines.iter().map(|line| is_webhook(line)).collect();
    let values: Vec<_> = lines.iter().map(|line| storable(&line.to)).collect();
    let query = query.bind(waba_ids).bind(kinds).bind(ids);
    query.bind(times).bind(webhooks).bind(values)
}

/// Assigns integers to the accounts and entities of these lines that have none, in the order of their ids.
async fn assign_entities(
    connection: &mut PgConnection,
    lines: &[JournalInsert],
) -> sqlx::Result<()> {
    let key = |line: &&JournalInsert| (line.waba_id.clone(), line.entity, line.entity_id.clone());
    let distinct: BTreeMap<_, &JournalInsert> =
        lines.iter().map(|line| (key(&line), line)).collect();
    let (waba_ids, kinds, ids) = entities(distinct.into_values());
    let assign = "WITH named AS (SELECT * FROM unnest($1::text[], $2::int2[], $3::text[]) WITH ORDINALITY \
           AS named (waba_id, kind, id, place)), \
         new AS (INSERT INTO journal_accounts (waba_id) SELECT DISTINCT waba_id FROM named \
           WHERE waba_id NOT IN (SELECT waba_id FROM journal_accounts WHERE waba_id = ANY($1)) ORDER BY waba_id \
           RETURNING account, waba_id), \
         owner AS (SELECT account, waba_id FROM new \
           UNION ALL SELECT account, waba_id FROM journal_accounts WHERE waba_id = ANY($1)) \
         INSERT INTO journal_entities (account, kind, id) \
         SELECT account, kind, id FROM named JOIN owner USING (waba_id) \
         WHERE NOT EXISTS (SELECT 1 FROM journal_entities AS old \
           WHERE old.account = owner.account AND old.kind = named.kind AND old.id = named.id) ORDER BY place";
    let assign = sqlx::query(assign).bind(waba_ids).bind(kinds).bind(ids);
    assign.execute(connection).await.map(drop)
}

type Entities<'a> = (Vec<&'a str>, Vec<i16>, Vec<std::borrow::Cow<'a, str>>);

fn entities<'a>(lines: impl Iterator<Item = &'a JournalInsert>) -> Entities<'a> {
    let mut all = Entities::default();
    for line in lines {
        all.0.push(&line.waba_id);
        all.1.push(kind_of(line.entity));
        all.2.push(storable(&line.entity_id));
    }
    all
}

fn is_webhook(line: &JournalInsert) -> bool {
    line.source == "webhook"
}

/// The primary key of a line.
fn key_of(line: &JournalInsert) -> impl Ord + use<'_> {
    let entity = (line.waba_id.as_str(), line.entity, line.entity_id.as_str());
    (
        entity,
        line.attribute,
        line.order_ms,
        is_webhook(line),
        line.to.as_ref(),
    )
}
