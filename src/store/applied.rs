//! What a batch of events did to the state: what a commit has to make durable, or to undo.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::database::{Line, Moves};
use super::rows;
use crate::domain::{DeliveryKey, Event, Fact, WabaId};
use crate::state::{Accounts, Amendment, Change, State, Window};

/// The effects of a batch, in the order of its events.
pub struct Applied {
    /// What each event did.
    pub changes: Vec<Change>,
    /// The accounts touched, as they were before.
    pub before: Accounts,
    /// The webhook changes now noted as applied, by the window they are noted in.
    pub new_changes: BTreeMap<Window, Vec<DeliveryKey>>,
    waba_ids: Vec<WabaId>,
}

impl Applied {
    /// Applies the events.
    pub fn apply(state: &mut State, events: &[&Event]) -> Self {
        let mut applied = Self {
            changes: Vec::with_capacity(events.len()),
            before: Accounts::new(),
            new_changes: BTreeMap::new(),
            waba_ids: Vec::with_capacity(events.len()),
        };
        for event in events {
            applied.apply_one(state, event);
        }
        applied
    }

    fn apply_one(&mut self, state: &mut State, event: &Event) {
        let waba_id = &event.waba_id;
        // Held for the first event only: a second hold would have the account copied once more.
        let untouched = !self.before.contains_key(waba_id);
        let before = untouched.then(|| state.accounts().get(waba_id).map(Arc::clone));
        let change = state.apply(event);
        let is_news = !(change.unwatched || change.duplicate || event.fact == Fact::Unwatched);
        if is_news {
            self.before
                .extend(before.flatten().map(|before| (waba_id.clone(), before)));
            if let (Some(key), Some(window)) = (event.source.key(), Window::of(&event.fact)) {
                self.new_changes.entry(window).or_default().push(key);
            }
        }
        self.changes.push(change);
        self.waba_ids.push(waba_id.clone());
    }

    /// Takes all of it back.
    pub fn undo(self, state: &mut State) {
        state.adopt(self.before);
        for (window, changes) in self.new_changes {
            state.forget_newest(window, changes.len());
        }
    }

    /// Is there nothing to make durable?
    pub fn is_empty(&self) -> bool {
        self.before.is_empty()
    }

    /// Times of the journal that were ahead, and where they move to.
    pub fn moves(&self) -> Vec<Moves> {
        let changes = self.waba_ids.iter().zip(&self.changes);
        let redated = changes.filter_map(|(waba_id, change)| {
            Some(rows::of_redating(waba_id, change.redated.as_ref()?))
        });
        redated.collect()
    }

    /// The journal's lines to strike out, and those to add after that. The last word on a line counts.
    pub fn journal(&self) -> (Vec<Line>, Vec<Line>) {
        let (mut struck, mut added) = (Vec::new(), Vec::<Line>::new());
        for (waba_id, change) in self.waba_ids.iter().zip(&self.changes) {
            for amendment in &change.journal {
                match amendment {
                    Amendment::Learned(transition) => {
                        added.push(rows::of_transition(waba_id, transition));
                    }
                    Amendment::Withdrawn(transition) => {
                        let line = rows::of_transition(waba_id, transition);
                        added.retain(|known| !known.is_step(&line));
                        struck.push(line);
                    }
                }
            }
        }
        (struck, added)
    }
}
