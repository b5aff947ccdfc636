//! The reducer's promise: the same facts in any order, any number of times, are the same truth.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use whatsapp_business_exporter::domain::{
    CanSendMessage, DeliveryKey, DisplayDigits, EntityHealth, Event, Fact, FlowId, Health,
    HealthDetails, HealthEntity, HealthError, Listing, MessagingLimit, QualityRating, Word,
    account, number, template,
};
use whatsapp_business_exporter::state::State;

use crate::support::{at, number_id, polled, state_after, template_id, text_of, told, waba};

/// Few enough observations of one attribute for all to be remembered (`state::history` keeps 16).
const MAX_POLLS: usize = 4;
const MAX_WEBHOOKS: usize = 5;

const DISPLAYED: [&str; 2] = ["+1 555-010-0199", "+1 555-010-0142"];

pub fn word<W: Word>() -> impl Strategy<Value = W> {
    select(W::ALL)
}

fn limit() -> impl Strategy<Value = MessagingLimit> {
    prop_oneof![
        select(vec![250, 2_000, 10_000]).prop_map(MessagingLimit::Customers),
        Just(MessagingLimit::Unlimited)
    ]
}

fn health() -> impl Strategy<Value = Option<Health>> {
    word::<CanSendMessage>().prop_map(|can_send_message| {
        Health::new(
            vec![EntityHealth {
                kind: HealthEntity::Waba,
                can_send_message,
            }],
            None,
        )
    })
}

/// Codes and wordings that differ from one answer to the next.
fn health_details() -> impl Strategy<Value = Option<HealthDetails>> {
    let error = (
        word(),
        select(vec![141_006, 141_010]),
        word::<QualityRating>(),
    );
    let error = error.prop_map(|(entity, code, wording)| HealthError {
        entity,
        code: Some(code),
        description: Some(wording.as_str().to_owned()),
        solution: None,
    });
    let errors = prop::collection::vec(error, 0..3);
    errors.prop_map(|errors| Some(HealthDetails::new(errors, Vec::new())))
}

fn number_snapshot(which: usize) -> impl Strategy<Value = number::Snapshot> {
    let states = (
        word(),
        word(),
        limit(),
        word(),
        word(),
        word(),
        word(),
        health(),
        health_details(),
    );
    states.prop_map(
        move |(rating, status, limit, level, name, new_name, code, health, health_details)| {
            number::Snapshot {
                display_phone_number: Some(DISPLAYED[which].to_owned()),
                verified_name: Some("Fern & Moss".to_owned()),
                quality_rating: Some(rating),
                status: Some(status),
                messaging_limit: Some(limit),
                throughput_level: Some(level),
                name_status: Some(name),
                new_name_status: Some(new_name),
                code_verification_status: Some(code),
                health,
                health_details,
                ..number::Snapshot::new(number_id(which))
            }
        },
    )
}

fn identity(which: usize) -> template::Identity {
    template::Identity {
        id: template_id(which),
        name: Some(format!("spring_offer_{which}").into()),
        language: Some("en_US".into()),
    }
}

/// A snapshot that says nothing but which template it is.
fn snapshot_of(identity: template::Identity) -> template::Snapshot {
    template::Snapshot {
        name: identity.name,
        language: identity.language,
        ..template::Snapshot::new(identity.id)
    }
}

/// The reason is the template's, the category the poll's: see `category_changes` below.
fn template_snapshot(which: usize) -> impl Strategy<Value = template::Snapshot> {
    (word(), word()).prop_map(move |(status, rating)| template::Snapshot {
        status: Some(status),
        category: Some(template::Category::Utility),
        correct_category: Some(template::Category::Utility),
        quality_rating: Some(rating),
        last_reason: Some(template::RejectedReason::InvalidFormat),
        ..snapshot_of(identity(which))
    })
}

fn poll() -> impl Strategy<Value = Fact> {
    let numbers = (number_snapshot(0), number_snapshot(1)).prop_map(|(first, second)| {
        Fact::NumbersListed(Listing {
            objects: vec![first, second],
            complete: true,
        })
    });
    let templates = (template_snapshot(0), template_snapshot(1)).prop_map(|(first, second)| {
        let listing = Listing {
            objects: vec![first, second],
            complete: true,
        };
        Fact::TemplatesListed(
            listing,
            template::Totals {
                count: Some(2),
                limit: Some(250),
            },
        )
    });
    let switches = (word(), any::<bool>(), word());
    let node = (
        word(),
        word(),
        word(),
        limit(),
        health(),
        health_details(),
        switches,
    )
        .prop_map(
            |(review, verified, status, limit, health, health_details, switches)| {
                let (funding, marketing_disabled, onboarding) = switches;
                Fact::AccountRead(account::Snapshot {
                    review_status: Some(review),
                    business_verification_status: Some(verified),
                    status: Some(status),
                    messaging_limit: Some(limit),
                    health,
                    health_details,
                    funding: Some(funding),
                    marketing_disabled: Some(marketing_disabled),
                    marketing_onboarding: Some(onboarding),
                    webhook_subscribed: Some(true),
                    ..account::Snapshot::default()
                })
            },
        );
    prop_oneof![numbers, templates, node]
}

