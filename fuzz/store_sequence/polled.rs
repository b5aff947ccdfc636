//! Facts of polls, with values drawn from the words of the domain.

use whatsapp_business_exporter::domain::{
    CanSendMessage, EntityHealth, Fact, Health, HealthDetails, HealthEntity, HealthError, Listing,
    MessagingLimit, TemplateId, account, number, template,
};

use super::super::draw::Draw;
use super::{DISPLAYED, number_id, word};

pub(super) fn limit(draw: &mut Draw<'_>) -> MessagingLimit {
    draw.one_of(&[
        MessagingLimit::Customers(250),
        MessagingLimit::Customers(2_000),
        MessagingLimit::Unlimited,
    ])
}

fn health(draw: &mut Draw<'_>) -> Option<Health> {
    let can_send_message: CanSendMessage = word(draw);
    Health::new(
        vec![EntityHealth {
            kind: HealthEntity::Waba,
            can_send_message,
        }],
        None,
    )
}

fn health_details(draw: &mut Draw<'_>) -> Option<HealthDetails> {
    let error = HealthError {
        entity: word(draw),
        code: draw.mostly().then_some(141_006),
        description: draw.mostly().then(|| "\"Pay\"\n".to_owned()),
        solution: None,
    };
    draw.mostly()
        .then(|| HealthDetails::new(vec![error], Vec::new()))
}

pub(super) fn numbers_listed(draw: &mut Draw<'_>) -> Fact {
    let mut snapshot = |which: usize| number::Snapshot {
        display_phone_number: Some(DISPLAYED[which].to_owned()),
        verified_name: Some("Fern & \"Moss\"\n".to_owned()),
        quality_rating: Some(word(draw)),
        status: Some(word(draw)),
        messaging_limit: Some(limit(draw)),
        throughput_level: Some(word(draw)),
        name_status: Some(word(draw)),
        health: health(draw),
        health_details: health_details(draw),
        ..number::Snapshot::new(number_id(which))
    };
    Fact::NumbersListed(Listing {
        objects: vec![snapshot(0), snapshot(1)],
        complete: true,
    })
}

pub(super) fn identity(which: usize) -> template::Identity {
    template::Identity {
        id: TemplateId::parse(&format!("700100200300400{which}")).expect("digits"),
        name: Some(format!("offer_{which}").into()),
        language: Some("en_US".into()),
    }
}

/// A snapshot with nothing but the identity of the template.
fn snapshot_of(identity: template::Identity) -> template::Snapshot {
    template::Snapshot {
        name: identity.name,
        language: identity.language,
        ..template::Snapshot::new(identity.id)
    }
}

/// Reason and category are always the same, because their changes are counted in the order of polls.
pub(super) fn templates_listed(draw: &mut Draw<'_>) -> Fact {
    let mut snapshot = |which| template::Snapshot {
        status: Some(word(draw)),
        category: Some(template::Category::Utility),
        correct_category: Some(template::Category::Utility),
        quality_rating: Some(word(draw)),
        last_reason: Some(template::RejectedReason::InvalidFormat),
        ..snapshot_of(identity(which))
    };
    let listing = Listing {
        objects: vec![snapshot(0), snapshot(1)],
        complete: true,
    };
    Fact::TemplatesListed(
        listing,
        template::Totals {
            count: Some(2),
            limit: Some(250),
        },
    )
}

pub(super) fn account_read(draw: &mut Draw<'_>) -> Fact {
    Fact::AccountRead(account::Snapshot {
        review_status: Some(word(draw)),
        business_verification_status: Some(word(draw)),
        status: Some(word(draw)),
        messaging_limit: Some(limit(draw)),
        health: health(draw),
        health_details: health_details(draw),
        funding: Some(word(draw)),
        marketing_disabled: Some(draw.mostly()),
        marketing_onboarding: Some(word(draw)),
        webhook_subscribed: Some(draw.mostly()),
        ..account::Snapshot::default()
    })
}
