//! Daily counts of a number: by the time of each event, in any order, and after a restart.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use whatsapp_business_exporter::domain::journey::{
    Journey, JourneyId, Journeys, Progress, Step, StepOutcome,
};
use whatsapp_business_exporter::domain::track::{AppEvent, Happening, Trackers};
use whatsapp_business_exporter::domain::{
    ConversationKey, DeliveryKey, Event, Fact, PhoneNumberId, Source, Timestamp,
};
use whatsapp_business_exporter::ingest::webhook::Delivery;
use whatsapp_business_exporter::ingest::{CustomerHasher, CustomerKey};
use whatsapp_business_exporter::state::{DailyActivity, DailyCount, State, Traffic, UtcDay};

use crate::support::waba;

const NUMBER: &str = "900100200300400";

/// Noon of a day.
const NOON: Timestamp = Timestamp::from_seconds(1_775_044_800);

const DAY: i64 = 86_400;

fn on(day: i64, seconds: i64) -> Timestamp {
    Timestamp::from_millis(NOON.as_millis() + (day * DAY + seconds) * 1_000)
}

/// The events of one webhook of the field `messages` or `user_preferences`, received at this time.
fn events(field: &str, value: &Value, received_at: Timestamp) -> Vec<Event> {
    let customers = CustomerHasher::new(&CustomerKey::from_app_secret(&"0123456789abcdef".into()));
    let mut value = value.clone();
    value["metadata"] = json!({"display_phone_number": "15550100199", "phone_number_id": NUMBER});
    let body = json!({"object": "whatsapp_business_account", "entry": [{
        "id": waba().as_str(), "changes": [{"field": field, "value": value}],
    }]});
    let delivery = Delivery::parse(body.to_string().as_bytes(), received_at, Some(&customers));
    delivery.expect("JSON").events
}

fn status(id: &str, status: &str, at: Timestamp, code: Option<u32>) -> Vec<Event> {
    let seconds = (at.as_millis() / 1_000).to_string();
    let mut one =
        json!({"id": id, "status": status, "timestamp": seconds, "recipient_id": "15550100111"});
    if let Some(code) = code {
        one["errors"] = json!([{"code": code}]);
    }
    events("messages", &json!({"statuses": [one]}), at)
}

fn message(id: &str, at: Timestamp) -> Vec<Event> {
    let seconds = (at.as_millis() / 1_000).to_string();
    let one = json!({"id": id, "from": "15550100111", "timestamp": seconds, "type": "text"});
    events("messages", &json!({"messages": [one]}), at)
}

fn preference(value: &str, at: Timestamp) -> Vec<Event> {
    let seconds = at.as_millis() / 1_000;
    let one = json!({"wa_id": "15550100111", "category": "marketing_messages", "value": value, "timestamp": seconds});
    events("user_preferences", &json!({"user_preferences": [one]}), at)
}

fn journey_step(key: u128, at: Timestamp, outcome: StepOutcome) -> Event {
    let id = JourneyId {
        journey: "booking".into(),
        version: "1".into(),
    };
    let progress = Progress::Step {
        step: "date".into(),
        outcome,
        variant: None,
    };
    Event {
        waba_id: waba(),
        observed_at: at,
        source: Source::Webhook(DeliveryKey(key)),
        fact: Fact::Tracked(AppEvent {
            phone_number_id: PhoneNumberId::parse(NUMBER).expect("digits"),
            customer: ConversationKey(key).into(),
            received_at: at,
            happening: Happening::OnJourney(id, progress),
        }),
    }
}

fn watching() -> State {
    let mut state = State::default();
    state.watch([waba()]);
    let booking = Journey {
        id: JourneyId {
            journey: "booking".into(),
            version: "1".into(),
        },
        steps: vec![Step::open("date")],
        goals: Vec::new(),
        variants: Vec::new(),
        idle_timeout: Duration::from_secs(600),
        loop_threshold: 3,
    };
    state.track(Arc::new(Trackers {
        journeys: Journeys(vec![booking]),
        ..Trackers::default()
    }));
    state
}

fn activity(state: &State) -> DailyActivity {
    let account = &state.accounts()[&waba()];
    let traffic = account.traffic().next().expect("it has messages");
    let stored = serde_json::to_string(traffic).expect("plain data");
    let read: Traffic = serde_json::from_str(&stored).expect("its own text");
    assert_eq!(read.activity, traffic.activity);
    traffic.activity.clone()
}

