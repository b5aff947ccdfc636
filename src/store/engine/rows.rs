//! The rows of accounts, as engines store them. Their meaning is in the modules of the store that make them.

use std::collections::BTreeMap;

use crate::domain::{PhoneNumberId, Shard, WabaId};
use crate::state::DedupScope;

/// A table with one row per object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Phone numbers.
    Numbers,
    /// The message counters of a phone number.
    Traffic,
    /// The daily figures of a message template.
    TemplateInsights,
    /// The daily figures of a phone number.
    NumberInsights,
}

impl Table {
    /// All tables of objects.
    pub const ALL: [Self; 4] = [
        Self::Numbers,
        Self::Traffic,
        Self::TemplateInsights,
        Self::NumberInsights,
    ];

    /// Name of the table, and of the column with the object's id.
    pub fn name_and_key(self) -> (&'static str, &'static str) {
        match self {
            Self::Numbers => ("phone_numbers", "phone_number_id"),
            Self::Traffic => ("traffic", "phone_number_id"),
            Self::TemplateInsights => ("template_insights", "template_id"),
            Self::NumberInsights => ("number_insights", "phone_number_id"),
        }
    }
}

/// What is loaded of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountParts {
    /// Everything.
    All,
    /// What the use of a messaging limit is computed from: the account, its numbers, and their messages and customers.
    ForLimits,
}

/// The row of one object, or its deletion.
#[derive(Clone, Debug)]
pub struct ObjectRow {
    /// The table of the object.
    pub table: Table,
    /// Id of the object's account.
    pub waba_id: String,
    /// The id of the object.
    pub id: String,
    /// Its state as JSON; `None` deletes the row.
    pub state: Option<String>,
}

/// The rows of an account.
#[derive(Clone, Debug)]
pub struct AccountRows {
    /// Id of the account.
    pub waba_id: String,
    /// The account itself as JSON, if that has changed.
    pub state: Option<String>,
    /// Id of the portfolio that owns it, if known.
    pub business_id: Option<String>,
    /// The times of its polls and what they have spent, as JSON.
    pub polls: String,
    /// Its changed objects.
    pub objects: Vec<ObjectRow>,
}

/// The row of one page of templates, or its deletion.
#[derive(Clone, Debug)]
pub struct TemplatePageRow {
    /// Id of the account.
    pub waba_id: String,
    /// The key of the page among those of its account.
    pub first_id: String,
    /// The page; `None` deletes the row.
    pub page: Option<SavedTemplatePage>,
}

/// The content of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedTemplatePage {
    /// The ids of its templates, separated by spaces.
    pub template_ids: String,
    /// Their state, packed.
    pub state: Vec<u8>,
}

/// One new segment of a log.
#[derive(Clone, Debug)]
pub struct SegmentRow {
    /// The account.
    pub waba_id: WabaId,
    /// The phone number.
    pub phone_number_id: PhoneNumberId,
    /// Its number: that of the segment before it plus one.
    pub segment: i64,
    /// Number of its entries.
    pub entries: usize,
    /// The entries.
    pub content: Vec<u8>,
    /// Older segments up to this number are deleted. `None` keeps all.
    pub compacted: Option<i64>,
}

/// One stored segment.
#[derive(Debug, sqlx::FromRow)]
pub struct SavedSegment {
    /// Id of the account.
    pub waba_id: String,
    /// Id of the phone number.
    pub phone_number_id: String,
    /// Its number.
    pub segment: i64,
    /// Number of its entries.
    #[sqlx(try_from = "i64")]
    pub entries: usize,
    /// The entries.
    pub content: Vec<u8>,
}

impl SavedSegment {
    /// Whether both segments belong to one log.
    pub fn is_in_log_of(&self, other: &Self) -> bool {
        self.waba_id == other.waba_id && self.phone_number_id == other.phone_number_id
    }
}

/// One account's rows, as JSON.
#[derive(Debug, Default)]
pub struct SavedAccount {
    /// The account itself, without the objects below.
    pub state: String,
    /// The times of its polls. `None` if an older version has stored it.
    pub polls: Option<String>,
    /// Its numbers.
    pub numbers: Vec<String>,
    /// Its templates, in pages by their keys.
    pub template_pages: Vec<(String, SavedTemplatePage)>,
    /// The message counters of its numbers.
    pub traffic: Vec<String>,
    /// The daily figures of its templates.
    pub template_insights: Vec<String>,
    /// The daily figures of its numbers.
    pub number_insights: Vec<String>,
    /// The customers of its numbers: the segments of each log, oldest first.
    pub segments: Vec<SavedSegment>,
}

/// Saved accounts by id.
pub type SavedAccounts = BTreeMap<String, SavedAccount>;

/// Changes of one window of delivery keys.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The shard of the accounts.
    pub shard: Shard,
    /// The window that the keys belong to.
    pub scope: DedupScope,
    /// Number of the newest key.
    pub newest: i64,
    /// The new keys, one after another.
    pub new: Vec<u8>,
    /// Keys up to this number are forgotten. Segments with newer keys stay whole.
    pub forgotten: i64,
}

/// A time that Meta's clock has reached, its offset to the time since boot, and the boot.
pub type ClockRow = (Option<i64>, Option<i64>, Option<String>);

/// A row of the table of discovered accounts.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct DiscoveredRow {
    pub app: String,
    pub waba_id: String,
    pub source: String,
    pub is_lost: bool,
}
