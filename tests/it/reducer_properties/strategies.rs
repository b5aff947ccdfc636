//! Events of every kind about one account with two numbers and two templates.

use proptest::prelude::*;
use proptest::sample::select;
use whatsapp_business_exporter::domain::{
    CanSendMessage, DeliveryKey, DisplayDigits, EntityHealth, Event, Fact, FlowId, Health,
    HealthDetails, HealthEntity, HealthError, Listing, MessagingLimit, QualityRating, Word,
    account, number, template,
};

use crate::support::{at, by_webhook, number_id, polled, snapshot_of, template_id};

/// Few enough observations of one attribute for all to be remembered (`state::history` keeps 16).
const MAX_POLLS: usize = 4;

const MAX_WEBHOOKS: usize = 5;

pub(super) const DISPLAYED: [&str; 2] = ["+1 555-010-0199", "+1 555-010-0142"];

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

/// Codes and texts that differ from one response to the next.
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

pub(super) fn identity(which: usize) -> template::Identity {
    template::Identity {
        id: template_id(which),
        name: Some(format!("spring_offer_{which}").into()),
        language: Some("en_US".into()),
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

pub fn number_update() -> impl Strategy<Value = Fact> {
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

pub fn template_update() -> impl Strategy<Value = Fact> {
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

pub fn account_update() -> impl Strategy<Value = Fact> {
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
    let update = prop_oneof![number_update(), template_update(), account_update()];
    let webhooks = prop::collection::vec((0..60_i64, update), 0..MAX_WEBHOOKS);
    (polls, webhooks).prop_map(|(polls, webhooks)| {
        let polls = polls.into_iter().map(|(at, fact)| polled(at * 10, fact));
        let keyed = webhooks.into_iter().zip(1..);
        polls
            .chain(keyed.map(|((at, fact), key)| by_webhook(key, at * 10, fact)))
            .collect()
    })
}

pub fn events_and_a_shuffle() -> impl Strategy<Value = (Vec<Event>, Vec<Event>)> {
    events().prop_flat_map(|events| {
        let twice: Vec<Event> = events.iter().chain(&events).cloned().collect();
        (Just(events), Just(twice).prop_shuffle())
    })
}