/// The counts of a day that are not 0.
fn counts(activity: &DailyActivity, day: i64) -> Vec<(DailyCount, u64)> {
    let day = UtcDay::at(on(day, 0));
    let counts = DailyCount::ALL.map(|what| (what, activity.get(day, what)));
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}

#[test]
fn each_webhook_counts_for_its_own_day() {
    use DailyCount::{
        Delivered, FirstResponse, FirstResponseSeconds, MarketingStopped, OptOut, OtherFailure,
        PerUserLimit, Read, Received, Sent, Undeliverable,
    };
    let mut state = watching();
    let webhooks = [
        status("wamid.1", "sent", on(0, 0), None),
        status("wamid.1", "delivered", on(0, 2), None),
        status("wamid.1", "read", on(1, 0), None),
        message("wamid.2", on(1, 60)),
        status("wamid.3", "sent", on(1, 360), None),
        status("wamid.4", "failed", on(2, 0), Some(131_049)),
        status("wamid.5", "failed", on(2, 1), Some(131_050)),
        status("wamid.6", "failed", on(2, 2), Some(131_026)),
        status("wamid.7", "failed", on(2, 3), Some(130_429)),
        preference("stop", on(2, 4)),
        preference("resume", on(2, 5)),
        // A retry, and a status that arrives days late.
        status("wamid.1", "sent", on(0, 0), None),
        status("wamid.8", "delivered", on(0, 3), None),
    ];
    for event in webhooks.iter().flatten() {
        state.apply(event);
    }
    let passed = Event {
        waba_id: waba(),
        observed_at: on(4, 0),
        source: Source::Poll,
        fact: Fact::TimePassed,
    };
    state.apply(&passed);
    let activity = activity(&state);
    assert_eq!(counts(&activity, 0), [(Sent, 1), (Delivered, 2)]);
    let expected = [
        (Received, 1),
        (Sent, 1),
        (Read, 1),
        (FirstResponse, 1),
        (FirstResponseSeconds, 300),
    ];
    assert_eq!(counts(&activity, 1), expected);
    let expected = [
        (PerUserLimit, 1),
        (MarketingStopped, 1),
        (Undeliverable, 1),
        (OtherFailure, 1),
        (OptOut, 1),
    ];
    assert_eq!(counts(&activity, 2), expected);
    assert_eq!(activity.iter().count(), 3);
}

/// Also if nothing reads the counts for days.
#[test]
fn a_session_is_abandoned_on_the_day_on_which_it_ended() {
    let mut state = watching();
    let just_before_midnight = 12 * 3_600 - 300;
    let entered = StepOutcome::Entered;
    state.apply(&journey_step(1, on(0, just_before_midnight), entered));
    state.apply(&journey_step(2, on(0, 0), entered));
    let abandoned = journey_step(2, on(0, 60), StepOutcome::Abandoned);
    let source = Source::Webhook(DeliveryKey(7));
    state.apply(&Event {
        source,
        ..abandoned
    });
    let passed = Event {
        waba_id: waba(),
        observed_at: on(6, 0),
        source: Source::Poll,
        fact: Fact::TimePassed,
    };
    state.apply(&passed);
    let activity = activity(&state);
    use DailyCount::{JourneyAbandoned, JourneyStarted};
    let expected = [(JourneyStarted, 2), (JourneyAbandoned, 1)];
    assert_eq!(counts(&activity, 0), expected);
    assert_eq!(counts(&activity, 1), [(JourneyAbandoned, 1)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    /// Statuses, failures and opt-outs in any order and with any repetition.
    #[test]
    fn order_and_repetition_do_not_matter(
        happened in prop::collection::vec((0..5_usize, 0..60_i64, 0..DAY), 1..60),
        seed: u64,
    ) {
        let webhooks: Vec<Vec<Event>> = happened.iter().enumerate().map(|(place, (kind, day, seconds))| {
            let (id, at) = (format!("wamid.{place}"), on(*day, *seconds));
            match kind {
                0 => status(&id, "sent", at, None),
                1 => status(&id, "delivered", at, None),
                2 => status(&id, "read", at, None),
                3 => status(&id, "failed", at, Some(131_049)),
                _ => preference("stop", at),
            }
        }).collect();
        let after = |webhooks: &[Vec<Event>]| {
            let mut state = watching();
            for event in webhooks.iter().flatten() {
                state.apply(event);
            }
            activity(&state)
        };
        let mut shuffled = [webhooks.clone(), webhooks.clone()].concat();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        let once: Vec<Vec<Event>> = webhooks;
        prop_assert_eq!(after(&once), after(&shuffled));
    }
}