pub fn number_news() -> impl Strategy<Value = Fact> {
    let quality = (word(), prop::option::of(limit()), prop::option::of(limit()));
    let quality = quality.prop_map(
        |(event, old_limit, current_limit)| number::Update::Quality {
            event,
            old_limit,
            current_limit,
        },
    );
    let review = (word(), prop::option::of(word()));
    let review = review.prop_map(|(decision, rejection_reason)| number::NameReview {
        decision,
        rejection_reason,
    });
    let group = (0..3_u128, any::<bool>());
    let group = group.prop_map(|(group, is_suspended)| number::GroupStatus {
        group: DeliveryKey(group),
        is_suspended,
    });
    let update = prop_oneof![
        quality,
        review.prop_map(number::Update::Name),
        word().prop_map(number::Update::Security),
        prop::collection::vec(group, 1..3).prop_map(number::Update::Groups),
    ];
    (0..2_usize, update).prop_map(|(which, update)| {
        let digits = DisplayDigits::parse(DISPLAYED[which]).expect("digits");
        Fact::Number(number::WebhookUpdate { digits, update })
    })
}

pub fn template_news() -> impl Strategy<Value = Fact> {
    let moment = prop::option::of((0..500_i64).prop_map(at));
    let status = (word(), prop::option::of(word()), moment.clone());
    let status = status.prop_map(|(event, pause, disable_at)| template::Update::Status {
        event,
        reason: Some(template::RejectedReason::InvalidFormat),
        category: None,
        pause,
        disable_at,
    });
    let quality = (prop::option::of(word()), word());
    let quality = quality.prop_map(|(previous, new)| template::Update::Quality { previous, new });
    let announced = (word(), moment).prop_map(|(coming, at)| template::Update::CategoryAnnounced {
        present: None,
        coming,
        at,
    });
    (0..2_usize, prop_oneof![status, quality, announced]).prop_map(|(which, update)| {
        Fact::Template(template::WebhookUpdate {
            identity: identity(which),
            update,
        })
    })
}

pub fn account_news() -> impl Strategy<Value = Fact> {
    let moment = prop::option::of((-500..500_i64).prop_map(at));
    // Two types, so that they meet: one that is lifted, one that a poll frees.
    let kind = select(vec![
        account::RestrictionType::DirectSendUtilityTemplates,
        account::RestrictionType::BizInitiatedMessaging,
    ]);
    let restriction = (kind, moment.clone());
    let restriction =
        restriction.prop_map(|(kind, expires_at)| account::Restriction { kind, expires_at });
    // No poll lists the last one.
    let digits = select(vec![DISPLAYED[0], DISPLAYED[1], "15550100777"]);
    let digits = digits.prop_map(|digits| DisplayDigits::parse(digits).expect("digits"));
    let remediation = prop::option::of(select(vec!["Wait.".to_owned(), "Appeal.".to_owned()]));
    let violation = (word(), remediation)
        .prop_map(|(kind, remediation)| account::Violation { kind, remediation });
    let disconnection = (prop::option::of(word()), prop::option::of(word()));
    let disconnection = disconnection.prop_map(|(reason, initiated_by)| account::Disconnection {
        reason,
        initiated_by,
    });
    let ban = (word(), moment).prop_map(|(state, date)| account::Ban { state, date });
    let restrictions = prop::collection::vec(restriction, 0..3);
    let update = (
        word(),
        prop::option::of(ban),
        restrictions,
        prop::option::of(violation),
        prop::option::of(digits),
        prop::option::of(disconnection),
    );
    let update = update.prop_map(
        |(event, ban, restrictions, violation, digits, disconnection)| {
            account::Update::AccountUpdate {
                event,
                digits,
                ban,
                restrictions,
                violation,
                disconnection,
            }
        },
    );
    let alert =
        (word(), word()).prop_map(|(severity, alert)| account::Update::Alert { severity, alert });
    let capability = (prop::option::of(limit()), prop::option::of(1..50_u64));
    let capability =
        capability.prop_map(
            |(messaging_limit, phone_numbers_limit)| account::Update::Capability {
                messaging_limit,
                phone_numbers_limit,
            },
        );
    let flow = (select(vec!["1", "2"]), word(), word());
    let flow = flow.prop_map(|(flow_id, event, state)| account::Update::Flow {
        flow_id: FlowId::parse(flow_id).expect("a digit"),
        event,
        state,
    });
    prop_oneof![
        update,
        flow,
        word().prop_map(account::Update::Review),
        alert,
        capability
    ]
    .prop_map(Fact::Account)
}

/// Polls of which no two of a collector begin at the same time, and webhooks among them.
pub fn events() -> impl Strategy<Value = Vec<Event>> {
    let polls = prop::collection::btree_map(0..60_i64, poll(), 0..MAX_POLLS);
    let update = prop_oneof![number_news(), template_news(), account_news()];
    let webhooks = prop::collection::vec((0..60_i64, update), 0..MAX_WEBHOOKS);
    (polls, webhooks).prop_map(|(polls, webhooks)| {
        let polls = polls.into_iter().map(|(at, fact)| polled(at * 10, fact));
        let keyed = webhooks.into_iter().zip(1..);
        polls
            .chain(keyed.map(|((at, fact), key)| told(key, at * 10, fact)))
            .collect()
    })
}

pub fn events_and_a_shuffle() -> impl Strategy<Value = (Vec<Event>, Vec<Event>)> {
    events().prop_flat_map(|events| {
        let twice: Vec<Event> = events.iter().chain(&events).cloned().collect();
        (Just(events), Just(twice).prop_shuffle())
    })
}

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

/// When a process starts that knows Meta's time, after all events.
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

/// What is shown apart from times, from what depends on whether a time has come, and from what compares times.
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
        let again = told(99, START + 1, Fact::Number(number::WebhookUpdate {
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
                let webhook = told(step as u128 + 1, seconds - 50, fact);
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
