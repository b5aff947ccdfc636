//! The stored customers of a phone number: a log of segments, one for each commit that changed any of them.
//!
//! Customers have hashes for keys, so rows of their own would be far apart, and a commit would rewrite a page of the
//! database for each. A segment is written in one piece, and the last entry of a customer counts.
//!
//! Invariant: a log has about twice as many entries as customers, at most. A commit that makes it longer also copies
//! what is valid in the oldest segments to its own segment, and deletes those.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::engine::{SavedSegment, SegmentRow, StoreError};
use crate::domain::{ConversationKey, PhoneNumberId, RecipientKey, WabaId};
use crate::state::{Account, Customer, Recipient, Traffic};

/// Number of entries that a log may have in addition, so that a short one is not compacted all the time.
const MAX_ADDITIONAL: usize = 4_096;

/// Number of old entries that a commit examines for each entry that it adds. With more than one in two of them
/// outdated, fewer would not shorten the log.
const EXAMINED_PER_ENTRY: usize = 3;

/// Bytes before the state of an entry: its kind, its key, and the length of the state.
const HEAD_BYTES: usize = 1 + 16 + 4;

/// The subject of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Conversation(ConversationKey),
    Recipient(RecipientKey),
}

/// The entries of one commit about one phone number.
#[derive(Debug, Default)]
pub struct Segment {
    content: Vec<u8>,
    entries: usize,
}

impl Segment {
    /// The customers that have changed.
    pub fn of_changes(before: Option<&Traffic>, now: &Traffic) -> Self {
        let mut segment = Self::default();
        let nobody = OrdMap::new();
        let customers = before.map_or(&nobody, |traffic| traffic.customers());
        for change in customers.diff(now.customers()) {
            let (key, state) = changed(&change);
            segment.add(Subject::Conversation(key), state);
        }
        let nobody = OrdMap::new();
        let recipients = before.map_or(&nobody, |traffic| traffic.recipients().all());
        for change in recipients.diff(now.recipients().all()) {
            let (key, state) = changed(&change);
            segment.add(Subject::Recipient(key), state);
        }
        segment
    }

    /// Whether no customer has changed.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    fn add<S: Serialize>(&mut self, subject: Subject, state: Option<&S>) {
        let (kind, hash) = subject.to_parts();
        self.content.push(kind);
        self.content.extend(hash.to_be_bytes());
        self.content.extend([0; 4]);
        let begin = self.content.len();
        if let Some(state) = state {
            let written = serde_json::to_writer(&mut self.content, state);
            written.expect("plain data with text for keys");
        }
        let length = u32::try_from(self.content.len() - begin).expect("a customer is bounded");
        self.content[begin - 4..begin].copy_from_slice(&length.to_be_bytes());
        self.entries += 1;
    }

    /// Copies the entries of an older segment that are still valid. Every change adds an entry, so an entry is valid
    /// if it equals the present state.
    fn copy_valid(&mut self, older: &[u8], traffic: &Traffic) -> Result<(), StoreError> {
        for entry in entries(older) {
            let (subject, state) = entry?;
            match subject {
                Subject::Conversation(key) => {
                    let present = traffic.customers().get(&key);
                    self.copy(subject, state, present);
                }
                Subject::Recipient(key) => {
                    let present = traffic.recipients().all().get(&key);
                    self.copy(subject, state, present);
                }
            }
        }
        Ok(())
    }

    fn copy<S>(&mut self, subject: Subject, stored: &[u8], present: Option<&Arc<S>>)
    where
        S: DeserializeOwned + PartialEq + Serialize,
    {
        // Not by its text: an older version may have written the same state in another way.
        let is_present = |state: &Arc<S>| {
            serde_json::from_slice::<S>(stored).is_ok_and(|stored| stored == **state)
        };
        if let Some(state) = present.filter(|state| is_present(state)) {
            self.add(subject, Some(state.as_ref()));
        }
    }
}

impl Subject {
    fn to_parts(self) -> (u8, u128) {
        match self {
            Self::Conversation(ConversationKey(hash)) => (1, hash),
            Self::Recipient(RecipientKey(hash)) => (2, hash),
        }
    }

    fn from_parts(kind: u8, hash: u128) -> Option<Self> {
        match kind {
            1 => Some(Self::Conversation(ConversationKey(hash))),
            2 => Some(Self::Recipient(RecipientKey(hash))),
            _ => None,
        }
    }
}

/// The key of a change, and the new value; `None` if it was removed.
fn changed<'a, K: Copy, V>(change: &DiffItem<'a, 'a, K, Arc<V>>) -> (K, Option<&'a V>) {
    match change {
        DiffItem::Add(key, new)
        | DiffItem::Update {
            new: (key, new), ..
        } => (**key, Some((*new).as_ref())),
        DiffItem::Remove(key, _) => (**key, None),
    }
}

/// The entries of a segment. The state of a removed customer is empty.
fn entries(mut content: &[u8]) -> impl Iterator<Item = Result<(Subject, &[u8]), StoreError>> {
    std::iter::from_fn(move || {
        if content.is_empty() {
            return None;
        }
        let entry = first_entry(&mut content);
        if entry.is_none() {
            // What follows a damaged entry cannot be read.
            content = &[];
        }
        Some(entry.ok_or_else(|| StoreError::unreadable("a segment of customers is damaged")))
    })
}

