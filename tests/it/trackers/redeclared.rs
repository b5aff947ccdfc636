//! Journeys that a reload of the configuration removes and declares again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use whatsapp_business_exporter::domain::journey::{Journey, JourneyId, Journeys, Step};
use whatsapp_business_exporter::domain::track::Trackers;
use whatsapp_business_exporter::domain::{PhoneNumberId, Timestamp};
use whatsapp_business_exporter::expose::Options;
use whatsapp_business_exporter::ingest::track::EventReader;
use whatsapp_business_exporter::ingest::{CustomerHasher, CustomerKey};
use whatsapp_business_exporter::state::State;

use super::truth::NUMBERS;
use crate::support::{ALL_TEMPLATES, at, samples, text_with, waba};

fn booking(version: &str, steps: &[&str], variants: &[&str]) -> Journey {
    Journey {
        id: JourneyId {
            journey: "booking".to_owned(),
            version: version.to_owned(),
        },
        steps: steps.iter().map(|step| Step::open(step)).collect(),
        goals: Vec::new(),
        variants: variants.iter().map(ToString::to_string).collect(),
        idle_timeout: Duration::from_secs(600),
        loop_threshold: 3,
    }
}

/// A session that enters a step of a journey.
fn enter(state: &mut State, declared: &Journeys, seconds: i64, (version, step): (&str, &str)) {
    let trackers = Arc::new(Trackers {
        journeys: declared.clone(),
        ..Trackers::default()
    });
    state.track(Arc::clone(&trackers));
    let received = at(seconds);
    let customers = CustomerHasher::new(&CustomerKey::from_app_secret(&"0123456789abcdef".into()));
    let reader = EventReader {
        customers: &customers,
        trackers: &trackers,
        receipt: received.into(),
        account_of: |_: &PhoneNumberId| Some(waba()),
    };
    let event = json!({
        "id": seconds.to_string(), "type": "step", "phone_number_id": NUMBERS[0], "customer": seconds.to_string(),
        "at": received.as_millis(), "journey": "booking", "version": version, "step": step,
        "outcome": "entered", "variant": "short",
    });
    let batch = reader.read(json!({ "events": [event] }).to_string().as_bytes());
    for item in batch.expect("a batch") {
        state.apply(&item.outcome.expect("a good event"));
    }
    state.apply(&crate::support::polled(
        seconds + 3_600,
        whatsapp_business_exporter::domain::Fact::TimePassed,
    ));
}

/// Version, variant, step and value of each step that was entered, with these journeys declared.
fn entered(state: &State, declared: &Journeys, now: Timestamp) -> Vec<String> {
    let options = Options {
        journeys: declared.clone(),
        ..ALL_TEMPLATES.clone()
    };
    let text = text_with(state.accounts(), now, &options);
    let entered = samples(&text, "whatsapp_journey_step_entered_total").into_iter();
    let entered = entered.filter(|sample| !sample.ends_with(" 0"));
    entered
        .map(|sample| {
            let (_, rest) = sample.split_once("version=").expect("a version");
            rest.replace(['"', '}'], "")
        })
        .collect()
}

#[test]
fn journeys_that_are_no_longer_declared_have_no_series_until_they_are_declared_again() {
    let first = Journeys(vec![booking("1", &["date", "time"], &["short", "long"])]);
    let second = Journeys(vec![booking("2", &["date"], &["short"])]);
    let both = Journeys([first.0.clone(), second.0.clone()].concat());
    let smaller = Journeys(vec![booking("1", &["date"], &["long"])]);
    let mut state = State::default();
    state.watch([waba()]);
    enter(&mut state, &first, 0, ("1", "date"));
    enter(&mut state, &first, 10_000, ("1", "time"));
    let now = at(50_000);
    let of_first = ["1,variant=short,step=date 1", "1,variant=short,step=time 1"];
    assert_eq!(entered(&state, &first, now), of_first);
    enter(&mut state, &second, 20_000, ("2", "date"));
    let of_second = "2,variant=short,step=date 1";
    assert_eq!(entered(&state, &second, now), [of_second]);
    let of_both = [&of_first[..], &[of_second]].concat();
    assert_eq!(entered(&state, &both, now), of_both);
    // The step and the variant are no longer declared.
    assert_eq!(entered(&state, &smaller, now), [""; 0]);
    // An event of a version that is not declared counts as `other`, as before.
    enter(&mut state, &second, 30_000, ("1", "date"));
    let of_other = "other,variant=other,step=other 1";
    assert_eq!(entered(&state, &second, now), [of_second, of_other]);
    assert_eq!(entered(&state, &Journeys::default(), now), [of_other]);
}
