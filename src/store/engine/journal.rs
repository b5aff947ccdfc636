//! Lines of the journal, and filters of them.

use std::borrow::Cow;

use sqlx::FromRow;

/// One line of the journal.
#[derive(Clone, Debug)]
pub struct JournalInsert {
    /// Id of its account.
    pub waba_id: String,
    /// Kind of entity.
    pub entity: &'static str,
    /// Id of the entity's Graph API node.
    pub entity_id: String,
    /// The attribute.
    pub attribute: &'static str,
    /// Its position among all observations, in milliseconds.
    pub order_ms: i64,
    /// `poll` or `webhook`.
    pub source: &'static str,
    /// The value before. `None` for the first known value.
    pub from: Option<Cow<'static, str>>,
    /// The value after.
    pub to: Cow<'static, str>,
}

impl JournalInsert {
    /// Whether this is the same step, apart from its previous value.
    pub fn is_step(&self, other: &Self) -> bool {
        let key = |line: &Self| (line.attribute, line.order_ms, line.source);
        key(self) == key(other)
            && self.to == other.to
            && self.entity_id == other.entity_id
            && self.entity == other.entity
            && self.waba_id == other.waba_id
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct JournalLine {
    /// The account.
    pub waba_id: String,
    /// Kind of entity.
    pub entity: String,
    /// Id of the entity's Graph API node.
    pub entity_id: String,
    /// The attribute.
    pub attribute: String,
    /// Its position among all observations, in milliseconds.
    pub order_ms: i64,
    /// `poll` or `webhook`.
    pub source: String,
    /// The value before. `None` for the first known value.
    pub from_value: Option<String>,
    /// The value after.
    pub to_value: String,
}

/// Filter of lines; `None` does not filter.
#[derive(Clone, Debug, Default)]
pub struct JournalFilter {
    /// Only lines of this account.
    pub waba_id: Option<String>,
    /// Only lines of this kind of entity.
    pub entity: Option<String>,
    /// Only lines of this entity.
    pub entity_id: Option<String>,
    /// Only lines of this attribute.
    pub attribute: Option<String>,
    /// At or after this moment, in Unix milliseconds.
    pub since_ms: i64,
    /// Before this moment.
    pub until_ms: i64,
    /// After this line.
    pub after: Option<LineKey>,
}

/// Filter of lines by accounts and attributes.
#[derive(Clone, Debug, Default)]
pub struct AttributeFilter {
    /// Accounts to include; few enough to list in a query.
    pub accounts: Vec<String>,
    /// Attributes to include, as (kind of entity, name).
    pub names: Vec<(&'static str, &'static str)>,
    /// At or after this moment, in Unix milliseconds.
    pub since_ms: i64,
}

/// The position of a line among all lines by time. The next page starts after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineKey {
    /// Its position among all observations, in milliseconds.
    pub order_ms: i64,
    /// Its account, kind of entity, entity id, attribute, source, and value after.
    pub rest: [String; 6],
}

/// Corrections of an account's times in the journal.
#[derive(Clone, Debug)]
pub struct Moves {
    /// The account.
    pub waba_id: String,
    /// Old and new times, oldest first.
    pub times: Vec<(i64, i64)>,
    /// Times after this are ahead.
    pub latest_ms: i64,
}

/// Order of the returned lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortOrder {
    /// Oldest first.
    ByTime,
    /// Entity by entity, each oldest first.
    ByEntity,
}
