//! The steps of journeys that confuse customers most, over all phone numbers and variants.

use std::collections::BTreeMap;

use crate::domain::journey::{Confusion, JourneyId, Journeys};
use crate::state::Counts;
use crate::state::journeys::JourneyCounts;

/// Minimum number of entries of a step. With fewer, a single customer could make it the worst step.
const MIN_ENTERED: u64 = 20;

/// A step with the signs that it confused customers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusingStep {
    /// Its journey, with the version.
    pub journey: JourneyId,
    /// Its name.
    pub step: String,
    /// How often it was asked.
    pub entered: u64,
    /// The signs, by reason.
    pub signs: Counts<Confusion>,
}

impl ConfusingStep {
    /// Number of signs of all reasons. A customer can show several.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.signs.iter().map(|(_, count)| count).sum()
    }

    /// Signs for each time that the step was asked.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share needs no exact counts")]
    pub fn share(&self) -> f64 {
        self.total() as f64 / self.entered as f64
    }
}

/// At most this many steps of the declared journeys with signs of confusion, the highest share first.
#[must_use]
pub fn worst<'a>(
    of_numbers: impl Iterator<Item = &'a JourneyCounts>,
    declared: &'a Journeys,
    most: usize,
) -> Vec<ConfusingStep> {
    let mut sums: BTreeMap<(&JourneyId, &str), (u64, Counts<Confusion>)> = BTreeMap::new();
    for (journey, _, counts) in of_numbers.flat_map(|counts| counts.declared(declared)) {
        for (step, counts) in counts.declared_steps(journey, declared) {
            let (entered, signs) = sums.entry((journey, step)).or_default();
            *entered += counts.entered;
            for (reason, count) in counts.confused.iter() {
                signs.add(reason, count);
            }
        }
    }
    let steps = sums.into_iter();
    let steps = steps.map(|((journey, step), (entered, signs))| ConfusingStep {
        journey: journey.clone(),
        step: step.to_owned(),
        entered,
        signs,
    });
    let is_confusing = |step: &ConfusingStep| step.entered >= MIN_ENTERED && step.total() > 0;
    let mut steps: Vec<ConfusingStep> = steps.filter(is_confusing).collect();
    // Of equal shares, the one with more customers is worse.
    steps.sort_by(|one, other| {
        let by_share = other.share().total_cmp(&one.share());
        by_share.then(other.entered.cmp(&one.entered))
    });
    steps.truncate(most);
    steps
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use std::time::Duration;

    use super::*;
    use crate::domain::journey::{Journey, Step};

    fn booking() -> JourneyId {
        JourneyId {
            journey: "booking".to_owned(),
            version: "1".to_owned(),
        }
    }

    fn declared() -> Journeys {
        let steps = ["date", "time", "rare", "guests", "name"];
        Journeys(vec![Journey {
            id: booking(),
            steps: steps.iter().map(|name| Step::open(name)).collect(),
            goals: Vec::new(),
            variants: vec!["long".to_owned(), "short".to_owned()],
            idle_timeout: Duration::from_secs(600),
            loop_threshold: 3,
        }])
    }

    /// Counters of the steps of one variant: how often each was asked, and how often customers typed and repeated.
    fn counts(variant: &str, steps: &[(&str, u64, u64, u64)]) -> Value {
        let step = |(name, entered, typed, repeated): &(&str, u64, u64, u64)| {
            let mut counts = serde_json::to_value(crate::state::journeys::StepCounts::default())
                .expect("counters");
            let mut signs = Counts::default();
            signs.add(Confusion::FreeText, *typed);
            signs.add(Confusion::Repeated, *repeated);
            counts["entered"] = (*entered).into();
            counts["confused"] = serde_json::to_value(signs).expect("counters");
            ((*name).to_owned(), counts)
        };
        let steps: serde_json::Map<String, Value> = steps.iter().map(step).collect();
        json!([[booking(), variant], {"started": 0, "completed": 0, "abandoned": 0, "steps": steps}])
    }

    #[test]
    fn the_step_with_the_highest_share_of_all_numbers_and_variants_is_first() {
        let read = |saved: Value| -> JourneyCounts {
            serde_json::from_value(saved).expect("saved counters")
        };
        let of_numbers = [
            read(json!([
                counts(
                    "long",
                    &[("date", 10, 1, 0), ("time", 100, 0, 0), ("rare", 19, 19, 0)]
                ),
                counts(
                    "short",
                    &[
                        ("date", 10, 2, 2),
                        ("guests", 400, 99, 1),
                        ("removed", 20, 20, 0)
                    ]
                ),
                counts("removed", &[("name", 100, 100, 0)]),
            ])),
            read(json!([counts(
                "long",
                &[("date", 20, 0, 5), ("name", 40, 10, 0)]
            )])),
        ];
        let declared = declared();
        let all = worst(of_numbers.iter(), &declared, 10);
        let shown: Vec<_> = all
            .iter()
            .map(|one| (one.step.as_str(), one.entered, one.total()))
            .collect();
        // Too few customers entered the step `rare`, the step `time` confused no customer, and the others are no longer
        // declared.
        assert_eq!(
            shown,
            [("guests", 400, 100), ("date", 40, 10), ("name", 40, 10)]
        );
        assert_eq!(worst(of_numbers.iter(), &declared, 1), all[..1]);
        assert!((all[0].share() - 0.25).abs() < 1e-9);
    }
}
