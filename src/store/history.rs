//! The history that Meta does not give: what went from which value to which, when, and who said so.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use super::database::{Attributes, Journal, JournalLine, Order, Selection, Trouble};
use super::{Location, OpenError};
use crate::domain::{Timestamp, WabaId};
use crate::state::Stamp;

/// Values in force that are looked up for one question; a fleet of ten thousand numbers has some
/// ninety thousand.
const MAX_IN_FORCE: u32 = 1_000_000;

/// Read access to the history. Cheap to clone.
#[derive(Clone, Debug)]
pub struct History {
    journal: Journal,
    kept_for: Duration,
}

/// What some attributes of some accounts went through of late.
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// Oldest first.
    pub passages: Vec<Passage>,
    /// From here on they are complete; what was before is not known any more, or was too much to read.
    pub complete_since: Timestamp,
}

/// What is asked for; what is not said does not matter.
#[derive(Clone, Debug)]
pub struct Question {
    /// Of this account.
    pub waba_id: Option<WabaId>,
    /// Of this kind of entity: one of [`crate::state::Entity::KINDS`].
    pub entity: Option<&'static str>,
    /// Of the entity with this id.
    pub entity_id: Option<String>,
    /// Of this attribute.
    pub attribute: Option<String>,
    /// At or after this moment.
    pub since: Timestamp,
    /// Before this moment.
    pub until: Timestamp,
}

/// One transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The account.
    pub waba_id: String,
    /// The kind of entity.
    pub entity: String,
    /// The entity's id; of an account, the account's.
    pub entity_id: String,
    /// Which attribute.
    pub attribute: String,
    /// When it was observed: a webhook's to the second.
    pub at: Timestamp,
    /// `poll` or `webhook`.
    pub source: String,
    /// The value before; none for the first one known.
    pub from: Option<String>,
    /// The value after.
    pub to: String,
}

/// The history could not be read, in the database's own words.
#[derive(Clone, Debug)]
pub struct Unreadable(String);

impl std::fmt::Display for Unreadable {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "the history cannot be read: {}", self.0)
    }
}

impl std::error::Error for Unreadable {}

impl From<Trouble> for Unreadable {
    fn from(trouble: Trouble) -> Self {
        Self(trouble.to_string())
    }
}

impl History {
    pub(super) fn of(journal: Journal, kept_for: Duration) -> Self {
        Self { journal, kept_for }
    }

    /// Opens the history of a store that another process may be writing to.
    ///
    /// # Errors
    /// Where there is none, or none that can be read.
    pub async fn open(location: &Location) -> Result<Self, OpenError> {
        let path = location.path();
        let journal = match location {
            Location::Memory => Err(Trouble::unreadable(
                "a store in memory has no history to read",
            )),
            Location::File(path) => Journal::open(path).await,
        };
        let history = Self {
            journal: journal.map_err(|trouble| OpenError::of(path.clone(), trouble))?,
            // Whoever writes to it forgets; what is there is there.
            kept_for: Duration::MAX,
        };
        // So that a file of another kind is refused at once.
        let nothing = Selection::default();
        let tried = history.journal.lines(&nothing, Order::ByTime, 1, 0).await;
        tried.map_err(|trouble| OpenError::of(path, trouble))?;
        Ok(history)
    }

    /// Transitions, oldest first: at most `limit`, after leaving out `offset`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn passages(
        &self,
        question: &Question,
        limit: u32,
        offset: u32,
    ) -> Result<Vec<Passage>, Unreadable> {
        let selection = Selection::from(question);
        let lines = self.journal.lines(&selection, Order::ByTime, limit, offset);
        Ok(lines.await?.into_iter().map(Passage::from).collect())
    }

    /// Transitions of one entity after the other, each oldest first; before them, for each attribute,
    /// the transition to the value that was in force when the time asked for began.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn timelines(&self, question: &Question) -> Result<Vec<Passage>, Unreadable> {
        let selection = Selection::from(question);
        let mut lines = self.journal.in_force(&selection, MAX_IN_FORCE).await?;
        let within = self.journal.lines(&selection, Order::ByEntity, u32::MAX, 0);
        lines.extend(within.await?);
        // Stable: what was in force stays before what came after.
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
        Ok(lines.into_iter().map(Passage::from).collect())
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
        let attributes = Attributes {
            accounts: accounts.iter().map(WabaId::to_string).collect(),
            names: attributes.to_vec(),
            since_ms: since.as_millis(),
        };
        let lines = self.journal.newest(&attributes, limit).await?;
        let is_cut = lines.len() >= limit as usize;
        let mut passages: Vec<_> = lines.into_iter().map(Passage::from).collect();
        passages.reverse();
        let oldest = passages.first().filter(|_| is_cut);
        let complete_since = oldest.map_or(since, |oldest| oldest.at);
        Ok(Recent {
            passages,
            complete_since: complete_since.max(now.minus(self.kept_for)),
        })
    }

    /// Copies the whole store, as it is at one moment, to a new file.
    ///
    /// # Errors
    /// If the file exists already or cannot be written.
    pub async fn copy_to(&self, path: &Path) -> Result<(), Unreadable> {
        Ok(self.journal.copy_to(path).await?)
    }

    /// Ends all connections, so that a copy is complete on the disk.
    pub async fn close(&self) {
        self.journal.close().await;
    }
}

impl From<&Question> for Selection {
    fn from(question: &Question) -> Self {
        Self {
            waba_id: question.waba_id.as_ref().map(WabaId::to_string),
            entity: question.entity.map(str::to_owned),
            entity_id: question.entity_id.clone(),
            attribute: question.attribute.clone(),
            since_ms: question.since.as_millis(),
            until_ms: question.until.as_millis(),
        }
    }
}

impl From<JournalLine> for Passage {
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
        }
    }
}
