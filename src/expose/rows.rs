//! Many entities of one noun, each with its labels rendered once: the unit in which families are written.

use super::metric::Metric;
use super::page::{Entity, Family, Page, Value};
use crate::domain::{Health, Timestamp, Word};
use crate::state::{Counts, History, PairCounts, Stamp};

/// The entities of one noun with their labels.
pub(super) struct Rows<'a, T>(Vec<(Entity, &'a T)>);

impl<'a, T> FromIterator<(Entity, &'a T)> for Rows<'a, T> {
    fn from_iter<I: IntoIterator<Item = (Entity, &'a T)>>(rows: I) -> Self {
        Self(rows.into_iter().collect())
    }
}

impl<T> Rows<'_, T> {
    /// A family of which each entity writes what it will.
    pub fn each(
        &self,
        page: &mut Page,
        metric: &Metric,
        write: impl Fn(&mut Family<'_>, &Entity, &T),
    ) {
        let mut family = page.family(metric);
        for (entity, object) in &self.0 {
            write(&mut family, entity, object);
        }
    }

    /// One sample for each entity that has a value.
    pub fn value(&self, page: &mut Page, metric: &Metric, value: impl Fn(&T) -> Option<Value>) {
        self.each(page, metric, |family, entity, object| {
            if let Some(value) = value(object) {
                family.sample(entity, &[], value);
            }
        });
    }

    /// One sample for each entity that has such a moment.
    pub fn time(&self, page: &mut Page, metric: &Metric, time: impl Fn(&T) -> Option<Timestamp>) {
        self.value(page, metric, |object| time(object).map(Value::Time));
    }

    /// Since when an attribute is what it is, as far as known.
    pub fn since<W: Copy + Ord>(
        &self,
        page: &mut Page,
        metric: &Metric,
        history: impl Fn(&T) -> &History<W>,
    ) {
        self.time(page, metric, |object| {
            history(object).since().map(Stamp::at)
        });
    }

    /// Every word of the enum, 1 for the present one.
    pub fn state_set<W: Word>(
        &self,
        page: &mut Page,
        metric: &Metric,
        present: impl Fn(&T) -> Option<W>,
    ) {
        self.each(page, metric, |family, entity, object| {
            if let Some(present) = present(object) {
                for word in W::ALL {
                    family.sample(entity, &[word.as_str()], Value::Flag(*word == present));
                }
            }
        });
    }

    /// The present word's series alone.
    pub fn sparse<W: Word>(
        &self,
        page: &mut Page,
        metric: &Metric,
        present: impl Fn(&T) -> Option<W>,
    ) {
        self.each(page, metric, |family, entity, object| {
            if let Some(present) = present(object) {
                family.sample(entity, &[present.as_str()], Value::Whole(1));
            }
        });
    }

    /// The entities of a node's health that stand in the way of messages.
    pub fn health_entities(
        &self,
        page: &mut Page,
        metric: &Metric,
        health: impl Fn(&T) -> Option<&Health>,
    ) {
        self.each(page, metric, |family, entity, object| {
            for part in health(object).into_iter().flat_map(Health::in_the_way) {
                let words = [part.kind.as_str(), part.can_send_message.as_str()];
                family.sample(entity, &words, Value::Whole(1));
            }
        });
    }

    /// One counter for each word Meta documents, from 0 on; `OTHER` once it has happened.
    pub fn counts<W: Word>(
        &self,
        page: &mut Page,
        metric: &Metric,
        counts: impl Fn(&T) -> &Counts<W>,
    ) {
        self.each(page, metric, |family, entity, object| {
            for (word, count) in counts(object)
                .iter()
                .filter(|(word, count)| !word.is_other() || *count > 0)
            {
                family.sample(entity, &[word.as_str()], Value::Whole(count));
            }
        });
    }

    /// One counter for each pair of words Meta documents, from 0 on. Pairs with `OTHER`, and of a word
    /// with itself, once they have happened.
    pub fn pair_counts<A: Word, B: Word>(
        &self,
        page: &mut Page,
        metric: &Metric,
        counts: impl Fn(&T) -> &PairCounts<A, B>,
    ) {
        self.each(page, metric, |family, entity, object| {
            for (first, second, count) in counts(object).iter() {
                let expected =
                    !first.is_other() && !second.is_other() && first.as_str() != second.as_str();
                if expected || count > 0 {
                    family.sample(
                        entity,
                        &[first.as_str(), second.as_str()],
                        Value::Whole(count),
                    );
                }
            }
        });
    }
}
