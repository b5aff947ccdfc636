//! One look at one entity: observes its attributes and notes in the [`Change`] what that did.

use super::journal::{Amendment, Attribute, Entity, Spoken, Transition};
use super::{Change, History, Observed, PollTimes, Stamp, Step};

/// Who is looked at, when, and where the effects go.
pub(super) struct Sighting<'a> {
    /// What is looked at.
    pub entity: Entity,
    /// When, and by which source.
    pub stamp: Stamp,
    /// The reads of the collector that polls this entity.
    pub polls: &'a PollTimes,
    /// Where the effects are gathered.
    pub change: &'a mut Change,
}

impl Sighting<'_> {
    /// Observes an attribute, if it was said at all.
    pub fn see<T: Copy + Ord + Spoken>(
        &mut self,
        attribute: Attribute,
        history: &mut History<T>,
        value: Option<T>,
    ) -> Option<Observed<T>> {
        self.see_at(self.stamp, attribute, history, value)
    }

    /// Observes what an attribute was just before: the "previous value" that some webhooks carry.
    pub fn see_before<T: Copy + Ord + Spoken>(
        &mut self,
        attribute: Attribute,
        history: &mut History<T>,
        value: Option<T>,
    ) -> Option<Observed<T>> {
        self.see_at(self.stamp.just_before(), attribute, history, value)
    }

    fn see_at<T: Copy + Ord + Spoken>(
        &mut self,
        stamp: Stamp,
        attribute: Attribute,
        history: &mut History<T>,
        value: Option<T>,
    ) -> Option<Observed<T>> {
        let seen = history.observe(value?, stamp, self.polls);
        if seen.newest {
            self.change.newest += 1;
        } else {
            self.change.outdated += 1;
        }
        if let Some(drift) = seen.drift.filter(|_| attribute.is_shared) {
            let disagreement = (self.entity.kind(), attribute.name, drift);
            self.change.drift.push(disagreement);
        }
        self.journal(attribute, &seen);
        Some(seen)
    }

    fn journal<T: Copy + Spoken>(&mut self, attribute: Attribute, seen: &Observed<T>) {
        let line = |step: &Step<T>| Transition {
            entity: self.entity.clone(),
            attribute: attribute.name,
            at: step.at,
            from: step.from.map(Spoken::spoken),
            to: step.to.spoken(),
        };
        let withdrawn = seen.lost.iter().map(line).map(Amendment::Withdrawn);
        let learned = seen.gained.iter().map(line).map(Amendment::Learned);
        self.change.journal.extend(withdrawn.chain(learned));
    }
}
