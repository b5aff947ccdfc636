//! The entities of one noun, each with its labels rendered once. Families are written from them.

use super::metric::Metric;
use super::page::{EntityLabels, Family, Page, SampleValue};
use crate::domain::{Health, HealthDetails, StateSets, Timestamp, Word};
use crate::state::{Counts, History, PairCounts, Stamp};

/// The entities of one noun with their labels.
pub(super) struct Rows<'a, T>(Vec<(EntityLabels, &'a T)>);

impl<'a, T> FromIterator<(EntityLabels, &'a T)> for Rows<'a, T> {
    fn from_iter<I: IntoIterator<Item = (EntityLabels, &'a T)>>(rows: I) -> Self {
        Self(rows.into_iter().collect())
    }
}

impl<T> Rows<'_, T> {
    /// A family to which each entity adds its own samples.
    pub fn each(
        &self,
        page: &mut Page,
        metric: &Metric,
        write: impl Fn(&mut Family<'_>, &EntityLabels, &T),
    ) {
        let mut family = page.family(metric);
        for (entity, object) in &self.0 {
            write(&mut family, entity, object);
        }
    }

    /// One sample for each entity that has a value.
    pub fn value(
        &self,
        page: &mut Page,
        metric: &Metric,
        value: impl Fn(&T) -> Option<SampleValue>,
    ) {
        self.each(page, metric, |family, entity, object| {
            if let Some(value) = value(object) {
                family.sample(entity, &[], value);
            }
        });
    }

    /// One timestamp sample for each entity that has one.
    pub fn time(&self, page: &mut Page, metric: &Metric, time: impl Fn(&T) -> Option<Timestamp>) {
        self.value(page, metric, |object| time(object).map(SampleValue::Time));
    }

    /// Time of the change to the attribute's current value, if known.
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

    /// The state of each entity, in the form of the page: every word of the enum, or only the current one.
    pub fn states<W: Word>(
        &self,
        page: &mut Page,
        metric: &Metric,
        present: impl Fn(&T) -> Option<W>,
    ) {
        match page.state_sets {
            StateSets::Full => self.state_set(page, metric, present),
            StateSets::Sparse => self.sparse(page, metric, present),
        }
    }

    /// Every word of the enum, 1 for the current one.
    pub fn state_set<W: Word>(
        &self,
        page: &mut Page,
        metric: &Metric,
        present: impl Fn(&T) -> Option<W>,
    ) {
        self.each(page, metric, |family, entity, object| {
            if let Some(present) = present(object) {
                for word in W::ALL {
                    family.sample(
                        entity,
                        &[word.as_str()],
                        SampleValue::Flag(*word == present),
                    );
                }
            }
        });
    }

    /// Only the series of the current word.
    pub fn sparse<W: Word>(
        &self,
        page: &mut Page,
        metric: &Metric,
        present: impl Fn(&T) -> Option<W>,
    ) {
        self.each(page, metric, |family, entity, object| {
            if let Some(present) = present(object) {
                family.sample(entity, &[present.as_str()], SampleValue::Whole(1));
            }
        });
    }

    /// The entities in a node's health that restrict messages.
    pub fn health_entities(
        &self,
        page: &mut Page,
        metric: &Metric,
        health: impl Fn(&T) -> Option<&Health>,
    ) {
        self.each(page, metric, |family, entity, object| {
            for part in health(object).into_iter().flat_map(Health::in_the_way) {
                let words = [part.kind.as_str(), part.can_send_message.as_str()];
                family.sample(entity, &words, SampleValue::Whole(1));
            }
        });
    }

    /// The errors at the entities of a node's health. One entity has a code only once.
    pub fn health_errors(
        &self,
        page: &mut Page,
        metric: &Metric,
        details: impl Fn(&T) -> Option<&HealthDetails>,
    ) {
        self.each(page, metric, |family, entity, object| {
            for error in details(object).into_iter().flat_map(|known| &known.errors) {
                let code = error.code.map(|code| code.to_string());
                let labels = [error.entity.as_str(), code.as_deref().unwrap_or("OTHER")];
                family.sample(entity, &labels, SampleValue::Whole(1));
            }
        });
    }

    /// One counter.
    pub fn count(&self, page: &mut Page, metric: &Metric, count: impl Fn(&T) -> u64) {
        self.each(page, metric, |family, entity, object| {
            family.count(entity, &[], count(object));
        });
    }

    /// One counter for each word that Meta documents. `OTHER` appears once it has occurred.
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
                family.count(entity, &[word.as_str()], count);
            }
        });
    }

    /// One counter for each pair of words that Meta documents. Pairs with `OTHER` and pairs of equal
    /// words appear once they have occurred.
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
                    family.count(entity, &[first.as_str(), second.as_str()], count);
                }
            }
        });
    }
}
