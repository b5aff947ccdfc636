//! Properties of the reducer: the same facts in any order, with any repeats, result in the same metrics.

mod strategies;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use strategies::{DISPLAYED, identity};
use whatsapp_business_exporter::domain::{
    DisplayDigits, Event, Fact, Listing, QualityRating, Word as _, number, template,
};
use whatsapp_business_exporter::state::State;

use crate::support::{at, by_webhook, polled, snapshot_of, state_after, text_of, waba};

pub use strategies::{
    account_update, events, events_and_a_shuffle, number_update, template_update, word,
};

/// Every sample by its name and labels.
fn by_series(text: &str) -> BTreeMap<&str, f64> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = samples.map(|line| line.rsplit_once(' ').expect("a value"));
    let mut series = BTreeMap::new();
    for (name, value) in pairs {
        let value = value.parse().expect("a number");
        assert_eq!(series.insert(name, value), None, "series {name} twice");
    }
    series
}

/// Start of a process, after all events, that has Meta's time.
const START: i64 = 1_000;

/// Everything that the store would keep of the account, as text.
fn stored(state: &State) -> String {
    let account = &state.accounts()[&waba()];
    let json = |value: serde_json::Result<String>| value.expect("it can be written");
    let mut stored = json(serde_json::to_string(account.as_ref()));
    account
        .numbers()
        .for_each(|number| stored += &json(serde_json::to_string(number)));
    account
        .templates()
        .for_each(|template| stored += &format!("{template:?}"));
    stored
}

/// Whatever may be Unix milliseconds of this century.
fn times_in(text: &str) -> impl Iterator<Item = i64> {
    let words = text.split(|letter: char| !letter.is_ascii_digit());
    // Ids in these tests are longer.
    words
        .filter(|word| word.len() == 13)
        .filter_map(|word| word.parse().ok())
}

/// The series without times, and without those that depend on the present time or compare times.
fn without_times(text: &str) -> BTreeMap<&str, f64> {
    let mut series = by_series(text);
    series.retain(|name, _| {
        let depends = [
            "_timestamp_seconds",
            "_restriction",
            "category_change_scheduled",
            "_likely_cause_score",
        ];
        !depends.iter().any(|part| name.contains(part))
    });
    series
}

fn is_a_counter(series: &str) -> bool {
    series
        .split('{')
        .next()
        .is_some_and(|name| name.ends_with("_total"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_and_any_repetition_shows_the_same((events, shuffled) in events_and_a_shuffle()) {
        prop_assert_eq!(text_of(&state_after(&events)), text_of(&state_after(&shuffled)));
    }

    #[test]
    fn no_event_makes_a_counter_fall(events in events()) {
        let mut before = BTreeMap::new();
        for count in 0..=events.len() {
            let text = text_of(&state_after(&events[..count]));
            let now = by_series(&text);
            for (series, value) in &before {
                let series: &String = series;
                if is_a_counter(series) {
                    let after = now.get(series.as_str()).copied();
                    prop_assert!(after >= Some(*value), "{} fell from {} to {:?}", series, value, after);
                }
            }
            before = now.into_iter().map(|(series, value)| (series.to_owned(), value)).collect();
        }
    }

    #[test]
    fn no_series_twice_no_family_empty_and_one_state_in_a_set(events in events()) {
        let text = text_of(&state_after(&events));
        let series = by_series(&text);
        let families: Vec<&str> =
            text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        prop_assert_eq!(families.iter().collect::<BTreeSet<_>>().len(), families.len());
        for family in families {
            let samples: Vec<_> = series.iter().filter(|(name, _)| name.split('{').next() == Some(family)).collect();
            prop_assert!(!samples.is_empty(), "{} is empty", family);
            if family == "whatsapp_phone_number_status" {
                let ones = samples.iter().filter(|(_, value)| **value == 1.0).count();
                prop_assert_eq!(ones * number::Status::ALL.len(), samples.len());
            }
        }
    }

    /// A clock that was ahead while these events were observed: once their times are corrected, everything but the
    /// times is as if the clock had been right, and what is observed next wins.
    #[test]
    fn times_of_a_clock_that_was_ahead_are_corrected(events in events(), hours in 1..10_000_i64) {
        let ahead = Duration::from_secs(3_600 * hours.unsigned_abs());
        let mut wrong = events.clone();
        for event in &mut wrong {
            event.observed_at = event.observed_at.plus(ahead);
        }
        let (start, latest) = (at(START), at(START + 300));
        let mut state = state_after(&wrong);
        state.apply(&polled(START, Fact::ClockCorrected { latest }));
        prop_assert_eq!(state.ahead_of(latest).count(), 0);
        let stored = stored(&state);
        for time in times_in(&stored) {
            prop_assert!(time <= start.as_millis() + 999, "{} is ahead in {}", time, stored);
        }
        let (corrected, right) = (text_of(&state), text_of(&state_after(&events)));
        prop_assert_eq!(without_times(&corrected), without_times(&right));
        let again = by_webhook(99, START + 1, Fact::Number(number::WebhookUpdate {
            digits: DisplayDigits::parse(DISPLAYED[0]).expect("digits"),
            update: number::Update::Quality {
                event: number::QualityEventKind::Flagged,
                old_limit: None,
                current_limit: None,
            },
        }));
        let change = state.apply(&again);
        prop_assert!(change.waiting || change.outdated == 0, "{:?}", change);
    }

    /// Categories are counted by pairs, which only polls in their own order allow to count once: the
    /// schedule never runs two polls of a slot at a time, so they are.
    #[test]
    fn category_changes_count_once_wherever_the_webhooks_land(
        moves in prop::collection::vec((word::<template::Category>(), any::<bool>()), 1..4),
        late in prop::collection::vec(0..8_usize, 4),
    ) {
        let mut category = template::Category::Utility;
        let mut in_order = vec![poll_of_category(0, category)];
        let mut webhooks = Vec::new();
        for (step, (new, told_of)) in moves.into_iter().enumerate() {
            let seconds = 100 * (i64::try_from(step).expect("few") + 1);
            if told_of && new != category {
                let update = template::Update::CategoryChanged { previous: Some(category), new };
                let fact = Fact::Template(template::WebhookUpdate { identity: identity(0), update });
                let webhook = by_webhook(step as u128 + 1, seconds - 50, fact);
                webhooks.push(webhook.clone());
                in_order.push(webhook);
            }
            category = new;
            in_order.push(poll_of_category(seconds, category));
        }
        // As late as you like, but never before the poll that it followed.
        let mut shuffled: Vec<Event> =
            in_order.iter().filter(|event| !webhooks.contains(event)).cloned().collect();
        for (webhook, later) in webhooks.iter().zip(late) {
            let earliest = shuffled.partition_point(|event| event.observed_at < webhook.observed_at);
            shuffled.insert((earliest + later).min(shuffled.len()), webhook.clone());
        }
        let counted = |events: &[Event]| {
            let text = text_of(&state_after(events));
            let family = "whatsapp_message_template_category_changes_total";
            crate::support::samples(&text, family).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        prop_assert_eq!(counted(&in_order), counted(&shuffled));
    }
}

fn poll_of_category(seconds: i64, category: template::Category) -> Event {
    let snapshot = template::Snapshot {
        status: Some(template::Status::Approved),
        category: Some(category),
        quality_rating: Some(QualityRating::Green),
        ..snapshot_of(identity(0))
    };
    let listing = Listing {
        objects: vec![snapshot],
        complete: true,
    };
    polled(
        seconds,
        Fact::TemplatesListed(listing, template::Totals::default()),
    )
}
