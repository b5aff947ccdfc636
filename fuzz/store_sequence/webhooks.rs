//! Facts of webhooks about accounts, phone numbers and templates.

use whatsapp_business_exporter::domain::{DisplayDigits, Fact, account, number, template};

use super::super::draw::Draw;
use super::polled::{identity, limit};
use super::{DISPLAYED, at, word};

pub(super) fn account_update(draw: &mut Draw<'_>) -> Fact {
    let moment = |draw: &mut Draw<'_>| draw.mostly().then(|| at(draw.below(4_000) as i64));
    Fact::Account(match draw.below(4) {
        0 => account::Update::AccountUpdate {
            event: word(draw),
            digits: DisplayDigits::parse(draw.one_of(&DISPLAYED)).filter(|_| draw.mostly()),
            ban: draw.mostly().then(|| account::Ban {
                state: word(draw),
                date: moment(draw),
            }),
            restrictions: (0..draw.below(3))
                .map(|_| account::Restriction {
                    kind: word(draw),
                    expires_at: moment(draw),
                })
                .collect(),
            violation: draw.mostly().then(|| account::Violation {
                kind: word(draw),
                remediation: None,
            }),
            disconnection: None,
        },
        1 => account::Update::Review(word(draw)),
        2 => account::Update::Alert {
            severity: word(draw),
            alert: word(draw),
        },
        _ => account::Update::Capability {
            messaging_limit: draw.mostly().then(|| limit(draw)),
            phone_numbers_limit: draw.mostly().then(|| draw.below(50) as u64),
        },
    })
}

pub(super) fn number_update(draw: &mut Draw<'_>) -> Fact {
    // No poll lists the third number, so updates about it wait.
    let digits = DisplayDigits::parse(draw.one_of(&DISPLAYED)).expect("digits");
    let update = if draw.mostly() {
        number::Update::Quality {
            event: word(draw),
            old_limit: draw.mostly().then(|| limit(draw)),
            current_limit: draw.mostly().then(|| limit(draw)),
        }
    } else {
        number::Update::Name(number::NameReview {
            decision: word(draw),
            rejection_reason: draw.mostly().then(|| word(draw)),
        })
    };
    Fact::Number(number::WebhookUpdate { digits, update })
}

pub(super) fn template_update(draw: &mut Draw<'_>) -> Fact {
    let identity = identity(draw.below(2));
    let update = match draw.below(5) {
        0 | 1 => template::Update::Status {
            event: word(draw),
            reason: Some(template::RejectedReason::InvalidFormat),
            category: None,
            pause: draw.mostly().then(|| word(draw)),
            disable_at: draw.mostly().then(|| at(draw.below(4_000) as i64)),
        },
        2 => template::Update::Quality {
            previous: draw.mostly().then(|| word(draw)),
            new: word(draw),
        },
        3 => template::Update::CategoryAnnounced {
            present: None,
            coming: word(draw),
            at: draw.mostly().then(|| at(draw.below(4_000) as i64)),
        },
        _ => template::Update::CategoryChanged {
            previous: draw.mostly().then(|| word(draw)),
            new: word(draw),
        },
    };
    Fact::Template(template::WebhookUpdate { identity, update })
}
