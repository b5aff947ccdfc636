//! Queries of the history: transitions of attributes, with time and source, which Meta does not provide.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::engine::{
    AttributeFilter, Engine, JournalFilter, JournalLine, JournalReader, LineKey, SortOrder,
    StoreError, StoreErrorReason,
};
use super::sqlite::Journal;
use super::{Location, OpenError};
use crate::domain::{Timestamp, WabaId};
use crate::state::Stamp;

/// Maximum number of values in force that one query looks up. A fleet of ten thousand numbers has some ninety
/// thousand.
const MAX_IN_FORCE: u32 = 1_000_000;

/// Timeout of one query. A page takes some milliseconds, and a second or two if few of millions of transitions match.
const QUERY_TIME_LIMIT: Duration = Duration::from_secs(5);

/// Read access to the history. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HistoryReader {
    pub(super) journal: Arc<dyn JournalReader>,
    /// Separate connections for the status page, so that history queries do not delay it.
    recent: Arc<dyn JournalReader>,
    kept_for: Duration,
}

/// Recent transitions of some attributes of some accounts.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// Oldest first.
    pub rows: Vec<HistoryRow>,
    /// The rows are complete from here on. Earlier transitions are pruned, or were too many to read.
    pub complete_since: Timestamp,
}

/// Filter of transitions; `None` does not filter.
#[derive(Clone, Debug)]
pub struct HistoryQuery {
    /// Only transitions of this account.
    pub waba_id: Option<WabaId>,
    /// Only transitions of this kind of entity: one of [`crate::state::Entity::KINDS`].
    pub entity: Option<&'static str>,
    /// Only transitions of the entity with this id.
    pub entity_id: Option<String>,
    /// Only transitions of this attribute.
    pub attribute: Option<String>,
    /// At or after this moment.
    pub since: Timestamp,
    /// Before this moment.
    pub until: Timestamp,
    /// After this transition, in the order of [`HistoryReader::rows`].
    pub after: Option<Cursor>,
}

/// A position among the transitions. The next page starts after it, even if transitions were added or pruned in the
/// meantime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(LineKey);

/// Maximum length of a cursor's text: ids, words and times take a few hundred bytes.
const MAX_CURSOR_BYTES: usize = 4 * 1024;

impl Cursor {
    /// Parses the text that [`fmt::Display`] writes. `None` if it is not valid.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_CURSOR_BYTES {
            return None;
        }
        let json = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (order_ms, rest) = serde_json::from_slice(&json).ok()?;
        Some(Self(LineKey { order_ms, rest }))
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LineKey { order_ms, rest } = &self.0;
        let json = serde_json::to_vec(&(order_ms, rest)).map_err(|_| fmt::Error)?;
        out.write_str(&URL_SAFE_NO_PAD.encode(json))
    }
}

/// One transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryRow {
    /// The account.
    pub waba_id: String,
    /// The kind of entity.
    pub entity: String,
    /// Id of the entity. For an account, the account's id.
    pub entity_id: String,
    /// The attribute.
    pub attribute: String,
    /// Time of the observation; whole seconds for a webhook.
    pub at: Timestamp,
    /// `poll` or `webhook`.
    pub source: String,
    /// The value before. `None` for the first known value.
    pub from: Option<String>,
    /// The value after.
    pub to: String,
    /// Its position among all observations, in milliseconds. A webhook's is the end of its second.
    pub order_ms: i64,
}

impl HistoryRow {
    /// Its position among all transitions.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        let rest = [
            &self.waba_id,
            &self.entity,
            &self.entity_id,
            &self.attribute,
            &self.source,
            &self.to,
        ];
        Cursor(LineKey {
            order_ms: self.order_ms,
            rest: rest.map(Clone::clone),
        })
    }
}

/// The history could not be read.
#[derive(Clone, Debug)]
pub enum Unreadable {
    /// The database failed, with its error.
    Failed(String),
    /// The query exceeded its timeout.
    TooSlow,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(why) => write!(out, "the history cannot be read: {why}"),
            Self::TooSlow => write!(
                out,
                "the query took longer than {} s; request a shorter time range, or one account or entity",
                QUERY_TIME_LIMIT.as_secs()
            ),
        }
    }
}

impl std::error::Error for Unreadable {}

