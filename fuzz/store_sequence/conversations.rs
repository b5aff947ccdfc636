//! Facts about messages, calls and journeys, of a few customers who share and exchange ids.

use std::time::Duration;

use whatsapp_business_exporter::domain::journey::{Choice, OTHER, Progress, StepOutcome};
use whatsapp_business_exporter::domain::mark::{IgnoredMark, JourneyMark, Mark, MessageContext};
use whatsapp_business_exporter::domain::track::{self, Actor, Happening};
use whatsapp_business_exporter::domain::{
    ConversationKey, CustomerIds, DisplayDigits, ErrorCode, Fact, MessageKey, RecipientIds,
    RecipientKey, Timestamp, message, number,
};

use super::super::draw::Draw;
use super::trackers::booking;
use super::{number_id, word};

/// A customer with one id or several. Ids are few, so that customers share and exchange them.
fn customer(draw: &mut Draw<'_>) -> CustomerIds {
    let mut key = || ConversationKey(draw.below(6) as u128);
    let (user_id, first, second) = (key(), key(), key());
    let (has_user_id, has_second) = (draw.mostly(), draw.mostly());
    let others = [first].into_iter().chain(has_second.then_some(second));
    CustomerIds::new(Some(user_id).filter(|_| has_user_id), others).expect("it has an id")
}

/// A recipient with two ids or three.
fn recipient(draw: &mut Draw<'_>) -> RecipientIds {
    let mut key = || RecipientKey(draw.below(6) as u128);
    let (user_id, first, second) = (key(), key(), key());
    let has_user_id = draw.mostly();
    RecipientIds::new(Some(user_id).filter(|_| has_user_id), [first, second]).expect("it has an id")
}

/// One of more codes than the store counts separately.
fn error_code(draw: &mut Draw<'_>) -> ErrorCode {
    ErrorCode::Number(131_000 + draw.below(100) as u32)
}

/// The content of callback data: a campaign, a step, or nothing.
fn mark(draw: &mut Draw<'_>) -> Mark {
    let journey = JourneyMark {
        id: booking(),
        step: Some(draw.one_of(&["date", "time", OTHER]).to_owned()).filter(|_| draw.mostly()),
        variant: Some(draw.one_of(&["A", "B"]).to_owned()).filter(|_| draw.mostly()),
        is_goal: !draw.mostly(),
        message: Some(MessageKey(draw.below(4) as u128)),
    };
    Mark {
        campaign: Some(draw.one_of(&["spring", "summer"]).to_owned()).filter(|_| draw.mostly()),
        journey: Some(journey).filter(|_| draw.mostly()),
        ignored: Some(IgnoredMark::Incomplete).filter(|_| !draw.mostly()),
    }
}

pub(super) fn messages(observed_at: Timestamp, draw: &mut Draw<'_>) -> Fact {
    let update = match draw.below(11) {
        0 | 1 => message::Update::Received {
            from: Some(customer(draw)).filter(|_| draw.mostly()),
            kind: word(draw),
            context: MessageContext {
                replies_to: Some(MessageKey(draw.below(4) as u128)).filter(|_| draw.mostly()),
                choice: Some(Choice::default()).filter(|_| draw.mostly()),
                entry_point: word(draw),
            },
        },
        2 | 3 => message::Update::Status {
            to: Some(customer(draw)).filter(|_| draw.mostly()),
            status: word(draw),
            category: word(draw),
            errors: (0..draw.below(3)).map(|_| error_code(draw)).collect(),
            mark: Some(mark(draw)).filter(|_| draw.mostly()),
        },
        4 => message::Update::Echo {
            to: Some(customer(draw)).filter(|_| draw.mostly()),
            kind: word(draw),
            actor: draw.one_of(&Actor::ALL),
        },
        5 => message::Update::IdChanged(customer(draw)),
        6 => message::Update::ThreadOwner {
            of: customer(draw),
            role: draw.one_of(&["business", "partner"]).to_owned(),
        },
        7 => message::Update::Priced(message::Price {
            category: word(draw),
            pricing_type: word(draw),
        }),
        8 => message::Update::Called,
        9 => message::Update::Preference {
            of: Some(customer(draw)).filter(|_| draw.mostly()),
            preference: word(draw),
        },
        _ => message::Update::Errors(vec![error_code(draw)]),
    };
    let recipient = draw.mostly().then(|| recipient(draw));
    Fact::Message(message::WebhookUpdate {
        phone_number_id: number_id(draw.below(2)),
        received_at: observed_at.plus(Duration::from_secs(draw.below(200) as u64)),
        recipient,
        update,
    })
}

pub(super) fn tracked(observed_at: Timestamp, draw: &mut Draw<'_>) -> Fact {
    let step = |draw: &mut Draw<'_>| Progress::Step {
        step: draw.one_of(&["date", "time", "other"]).to_owned(),
        outcome: draw.one_of(&[
            StepOutcome::Entered,
            StepOutcome::Answered,
            StepOutcome::Abandoned,
        ]),
        variant: draw
            .mostly()
            .then(|| draw.one_of(&["A", "B", "other"]).to_owned()),
    };
    let happening = match draw.below(5) {
        0 => Happening::Inbound,
        1 => Happening::Reply(draw.one_of(&Actor::ALL)),
        2 => Happening::OnJourney(booking(), Progress::Goal),
        3 => Happening::OnJourney(
            booking(),
            Progress::Variant(draw.one_of(&["A", "B"]).to_owned()),
        ),
        _ => Happening::OnJourney(booking(), step(draw)),
    };
    Fact::Tracked(track::AppEvent {
        phone_number_id: number_id(draw.below(2)),
        customer: customer(draw),
        received_at: observed_at.plus(Duration::from_secs(draw.below(200) as u64)),
        happening,
    })
}

pub(super) fn spelled(draw: &mut Draw<'_>) -> Fact {
    let digits = DisplayDigits::parse(draw.one_of(&["5550100199", "15550100142", "15550100777"]));
    Fact::NumberSpelled(number::Spelling {
        id: number_id(draw.below(2)),
        digits: digits.expect("digits"),
    })
}
