//! One observation of one entity: updates its attributes and records the effects in the [`Change`].

use super::journal::{Amendment, Entity, JournalValue, Transition};
use super::{Change, History, Observed, PollTimes, Stamp, Step};
use crate::domain::Attribute;

/// An observed entity, the stamp of the observation, and its effects.
pub(super) struct Observation<'a> {
    /// The observed entity.
    pub entity: Entity,
    /// Time and source of the observation.
    pub stamp: Stamp,
    /// The reads of the collector that polls this entity.
    pub polls: &'a PollTimes,
    /// Collects the effects.
    pub change: &'a mut Change,
}

impl Observation<'_> {
    /// Observes an attribute, if the observation contains it.
    pub fn observe<T: Copy + Ord + JournalValue>(
        &mut self,
        attribute: Attribute,
        history: &mut History<T>,
        value: Option<T>,
    ) -> Option<Observed<T>> {
        self.observe_at(self.stamp, attribute, history, value)
    }

    /// Observes the "previous value" that some webhooks contain, just before this observation.
    pub fn observe_before<T: Copy + Ord + JournalValue>(
        &mut self,
        attribute: Attribute,
        history: &mut History<T>,
        value: Option<T>,
    ) -> Option<Observed<T>> {
        self.observe_at(self.stamp.just_before(), attribute, history, value)
    }

    fn observe_at<T: Copy + Ord + JournalValue>(
        &mut self,
        stamp: Stamp,
        attribute: Attribute,
        history: &mut History<T>,
        value: Option<T>,
    ) -> Option<Observed<T>> {
        let observed = history.observe(value?, stamp, self.polls);
        if observed.newest {
            self.change.newest += 1;
        } else {
            self.change.outdated += 1;
        }
        if let Some(drift) = observed.drift.filter(|_| attribute.is_shared) {
            let disagreement = (self.entity.kind(), attribute.name, drift);
            self.change.drift.push(disagreement);
        }
        self.journal(attribute, &observed);
        Some(observed)
    }

    fn journal<T: Copy + JournalValue>(&mut self, attribute: Attribute, observed: &Observed<T>) {
        let line = |step: &Step<T>| Transition {
            entity: self.entity.clone(),
            attribute: attribute.name,
            at: step.at,
            from: step.from.map(JournalValue::journal_value),
            to: step.to.journal_value(),
        };
        let withdrawn = observed.lost.iter().map(line).map(Amendment::Withdrawn);
        let learned = observed.gained.iter().map(line).map(Amendment::Learned);
        self.change.journal.extend(withdrawn.chain(learned));
    }
}
