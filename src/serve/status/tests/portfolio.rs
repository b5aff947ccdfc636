//! The use of the messaging limit: sentence, bar and JSON.

use super::*;
use crate::domain::RecipientKey;
use crate::domain::message::{Category, Status as MessageStatus, Update, WebhookUpdate};
use crate::domain::track::Trackers;

/// A day of deliveries to this many customers, by a portfolio with this limit and two numbers, one of them silent.
fn used(customers: u128, limit: MessagingLimit, reads_messages: bool) -> Facts {
    let mut state = State::default();
    state.track(Arc::new(Trackers {
        reads_messages,
        ..Trackers::default()
    }));
    state.watch([waba()]);
    let with_limit = |which| number::Snapshot {
        messaging_limit: Some(limit),
        ..number(which, QualityRating::Green, "Fern & Moss")
    };
    let snapshot = account::Snapshot {
        business_id: BusinessId::parse(BUSINESS),
        ..account::Snapshot::default()
    };
    state.apply(&polled(Fact::AccountRead(snapshot)));
    state.apply(&numbers(vec![with_limit(1), with_limit(2)]));
    for customer in 0..customers {
        let at = Timestamp::from_seconds(1_775_000_000 - 60);
        state.apply(&webhook(
            customer,
            Fact::Message(WebhookUpdate {
                phone_number_id: with_limit(1).id,
                received_at: at,
                recipient: Some(RecipientKey(customer).into()),
                update: Update::Status {
                    to: None,
                    status: MessageStatus::Delivered,
                    category: Category::Unknown,
                    errors: Vec::new(),
                    mark: None,
                },
            }),
        ));
    }
    Facts {
        accounts: state.accounts().clone(),
        ..facts(&[])
    }
}

/// The sentence, and the bar if there is one.
fn shown(facts: &Facts) -> Option<(String, bool)> {
    let page = drawn(facts);
    let (_, rest) = page.split_once("<p class=\"usage\">")?;
    let (line, _) = rest.split_once("</p>").expect("its end");
    let (_, sentence) = line.split_once("</span>").expect("a sentence");
    let (sentence, bar) = sentence.split_once("<meter").unwrap_or((sentence, ""));
    Some((sentence.replace('\u{a0}', " "), !bar.is_empty()))
}

#[test]
fn the_use_of_the_limit_is_a_sentence_and_a_bar() {
    let customers = MessagingLimit::Customers;
    for (count, limit, sentence, has_bar) in [
        (
            1_234,
            customers(2_000),
            "1,234 of 2,000 customers in 24 h (coverage 50 %)",
            true,
        ),
        (
            3,
            MessagingLimit::Unlimited,
            "3 of unlimited customers in 24 h (coverage 50 %)",
            false,
        ),
        (
            0,
            customers(2_000),
            "customers in 24 h of 2,000: number unknown, because no webhooks about messages are received",
            false,
        ),
    ] {
        let facts = used(count, limit, true);
        assert_eq!(shown(&facts), Some((sentence.to_owned(), has_bar)));
    }
    assert_eq!(shown(&used(3, customers(2_000), false)), None);
    assert_eq!(shown(&facts(&[account("Fern & Moss")])), None);
}

#[test]
fn the_json_has_the_same_figures_and_null_for_the_unknown() {
    let json = json(&used(500, MessagingLimit::Customers(2_000), true));
    let portfolio = &json["accounts"][0]["portfolio"];
    assert_eq!(
        *portfolio,
        serde_json::json!({
            "business_id": BUSINESS, "messaging_limit": 2_000, "recipients": 500, "left": 1_500, "used_ratio": 0.25,
            "coverage_ratio": 0.5, "has_too_many_customers": false,
        })
    );
    let json = super::json(&used(5, MessagingLimit::Unlimited, false));
    let portfolio = &json["accounts"][0]["portfolio"];
    assert_eq!(
        *portfolio,
        serde_json::json!({
            "business_id": BUSINESS, "messaging_limit": "UNLIMITED", "recipients": null, "left": "UNLIMITED",
            "used_ratio": null, "coverage_ratio": null, "has_too_many_customers": false,
        })
    );
    let without = super::json(&facts(&[numbers(vec![])]));
    assert!(without["accounts"][0]["portfolio"].is_null());
}
