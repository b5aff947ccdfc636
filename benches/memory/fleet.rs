//! The simulated fleet, and the events of its polls and webhooks.

use std::time::Duration;

use whatsapp_business_exporter::domain::{
    BusinessId, CanSendMessage, DeliveryKey, EntityHealth, Event, Fact, Health, HealthEntity,
    Listing, MessagingLimit, PhoneNumberId, QualityRating, Source, TemplateId, Timestamp, WabaId,
    account, number, template,
};

pub const FIRST_POLL: Timestamp = Timestamp::from_seconds(1_795_000_000);
pub const POLL_INTERVAL: Duration = Duration::from_secs(3_600);

/// The size of the fleet.
#[derive(Clone, Copy)]
pub struct Fleet {
    pub accounts: usize,
    pub numbers: usize,
    pub templates: usize,
}

pub fn waba(index: usize) -> WabaId {
    WabaId::parse(&(800_100_200_300_000 + index).to_string()).expect("digits")
}

fn event(index: usize, poll: u32, fact: Fact) -> Event {
    Event {
        waba_id: waba(index),
        // Each account is polled at a time of its own.
        observed_at: FIRST_POLL
            .plus(POLL_INTERVAL * poll + Duration::from_millis(index as u64 * 7)),
        source: Source::Poll,
        fact,
    }
}

fn health() -> Option<Health> {
    let of = |kind| EntityHealth {
        kind,
        can_send_message: CanSendMessage::Available,
    };
    Health::new(
        [
            HealthEntity::Waba,
            HealthEntity::Business,
            HealthEntity::App,
        ]
        .map(of)
        .to_vec(),
        None,
    )
}

pub fn read(_: Fleet, index: usize, poll: u32) -> Event {
    let snapshot = account::Snapshot {
        name: Some(format!("Fern & Moss {index}")),
        currency: Some("EUR".into()),
        timezone_id: Some("138".into()),
        business_id: BusinessId::parse(&(700_100_200_300_000 + index / 10).to_string()),
        review_status: Some(account::ReviewStatus::Approved),
        business_verification_status: Some(account::BusinessVerificationStatus::Verified),
        status: Some(account::Status::Active),
        messaging_limit: Some(MessagingLimit::Customers(10_000)),
        health: health(),
        webhook_subscribed: Some(true),
        ..account::Snapshot::new()
    };
    event(index, poll, Fact::AccountRead(snapshot))
}

pub fn numbers_listed(fleet: Fleet, index: usize, poll: u32) -> Event {
    let snapshot = |number: usize| {
        let id = index * fleet.numbers + number;
        number::Snapshot {
            display_phone_number: Some(format!("+1 555-{id:07}")),
            verified_name: Some(format!("Fern & Moss Store {number}")),
            account_mode: Some(number::AccountMode::Live),
            platform_type: Some(number::PlatformType::CloudApi),
            quality_rating: Some(QualityRating::Green),
            status: Some(number::Status::Connected),
            messaging_limit: Some(MessagingLimit::Customers(10_000)),
            throughput_level: Some(number::ThroughputLevel::Standard),
            name_status: Some(number::NameStatus::Approved),
            new_name_status: Some(number::NameStatus::None),
            code_verification_status: Some(number::CodeVerificationStatus::Verified),
            health: health(),
            ..number::Snapshot::new(
                PhoneNumberId::parse(&(900_100_200_300_000 + id).to_string()).expect("digits"),
            )
        }
    };
    let objects = (0..fleet.numbers).map(snapshot).collect();
    event(
        index,
        poll,
        Fact::NumbersListed(Listing {
            objects,
            complete: true,
        }),
    )
}

fn template_id(fleet: Fleet, index: usize, template: usize) -> TemplateId {
    let id = 7_001_002_003_000_000 + index * fleet.templates + template;
    TemplateId::parse(&id.to_string()).expect("digits")
}

/// A listing, and after the first one a webhook about every twentieth template.
pub fn templates_listed(fleet: Fleet, index: usize, poll: u32) -> Vec<Event> {
    let categories = [template::Category::Marketing, template::Category::Utility];
    let snapshot = |which: usize| {
        let category = categories[which % 2];
        template::Snapshot {
            name: Some(
                format!(
                    "{}_offer_{which}",
                    ["spring", "order_confirmation", "appointment_reminder"][which % 3]
                )
                .into(),
            ),
            language: Some(["en_US", "pt_BR", "es", "de"][which % 4].into()),
            status: Some(if which.is_multiple_of(20) {
                template::Status::Rejected
            } else {
                template::Status::Approved
            }),
            category: Some(category),
            correct_category: Some(category),
            quality_rating: Some(QualityRating::Green),
            quality_rating_date: Some(FIRST_POLL.minus(Duration::from_secs(which as u64 * 1_000))),
            last_reason: Some(template::RejectedReason::None),
            source: Some(template::TemplateSource::Manual),
            ..template::Snapshot::new(template_id(fleet, index, which))
        }
    };
    let objects = (0..fleet.templates).map(snapshot).collect();
    let listing = Fact::TemplatesListed(
        Listing {
            objects,
            complete: true,
        },
        template::Totals::default(),
    );
    let mut events = vec![event(index, poll, listing)];
    let changed = (0..fleet.templates).step_by(20).filter(|_| poll == 0);
    events.extend(changed.map(|which| {
        let key = DeliveryKey((index * fleet.templates + which) as u128);
        let update = template::Update::Status {
            event: template::EventKind::Rejected,
            reason: Some(template::RejectedReason::Promotional),
            category: None,
            pause: None,
            disable_at: None,
        };
        let identity = template::Identity {
            id: template_id(fleet, index, which),
            name: None,
            language: None,
        };
        Event {
            source: Source::Webhook(key),
            ..event(
                index,
                poll,
                Fact::Template(template::WebhookUpdate { identity, update }),
            )
        }
    }));
    events
}
