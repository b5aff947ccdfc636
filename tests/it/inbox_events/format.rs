//! The text of an event of each fact.

use whatsapp_business_exporter::domain::MessageKey;
use whatsapp_business_exporter::domain::account::{self, RestrictionType};
use whatsapp_business_exporter::domain::journey::{JourneyId, Progress, StepOutcome};
use whatsapp_business_exporter::domain::mark::{JourneyMark, Mark};
use whatsapp_business_exporter::domain::message;
use whatsapp_business_exporter::domain::track::{AppEvent, Happening};
use whatsapp_business_exporter::domain::{
    ConversationKey, CustomerIds, DeliveryKey, ErrorCode, Event, Fact, RecipientKey, Source,
    number, template,
};
use whatsapp_business_exporter::store::inbox_events::{decode, encode};

use super::{digits, spelling, template_fact};
use crate::support::{at, by_webhook, number_id};

/// One event of each fact, with its text: a long table.
#[expect(clippy::too_many_lines, reason = "one event of each kind")]
fn samples() -> Vec<(Event, &'static str)> {
    let of = |key: u128| CustomerIds::from(ConversationKey(key));
    let account = account::Update::AccountUpdate {
        event: account::EventKind::AccountRestriction,
        digits: Some(digits()),
        ban: None,
        restrictions: vec![account::Restriction {
            kind: RestrictionType::UtilityTemplates,
            expires_at: Some(at(9)),
        }],
        violation: Some(account::Violation {
            kind: account::ViolationType::Scam,
            remediation: None,
        }),
        disconnection: None,
    };
    let number = number::Update::Security(number::SecurityEventKind::PinChanged);
    let quality = template::Update::CategoryDetected {
        correct: template::Category::Utility,
    };
    let status = message::Update::Status {
        to: Some(of(10)),
        status: message::Status::Failed,
        category: message::Category::Marketing,
        errors: vec![ErrorCode::Number(131_049), ErrorCode::Other],
        mark: Some(Mark {
            campaign: Some("spring".to_owned()),
            journey: Some(JourneyMark {
                id: JourneyId {
                    journey: "order".to_owned(),
                    version: "1".to_owned(),
                },
                step: Some("size".to_owned()),
                variant: None,
                is_goal: false,
                message: Some(MessageKey(12)),
            }),
            ignored: None,
        }),
    };
    let step = Progress::Step {
        step: "size".to_owned(),
        outcome: StepOutcome::Answered,
        variant: None,
    };
    let journey = JourneyId {
        journey: "order".to_owned(),
        version: "1".to_owned(),
    };
    let app = Event {
        source: Source::App(DeliveryKey(6)),
        ..by_webhook(
            0,
            6,
            Fact::Tracked(AppEvent {
                phone_number_id: number_id(0),
                customer: of(11),
                received_at: at(7),
                happening: Happening::OnJourney(journey, step),
            }),
        )
    };
    let undated = Event {
        source: Source::UndatedWebhook(DeliveryKey(7)),
        ..by_webhook(0, 7, Fact::Unwatched)
    };
    vec![
        (
            by_webhook(1, 1, Fact::Account(account)),
            concat!(
                r#"{"waba_id":"800100200300400","observed_at":1775000001000,"source":{"webhook":"00000000000000000000000000000001"},"#,
                r#""fact":{"account":{"account_update":{"event":"ACCOUNT_RESTRICTION","digits":"15550100199","restrictions":[["RESTRICTED_UTILITY_TEMPLATES",1775000009000]],"violation":["SCAM",null]}}}}"#,
            ),
        ),
        (
            by_webhook(
                2,
                2,
                Fact::Number(number::WebhookUpdate {
                    digits: digits(),
                    update: number,
                }),
            ),
            concat!(
                r#"{"waba_id":"800100200300400","observed_at":1775000002000,"source":{"webhook":"00000000000000000000000000000002"},"#,
                r#""fact":{"number":{"digits":"15550100199","news":{"Security":"PIN_CHANGED"}}}}"#,
            ),
        ),
        (
            by_webhook(3, 3, spelling()),
            concat!(
                r#"{"waba_id":"800100200300400","observed_at":1775000003000,"source":{"webhook":"00000000000000000000000000000003"},"#,
                r#""fact":{"number_spelled":{"id":"900100200300400","digits":"15550100199"}}}"#,
            ),
        ),
        (
            by_webhook(4, 4, template_fact(quality, Some("offer"))),
            concat!(
                r#"{"waba_id":"800100200300400","observed_at":1775000004000,"source":{"webhook":"00000000000000000000000000000004"},"#,
                r#""fact":{"template":{"identity":{"id":"7001002003004000","name":"offer"},"update":{"category_detected":{"correct":"UTILITY"}}}}}"#,
            ),
        ),
        (
            by_webhook(
                5,
                5,
                Fact::Message(message::WebhookUpdate {
                    phone_number_id: number_id(0),
                    received_at: at(6),
                    recipient: CustomerIds::new(Some(RecipientKey(12)), []),
                    update: status,
                }),
            ),
            concat!(
                r#"{"waba_id":"800100200300400","observed_at":1775000005000,"source":{"webhook":"00000000000000000000000000000005"},"#,
                r#""fact":{"message":{"phone_number_id":"900100200300400","received_at":1775000006000,"recipient":{"user_id":"0000000000000000000000000000000c"},"update":{"status":{"to":{"others":["0000000000000000000000000000000a"]},"status":"failed","category":"marketing","errors":["131049","OTHER"],"mark":{"campaign":"spring","journey":{"id":["order","1"],"step":"size","message":"0000000000000000000000000000000c"}}}}}}}"#,
            ),
        ),
        (
            app,
            concat!(
                r#"{"waba_id":"800100200300400","observed_at":1775000006000,"source":{"app":"00000000000000000000000000000006"},"#,
                r#""fact":{"tracked":{"phone_number_id":"900100200300400","customer":{"others":["0000000000000000000000000000000b"]},"received_at":1775000007000,"happening":{"on_journey":[["order","1"],{"Step":{"step":"size","outcome":"Answered","variant":null}}]}}}}"#,
            ),
        ),
        (
            undated,
            concat!(
                r#"{"waba_id":"800100200300400","observed_at":1775000007000,"source":{"undated_webhook":"00000000000000000000000000000007"},"#,
                r#""fact":"unwatched"}"#,
            ),
        ),
    ]
}

/// Replicas of two versions run during a rolling upgrade, so a change of this text needs a reader of the older one.
#[test]
fn the_text_stays_as_it_is() {
    for (event, text) in samples() {
        let events = [event];
        let row = format!("[{text}]");
        assert_eq!(encode(&events).expect("no poll"), row);
        assert_eq!(decode(&row).expect("the text of this version"), events);
    }
}