impl From<StoreError> for Unreadable {
    fn from(error: StoreError) -> Self {
        match error.reason {
            StoreErrorReason::Interrupted => Self::TooSlow,
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl HistoryReader {
    pub(super) fn new(database: &dyn Engine, kept_for: Duration) -> Self {
        Self {
            journal: database.journal(QUERY_TIME_LIMIT),
            recent: database.journal(QUERY_TIME_LIMIT),
            kept_for,
        }
    }

    /// Opens the history of a store that another process may be writing to.
    ///
    /// # Errors
    /// If there is no store at the location, or it cannot be read.
    pub async fn open(location: &Location) -> Result<Self, OpenError> {
        let path = location.path();
        let journal = match location {
            Location::Memory => Err(StoreError::unreadable(
                "a store in memory has no history to read",
            )),
            Location::Server(_) => Err(StoreError::unreadable("it is not an SQLite database")),
            Location::File(path) => Journal::open(path).await.map(Arc::new),
        };
        let journal = journal.map_err(|error| OpenError::new(path.clone(), error))?;
        let history = Self {
            recent: Arc::<Journal>::clone(&journal),
            journal,
            // The writer prunes the journal; this reads what exists.
            kept_for: Duration::MAX,
        };
        // So that a file that is not a store is refused at once.
        let tried = history.journal.probe().await;
        tried.map_err(|error| OpenError::new(path, error))?;
        Ok(history)
    }

    /// Transitions, oldest first: at most `limit`, after skipping `offset`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn rows(
        &self,
        question: &HistoryQuery,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<HistoryRow>, Unreadable> {
        let selection = JournalFilter::from(question);
        let lines = self
            .journal
            .lines(&selection, SortOrder::ByTime, limit, offset);
        Ok(lines.await?.into_iter().map(HistoryRow::from).collect())
    }

    /// Transitions entity by entity, each oldest first. Each attribute's transitions start with the one to the value
    /// that was in force at the start of the queried period.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn timelines(&self, question: &HistoryQuery) -> Result<Vec<HistoryRow>, Unreadable> {
        self.journal.check_version().await?;
        let selection = JournalFilter::from(question);
        let mut lines = self.journal.in_force(&selection, MAX_IN_FORCE).await?;
        let within = self
            .journal
            .lines(&selection, SortOrder::ByEntity, u32::MAX, 0);
        lines.extend(within.await?);
        // Stable, so that the value in force stays before later transitions.
        let key = |line: &JournalLine| {
            let JournalLine {
                waba_id,
                entity,
                entity_id,
                attribute,
                ..
            } = line.clone();
            (waba_id, entity, entity_id, attribute)
        };
        lines.sort_by_cached_key(key);
        Ok(lines.into_iter().map(HistoryRow::from).collect())
    }

    /// The newest transitions of these attributes, given as (kind of entity, name), at most `limit` of them.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn recent(
        &self,
        accounts: &BTreeSet<WabaId>,
        attributes: &[(&'static str, &'static str)],
        (since, now): (Timestamp, Timestamp),
        limit: u32,
    ) -> Result<Recent, Unreadable> {
        let attributes = AttributeFilter {
            accounts: accounts.iter().map(WabaId::to_string).collect(),
            names: attributes.to_vec(),
            since_ms: since.as_millis(),
        };
        let lines = self.recent.newest(&attributes, limit).await?;
        let is_cut = lines.len() >= limit as usize;
        let mut rows: Vec<_> = lines.into_iter().map(HistoryRow::from).collect();
        rows.reverse();
        let oldest = rows.first().filter(|_| is_cut);
        let complete_since = oldest.map_or(since, |oldest| oldest.at);
        Ok(Recent {
            rows,
            complete_since: complete_since.max(now.minus(self.kept_for)),
        })
    }

    /// Copies the whole store, as of one moment, to a new file.
    ///
    /// # Errors
    /// If the file exists already or cannot be written.
    pub async fn copy_to(&self, path: &Path) -> Result<(), Unreadable> {
        Ok(self.journal.copy_to(path).await?)
    }

    /// Closes all connections, so that a copy is complete on disk.
    pub async fn close(&self) {
        self.recent.close().await;
        self.journal.close().await;
    }
}

impl From<&HistoryQuery> for JournalFilter {
    fn from(question: &HistoryQuery) -> Self {
        Self {
            waba_id: question.waba_id.as_ref().map(WabaId::to_string),
            entity: question.entity.map(str::to_owned),
            entity_id: question.entity_id.clone(),
            attribute: question.attribute.clone(),
            since_ms: question.since.as_millis(),
            until_ms: question.until.as_millis(),
            after: question.after.as_ref().map(|cursor| cursor.0.clone()),
        }
    }
}

impl From<JournalLine> for HistoryRow {
    fn from(line: JournalLine) -> Self {
        let stamp = Stamp::from((line.order_ms, line.source == "webhook"));
        Self {
            waba_id: line.waba_id,
            entity: line.entity,
            entity_id: line.entity_id,
            attribute: line.attribute,
            at: stamp.at(),
            source: line.source,
            from: line.from_value,
            to: line.to_value,
            order_ms: line.order_ms,
        }
    }
}

#[cfg(test)]
mod tests;
