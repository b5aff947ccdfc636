//! The writes of one commit.

use super::super::relay_queue::RelayDelivery;
use super::{
    AccountRows, ClockRow, JournalInsert, Keys, Moves, SegmentRow, SignalRow, TemplatePageRow,
};

/// The writes of one commit.
#[derive(Default)]
pub struct Writes {
    /// The commit's number: that of the last commit plus one.
    pub number: i64,
    /// Unix milliseconds of the commit.
    pub now_ms: i64,
    /// Accounts, with their changed objects.
    pub accounts: Vec<AccountRows>,
    /// Changed pages of templates.
    pub template_pages: Vec<TemplatePageRow>,
    /// Changed customers of each number.
    pub segments: Vec<SegmentRow>,
    /// New delivery keys of each window that has any.
    pub keys: Vec<Keys>,
    /// New deliveries for the relay, with their numbers.
    pub deliveries: Vec<(i64, RelayDelivery)>,
    /// Names of the upstreams that receive the new deliveries.
    pub upstreams: Vec<String>,
    /// Deliveries before this number are dropped.
    pub oldest_delivery: i64,
    /// New changes for receivers of notifications.
    pub signals: Vec<SignalRow>,
    /// Changes before this number are dropped.
    pub oldest_signal: i64,
    /// Journal lines to delete, before the inserts.
    pub struck: Vec<JournalInsert>,
    /// Journal lines to insert.
    pub added: Vec<JournalInsert>,
    /// Corrections of journal times that were ahead, applied before lines are deleted or inserted.
    pub moves: Vec<Moves>,
    /// Meta's time at the commit.
    pub clock: ClockRow,
}
