//! The effects of a batch of events on the state, for a commit to write or to undo.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::engine::{JournalInsert, Moves};
use super::rows;
use crate::domain::{DeliveryKey, Event, Fact, Shard, WabaId};
use crate::state::{Accounts, Amendment, Change, DedupScope, State};

/// The effects of a batch, in the order of its events.
pub struct Applied {
    /// Change of each event.
    pub changes: Vec<Change>,
    /// The changed accounts, as they were before the batch.
    pub before: Accounts,
    /// Keys of the webhook changes that were new, by the dedup window that remembers them.
    pub new_changes: BTreeMap<(Shard, DedupScope), Vec<DeliveryKey>>,
    waba_ids: Vec<WabaId>,
}

impl Applied {
    /// Applies the events to the state.
    pub fn apply(state: &mut State, events: &[&Event]) -> Self {
        let mut applied = Self {
            changes: Vec::with_capacity(events.len()),
            before: Accounts::new(),
            new_changes: BTreeMap::new(),
            waba_ids: Vec::with_capacity(events.len()),
        };
        let mut noted = Vec::new();
        for event in events {
            if applied.apply_one(state, event) {
                noted.push(*event);
            }
        }
        state.settle(noted);
        applied
    }

    /// Applies one event; returns whether it is new.
    fn apply_one(&mut self, state: &mut State, event: &Event) -> bool {
        let waba_id = &event.waba_id;
        // Invariant: `before` has each account as it was before the first event of the batch. A reference held during
        // `apply` forces a copy of the account, so only the account's first event holds one.
        let untouched = !self.before.contains_key(waba_id);
        let before = untouched.then(|| state.accounts().get(waba_id).map(Arc::clone));
        let change = state.note(event);
        let is_new = change.is_applied() && event.fact != Fact::Unwatched;
        if is_new {
            self.before
                .extend(before.flatten().map(|before| (waba_id.clone(), before)));
            if let (Some(key), Some(window)) =
                (event.source.key(), DedupScope::from_fact(&event.fact))
            {
                let shard = state.sharding().of_account(waba_id);
                self.new_changes
                    .entry((shard, window))
                    .or_default()
                    .push(key);
            }
        }
        self.changes.push(change);
        self.waba_ids.push(waba_id.clone());
        is_new
    }

    /// Restores the state before the batch. Each window forgets its newest keys, as many as the batch added.
    pub fn undo(self, state: &mut State) {
        state.adopt(self.before);
        for ((shard, window), changes) in self.new_changes {
            state.forget_newest(shard, window, changes.len());
        }
    }

    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty()
    }

    /// Journal times that were ahead of the clock, with their corrections.
    pub fn moves(&self) -> Vec<Moves> {
        let changes = self.waba_ids.iter().zip(&self.changes);
        let redated = changes.filter_map(|(waba_id, change)| {
            Some(rows::for_redating(waba_id, change.redated.as_ref()?))
        });
        redated.collect()
    }

    /// The journal lines to delete, and those to insert afterwards.
    pub fn journal(&self) -> (Vec<JournalInsert>, Vec<JournalInsert>) {
        let (mut struck, mut added) = (Vec::new(), Vec::<JournalInsert>::new());
        for (waba_id, change) in self.waba_ids.iter().zip(&self.changes) {
            for amendment in &change.journal {
                match amendment {
                    Amendment::Learned(transition) => {
                        added.push(rows::for_transition(waba_id, transition));
                    }
                    Amendment::Withdrawn(transition) => {
                        // Invariant: deletes run before inserts. A line that this batch added and then withdrew must
                        // therefore not be inserted; one that an earlier batch added is deleted.
                        let line = rows::for_transition(waba_id, transition);
                        added.retain(|known| !known.is_step(&line));
                        struck.push(line);
                    }
                }
            }
        }
        (struck, added)
    }
}
