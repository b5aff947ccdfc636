//! The rows of the queues of notifications and of the relay.

use sqlx::FromRow;

/// One change, with the names of its entity at that time.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct SignalRow {
    /// Its number, which increases with each change.
    pub number: i64,
    /// Unix milliseconds of its commit.
    pub recorded_ms: i64,
    /// The account.
    pub waba_id: String,
    /// Kind of entity.
    pub entity: String,
    /// Id of the entity.
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
    /// Name of the account.
    pub account_name: Option<String>,
    /// Name of the entity.
    pub name: Option<String>,
    /// The phone number as Meta displays it.
    pub display_phone_number: Option<String>,
    /// Language of the template.
    pub language: Option<String>,
}

/// The stored changes: numbers of the oldest and the newest one. Without rows, the oldest is the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalSpan {
    /// Number of the oldest change.
    pub oldest: i64,
    /// Number of the newest change.
    pub newest: i64,
}

/// A delivery without its content.
#[derive(sqlx::FromRow)]
pub struct RelayRow {
    /// Its number.
    #[sqlx(rename = "parcel")]
    pub delivery: i64,
    /// Unix milliseconds of its receipt.
    pub received_ms: i64,
    /// Ids of its accounts, separated by spaces.
    pub waba_ids: String,
    /// Its lanes as text. `None` in rows of an earlier version.
    pub lanes: Option<String>,
    /// Bytes of its body.
    pub bytes: i64,
    /// Whether it is parked.
    pub is_parked: bool,
}
