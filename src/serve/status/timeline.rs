//! The values of an attribute in the last thirty days, from the journal and the current state.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::value::Moment;
use crate::domain::{Timestamp, Word, account, number};
use crate::state::History;
use crate::store::{HistoryRow, Recent};

/// Meta's own page shows the same period, and the messaging limit is evaluated over it.
pub(super) const WINDOW: Duration = Duration::from_secs(30 * 86_400);

/// Maximum number of steps read for one response, some 5 MB. Beyond it, only the newest days are shown.
pub(super) const MAX_STEPS: u32 = 20_000;

/// The shown attributes, as (kind of entity, attribute).
pub(super) const DRAWN: [(&str, &str); 3] = [
    (ACCOUNT, account::ATTRIBUTES.can_send_message.name),
    (NUMBER, number::ATTRIBUTES.quality_rating.name),
    (NUMBER, number::ATTRIBUTES.status.name),
];

pub(super) const ACCOUNT: &str = "account";
pub(super) const NUMBER: &str = "phone_number";

/// Minimum length of the current segment, even if clocks differ.
const AT_LEAST_SEEN: Duration = Duration::from_millis(1);

/// A period with one value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Segment {
    /// `None` while it was unknown.
    pub value: Option<String>,
    pub since: Moment,
    pub until: Moment,
}

/// The steps of everything that is shown.
#[derive(Debug, Default)]
pub(super) struct ShownSteps {
    by_attribute: BTreeMap<(String, String, String), Vec<HistoryRow>>,
    window: TimelineRange,
}

/// The shown period.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TimelineRange {
    pub since: Timestamp,
    /// Start of the known history.
    pub known_since: Timestamp,
    pub until: Timestamp,
}

impl ShownSteps {
    pub fn new(recent: Recent, now: Timestamp) -> Self {
        let since = now.minus(WINDOW);
        let window = TimelineRange {
            since,
            known_since: recent.complete_since.max(since).min(now),
            until: now,
        };
        let mut by_attribute: BTreeMap<_, Vec<HistoryRow>> = BTreeMap::new();
        for row in recent.rows {
            let key = key(&row.entity, &row.entity_id, &row.attribute);
            by_attribute.entry(key).or_default().push(row);
        }
        Self {
            by_attribute,
            window,
        }
    }

    /// Start of the known history within the window.
    pub fn known_since(&self) -> Timestamp {
        self.window.known_since
    }

    /// The timeline of one attribute of one entity, which ends with its current value.
    pub fn timeline<W: Word>(
        &self,
        (entity, attribute): (&str, &str),
        id: &str,
        present: &History<W>,
    ) -> Vec<Segment> {
        let steps = self.by_attribute.get(&key(entity, id, attribute));
        let since = present.since().map(|stamp| stamp.at());
        let present = present.value().map(Word::as_str).zip(since);
        segments(&self.window, steps.map_or(&[], Vec::as_slice), present)
    }
}

fn key(entity: &str, id: &str, attribute: &str) -> (String, String, String) {
    (entity.to_owned(), id.to_owned(), attribute.to_owned())
}

/// Segments that cover the window without gaps. Every step has the previous value, so no data before the window is
/// needed. A value without a step in the window was constant.
pub(super) fn segments(
    window: &TimelineRange,
    steps: &[HistoryRow],
    present: Option<(&str, Timestamp)>,
) -> Vec<Segment> {
    let latest = window.until.minus(AT_LEAST_SEEN);
    let known_since = window.known_since.min(latest);
    let old = |(value, since): (&str, Timestamp)| (since <= known_since).then(|| value.to_owned());
    let before = match steps.first() {
        Some(first) => first.from.clone(),
        None => present.and_then(old),
    };
    let mut marks = vec![(window.since, None), (known_since, before)];
    let mut mark = |at: Timestamp, value: &str| {
        let (last, before) = marks.last().expect("it starts with two marks");
        if before.as_deref() != Some(value) {
            let at = at.min(latest).max(*last);
            marks.push((at, Some(value.to_owned())));
        }
    };
    for step in steps {
        mark(step.at, &step.to);
    }
    if let Some((value, since)) = present {
        mark(since, value);
    }
    between(&marks, window.until)
}

