//! The content of a store in a form that both engines have, for a copy from one to the other.
//!
//! A row has the same values in both, although the tables differ: the journal is text, changes for receivers are
//! numbered from 1, and delivery keys are in the order in which they would be forgotten.

use async_trait::async_trait;
use sqlx::{ColumnIndex, Database, Decode, Row, Type};
use tokio::sync::mpsc;

use super::StoreError;

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CopiedValue {
    /// No value.
    Null,
    /// A number or a time.
    Integer(i64),
    /// Yes or no.
    Flag(bool),
    /// A text without the character NUL, which PostgreSQL refuses.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// The values of a row, in the order of the table's columns.
pub type CopiedRow = Vec<CopiedValue>;

/// Rows that are read and written together.
pub type CopiedRows = Vec<CopiedRow>;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// [`CopiedValue::Integer`].
    Integer,
    /// [`CopiedValue::Flag`].
    Flag,
    /// [`CopiedValue::Text`].
    Text,
    /// [`CopiedValue::Bytes`].
    Bytes,
}

/// The part of a store that one statement can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopiedTable {
    /// The times of polls. Before the accounts, which refer to them.
    Refreshes,
    /// The accounts.
    Accounts,
    /// Phone numbers.
    Numbers,
    /// The message counters of phone numbers.
    Traffic,
    /// Pages of templates.
    TemplatePages,
    /// The customers of phone numbers.
    CustomerSegments,
    /// The daily figures of templates.
    TemplateInsights,
    /// The daily figures of phone numbers.
    NumberInsights,
    /// Keys of changes of the business that were applied.
    ManagementKeys,
    /// Keys of messages that were applied.
    MessageKeys,
    /// The journal.
    Journal,
    /// The discovered accounts of each app.
    Discovered,
    /// Deliveries for upstreams.
    RelayParcels,
    /// Which upstream has not accepted which delivery.
    RelayPending,
    /// Changes for receivers of notifications.
    NotifyQueue,
    /// How many of these changes each receiver has accepted.
    NotifyReceivers,
    /// The check value of the customer key, and Meta's time.
    Settings,
}

use ColumnKind::{Bytes, Flag, Integer, Text};

impl CopiedTable {
    /// All tables, in the order in which they are copied.
    pub const ALL: [Self; 17] = [
        Self::Refreshes,
        Self::Accounts,
        Self::Numbers,
        Self::Traffic,
        Self::TemplatePages,
        Self::CustomerSegments,
        Self::TemplateInsights,
        Self::NumberInsights,
        Self::ManagementKeys,
        Self::MessageKeys,
        Self::Journal,
        Self::Discovered,
        Self::RelayParcels,
        Self::RelayPending,
        Self::NotifyQueue,
        Self::NotifyReceivers,
        Self::Settings,
    ];