fn first_entry<'a>(content: &mut &'a [u8]) -> Option<(Subject, &'a [u8])> {
    let (head, rest) = content.split_first_chunk::<HEAD_BYTES>()?;
    let [kind, key_and_length @ ..] = head;
    let (hash, length) = key_and_length.split_first_chunk::<16>()?;
    let subject = Subject::from_parts(*kind, u128::from_be_bytes(*hash))?;
    let length = u32::from_be_bytes(length.try_into().ok()?);
    let (state, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *content = rest;
    Some((subject, state))
}

/// The last entry of each customer in these segments of one log, without removed customers.
fn last_entries<'a>(
    segments: impl IntoIterator<Item = &'a SavedSegment>,
) -> Result<BTreeMap<Subject, &'a [u8]>, StoreError> {
    let mut last = BTreeMap::new();
    for segment in segments {
        for entry in entries(&segment.content) {
            let (subject, state) = entry?;
            last.insert(subject, state);
        }
    }
    last.retain(|_, state| !state.is_empty());
    Ok(last)
}

/// Number of conversations in the segments of one log.
pub fn count_conversations(log: &[SavedSegment]) -> Result<usize, StoreError> {
    let last = last_entries(log)?.into_keys();
    let conversations = last.filter(|subject| matches!(subject, Subject::Conversation(_)));
    Ok(conversations.count())
}

type LogId = (WabaId, PhoneNumberId);

/// The segments of each log of the watched accounts.
#[derive(Debug, Default)]
pub struct CustomerLogs(HashMap<LogId, Log>);

#[derive(Debug, Default)]
struct Log {
    /// Number of each segment, and of its entries. Oldest first.
    segments: VecDeque<(i64, usize)>,
    entries: usize,
}

impl CustomerLogs {
    /// Adds the customers in these segments to their account.
    pub fn restore(
        &mut self,
        waba_id: &WabaId,
        segments: &[SavedSegment],
        account: &mut Account,
    ) -> Result<(), StoreError> {
        for stored in segments.chunk_by(SavedSegment::is_in_log_of) {
            let Some(id) = PhoneNumberId::parse(&stored[0].phone_number_id) else {
                continue;
            };
            let mut log = Log::default();
            for one in stored {
                log.push(one.segment, one.entries);
            }
            if let Some(traffic) = account.traffic.get_mut(&id) {
                restore_customers(Arc::make_mut(traffic), stored)?;
            }
            self.0.insert((waba_id.clone(), id), log);
        }
        account.count_objects();
        Ok(())
    }

    /// Forgets the logs of accounts that are not watched any more.
    pub fn retain(&mut self, is_watched: impl Fn(&WabaId) -> bool) {
        self.0.retain(|(waba_id, _), _| is_watched(waba_id));
    }

    /// The row of a new segment. It is not part of the log until it is [noted](Self::note).
    pub fn to_row(&self, waba_id: &WabaId, traffic: &Traffic, segment: Segment) -> SegmentRow {
        let log = self.0.get(&(waba_id.clone(), traffic.id.clone()));
        let newest = log.and_then(|log| log.segments.back());
        let compacted = log.and_then(|log| log.excess(traffic, segment.entries));
        SegmentRow {
            waba_id: waba_id.clone(),
            phone_number_id: traffic.id.clone(),
            segment: newest.map_or(1, |(number, _)| number + 1),
            entries: segment.entries,
            content: segment.content,
            compacted,
        }
    }

    /// Adds a segment that was written to its log.
    pub fn note(&mut self, row: &SegmentRow) {
        let id = (row.waba_id.clone(), row.phone_number_id.clone());
        let log = self.0.entry(id).or_default();
        while let Some((number, entries)) = log.segments.front()
            && Some(*number) <= row.compacted
        {
            log.entries -= entries;
            log.segments.pop_front();
        }
        log.push(row.segment, row.entries);
    }
}

impl Log {
    fn push(&mut self, segment: i64, entries: usize) {
        self.segments.push_back((segment, entries));
        self.entries += entries;
    }

    /// Number of the newest segment to compact, if the log becomes too long.
    fn excess(&self, traffic: &Traffic, added: usize) -> Option<i64> {
        let kept = traffic.customers().len() + traffic.recipients().kept();
        if self.entries + added <= 2 * kept + MAX_ADDITIONAL {
            return None;
        }
        let mut left = added * EXAMINED_PER_ENTRY;
        let examined = self.segments.iter().take_while(|(_, entries)| {
            let is_examined = left > 0;
            left = left.saturating_sub(*entries);
            is_examined
        });
        examined.last().map(|(number, _)| *number)
    }
}

impl SegmentRow {
    /// Copies what is valid in the segments that the row replaces.
    pub fn compact(
        &mut self,
        replaced: &[SavedSegment],
        traffic: &Traffic,
    ) -> Result<(), StoreError> {
        let mut segment = Segment {
            content: std::mem::take(&mut self.content),
            entries: self.entries,
        };
        for older in replaced {
            segment.copy_valid(&older.content, traffic)?;
        }
        (self.content, self.entries) = (segment.content, segment.entries);
        Ok(())
    }
}

fn restore_customers(traffic: &mut Traffic, log: &[SavedSegment]) -> Result<(), StoreError> {
    for (subject, state) in last_entries(log)? {
        match subject {
            Subject::Conversation(key) => {
                let customer: Customer = parse("a conversation", state)?;
                traffic.restore(key, customer);
            }
            Subject::Recipient(key) => {
                let recipient: Recipient = parse("a recipient", state)?;
                traffic.restore_recipient(key, recipient);
            }
        }
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(what: &str, state: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(state)
        .map_err(|error| StoreError::unreadable(format!("{what} is damaged: {error}")))
}

#[cfg(test)]
mod tests;