/// Segments from each mark to the next, without empty ones.
fn between(marks: &[(Timestamp, Option<String>)], until: Timestamp) -> Vec<Segment> {
    let ends = marks.iter().skip(1).map(|(at, _)| *at).chain([until]);
    let mut segments: Vec<Segment> = Vec::new();
    for ((since, value), until) in marks.iter().zip(ends).filter(|((at, _), end)| at < end) {
        match segments.last_mut().filter(|last| last.value == *value) {
            Some(last) => last.until = Moment(until),
            None => segments.push(Segment {
                value: value.clone(),
                since: Moment(*since),
                until: Moment(until),
            }),
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_775_000_000);

    fn days_ago(days: u64) -> Timestamp {
        NOW.minus(Duration::from_secs(days * 86_400))
    }

    fn window() -> TimelineRange {
        TimelineRange {
            since: days_ago(30),
            known_since: days_ago(30),
            until: NOW,
        }
    }

    fn step(at: Timestamp, from: Option<&str>, to: &str) -> HistoryRow {
        HistoryRow {
            waba_id: "1".into(),
            entity: NUMBER.into(),
            entity_id: "2".into(),
            attribute: "quality_rating".into(),
            at,
            source: "poll".into(),
            from: from.map(str::to_owned),
            to: to.into(),
            order_ms: 0,
        }
    }

    /// The values with their number of days, such as `GREEN 27, YELLOW 3`.
    fn summary(segments: &[Segment]) -> String {
        let one = |segment: &Segment| {
            let value = segment.value.as_deref().unwrap_or("?");
            let days = segment.until.0.since(segment.since.0).as_secs() / 86_400;
            format!("{value} {days}")
        };
        segments.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn steps_become_segments() {
        let steps = [
            step(days_ago(20), Some("GREEN"), "YELLOW"),
            step(days_ago(2), Some("YELLOW"), "RED"),
        ];
        let present = Some(("RED", days_ago(2)));
        let found = segments(&window(), &steps, present);
        assert_eq!(summary(&found), "GREEN 10, YELLOW 18, RED 2");
    }

    #[test]
    fn a_constant_value_covers_the_window_and_a_new_one_does_not() {
        let old = segments(&window(), &[], Some(("GREEN", days_ago(300))));
        assert_eq!(summary(&old), "GREEN 30");
        let first = [step(days_ago(4), None, "GREEN")];
        let new = segments(&window(), &first, Some(("GREEN", days_ago(4))));
        assert_eq!(summary(&new), "? 26, GREEN 4");
        assert_eq!(summary(&segments(&window(), &[], None)), "? 30");
    }

    #[test]
    fn omitted_steps_are_unknown() {
        let window = TimelineRange {
            known_since: days_ago(10),
            ..window()
        };
        let steps = [step(days_ago(3), Some("GREEN"), "RED")];
        let cut = segments(&window, &steps, Some(("RED", days_ago(3))));
        assert_eq!(summary(&cut), "? 20, GREEN 7, RED 3");
        let calm = segments(&window, &[], Some(("GREEN", days_ago(300))));
        assert_eq!(summary(&calm), "? 20, GREEN 10");
    }

    const VALUES: [&str; 3] = ["GREEN", "YELLOW", "RED"];

    proptest! {
        /// For any journal and clocks, including clocks that are ahead.
        #[test]
        fn segments_cover_the_window_in_order_and_end_with_the_present(
            steps in prop::collection::vec((-86_400_i64..40 * 86_400, 0_usize..3), 0..20),
            known_since in 0_u64..=30,
            present in (-86_400_i64..60 * 86_400, 0_usize..3),
        ) {
            let ago = |seconds: i64| Timestamp::from_millis(NOW.as_millis() - seconds * 1_000);
            let window = TimelineRange { known_since: days_ago(known_since), ..window() };
            let mut steps: Vec<_> = steps;
            steps.sort_by_key(|(ago, _)| -ago);
            let mut before = None;
            let steps: Vec<_> = steps.into_iter().map(|(seconds, value)| {
                let from = before.replace(VALUES[value]);
                step(ago(seconds), from, VALUES[value])
            }).collect();
            let present = (VALUES[present.1], ago(present.0));
            let found = segments(&window, &steps, Some(present));
            prop_assert_eq!(found[0].since.0, window.since);
            prop_assert_eq!(found[found.len() - 1].until.0, window.until);
            prop_assert_eq!(found[found.len() - 1].value.as_deref(), Some(present.0));
            for segment in &found {
                prop_assert!(segment.since < segment.until, "{:?}", segment);
            }
            for pair in found.windows(2) {
                prop_assert_eq!(pair[0].until, pair[1].since);
                prop_assert!(pair[0].value != pair[1].value, "{:?}", pair);
            }
        }
    }
}