    /// Name of the table in both engines, except that of the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refreshes => "refreshes",
            Self::Accounts => "accounts",
            Self::Numbers => "phone_numbers",
            Self::Traffic => "traffic",
            Self::TemplatePages => "template_pages",
            Self::CustomerSegments => "customer_segments",
            Self::TemplateInsights => "template_insights",
            Self::NumberInsights => "number_insights",
            Self::ManagementKeys => "delivery_key_segments",
            Self::MessageKeys => "message_key_segments",
            Self::Journal => "transitions",
            Self::Discovered => "discovered_accounts",
            Self::RelayParcels => "relay_parcels",
            Self::RelayPending => "relay_pending",
            Self::NotifyQueue => "notify_queue",
            Self::NotifyReceivers => "notify_receivers",
            Self::Settings => "settings",
        }
    }

    /// Name and kind of each column of a row.
    pub fn columns(self) -> &'static [(&'static str, ColumnKind)] {
        match self {
            Self::Refreshes => &[("waba_id", Text), ("saved_ms", Integer), ("state", Text)],
            Self::Accounts => &[("waba_id", Text), ("state", Text)],
            Self::Numbers | Self::Traffic | Self::NumberInsights => &[
                ("waba_id", Text),
                ("phone_number_id", Text),
                ("state", Text),
            ],
            Self::TemplateInsights => &[("waba_id", Text), ("template_id", Text), ("state", Text)],
            Self::TemplatePages => &[
                ("waba_id", Text),
                ("first_id", Text),
                ("template_ids", Text),
                ("state", Bytes),
            ],
            Self::CustomerSegments => &[
                ("waba_id", Text),
                ("phone_number_id", Text),
                ("segment", Integer),
                ("entries", Integer),
                ("content", Bytes),
            ],
            Self::ManagementKeys | Self::MessageKeys => &[("newest", Integer), ("keys", Bytes)],
            Self::Journal => &[
                ("waba_id", Text),
                ("entity", Text),
                ("entity_id", Text),
                ("attribute", Text),
                ("order_ms", Integer),
                ("is_webhook", Flag),
                ("from_value", Text),
                ("to_value", Text),
            ],
            Self::Discovered => &[
                ("app", Text),
                ("waba_id", Text),
                ("source", Text),
                ("is_lost", Flag),
            ],
            Self::RelayParcels => &[
                ("parcel", Integer),
                ("received_ms", Integer),
                ("waba_ids", Text),
                ("lanes", Text),
                ("signature", Text),
                ("body", Bytes),
            ],
            Self::RelayPending => &[("upstream", Text), ("parcel", Integer), ("parked", Text)],
            Self::NotifyQueue => &[
                ("number", Integer),
                ("recorded_ms", Integer),
                ("waba_id", Text),
                ("entity", Text),
                ("entity_id", Text),
                ("attribute", Text),
                ("order_ms", Integer),
                ("source", Text),
                ("from_value", Text),
                ("to_value", Text),
                ("account_name", Text),
                ("name", Text),
                ("display_phone_number", Text),
                ("language", Text),
            ],
            Self::NotifyReceivers => &[("receiver", Text), ("settled", Integer)],
            Self::Settings => &[("customer_key", Text), ("clock_ms", Integer)],
        }
    }

    /// The names of the columns, separated by commas.
    pub fn column_names(self) -> String {
        let names: Vec<&str> = self.columns().iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    /// Maximum number of rows that are in memory at once. A delivery can have megabytes.
    pub fn rows_at_once(self) -> usize {
        match self {
            Self::RelayParcels => 8,
            Self::CustomerSegments | Self::TemplatePages => 50,
            _ => 500,
        }
    }
}

/// The row of a table as the database returned it.
pub fn copied_row<R>(table: CopiedTable, row: &R) -> sqlx::Result<CopiedRow>
where
    R: Row,
    usize: ColumnIndex<R>,
    i64: Value<R::Database>,
    bool: Value<R::Database>,
    String: Value<R::Database>,
    Vec<u8>: Value<R::Database>,
{
    let columns = table.columns().iter().enumerate();
    let values = columns.map(|(place, (_, kind))| {
        let value = match kind {
            Integer => row
                .try_get::<Option<i64>, _>(place)?
                .map(CopiedValue::Integer),
            Flag => row
                .try_get::<Option<bool>, _>(place)?
                .map(CopiedValue::Flag),
            Text => row.try_get::<Option<String>, _>(place)?.map(text),
            Bytes => row
                .try_get::<Option<Vec<u8>>, _>(place)?
                .map(CopiedValue::Bytes),
        };
        Ok(value.unwrap_or(CopiedValue::Null))
    });
    values.collect()
}

/// A type that a column can have.
pub trait Value<D: Database>: Type<D> + for<'r> Decode<'r, D> {}

impl<D: Database, T: Type<D> + for<'r> Decode<'r, D>> Value<D> for T {}

fn text(text: String) -> CopiedValue {
    CopiedValue::Text(match text.contains('\0') {
        true => text.replace('\0', "\u{fffd}"),
        false => text,
    })
}

impl CopiedValue {
    /// The text. `None` for another value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer. `None` for another value.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// Yes or no. `None` for another value.
    pub fn as_flag(&self) -> Option<bool> {
        match self {
            Self::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The bytes. `None` for another value.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Approximate size in memory.
    pub fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Null | Self::Integer(_) | Self::Flag(_) => 0,
        }
    }
}

/// A store within the one transaction of a copy, from which all other writers are kept out.
#[async_trait]
pub trait CopySide: Send {
    /// The tables that have rows, without the settings, and their numbers of rows.
    async fn contents(&mut self) -> Result<Vec<(&'static str, i64)>, StoreError>;

    /// Sends all rows of a table, a few at a time. Ends early without an error if the receiver was dropped.
    async fn read(
        &mut self,
        table: CopiedTable,
        rows: mpsc::Sender<CopiedRows>,
    ) -> Result<(), StoreError>;

    /// Adds these rows, at most [`CopiedTable::rows_at_once`].
    async fn write(&mut self, table: CopiedTable, rows: &[CopiedRow]) -> Result<(), StoreError>;

    /// Makes everything durable.
    async fn commit(&mut self) -> Result<(), StoreError>;

    /// Closes the store. Without a commit, nothing has been written.
    async fn close(self: Box<Self>) -> Result<(), StoreError>;
}
