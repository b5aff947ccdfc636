//! A million customers: memory, and the time that counting takes.

use std::time::Instant;

use whatsapp_business_exporter::domain::message::{Category, Status, Update, WebhookUpdate};
use whatsapp_business_exporter::domain::{
    DeliveryKey, Event, Fact, PhoneNumberId, RecipientIds, RecipientKey, Source, WabaId,
};

use super::payload::{ACCOUNTS, NUMBERS, number_id};
use super::play::{Player, moment};
use crate::ceilings::resident;
use crate::support::measured;

/// Bytes of memory of a customer, at most.
const MAX_BYTES: u64 = 400;

/// A delivery to a customer who is named by a user id and a telephone number. The keys are spread as hashes are.
fn delivered(key: u128, customer: u128, number: usize, at: i64) -> Event {
    let hash = |id: u128| RecipientKey(id.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
    let recipient = RecipientIds::new(Some(hash(2 * customer + 1)), [hash(2 * customer + 2)]);
    Event {
        waba_id: WabaId::parse(ACCOUNTS[NUMBERS[number]].0).expect("digits"),
        observed_at: moment(at),
        source: Source::Webhook(DeliveryKey(key)),
        fact: Fact::Message(WebhookUpdate {
            phone_number_id: PhoneNumberId::parse(&number_id(number)).expect("digits"),
            received_at: moment(at),
            recipient,
            update: Update::Status {
                to: None,
                status: Status::Delivered,
                category: Category::Marketing,
                errors: Vec::new(),
                mark: None,
            },
        }),
    }
}

/// Deliveries to so many customers of three numbers, each customer at one of them and every tenth at two.
fn measure(customers: u128) {
    let mut player = Player::new();
    // The window of delivery keys is full from the start, so that only the recipients grow.
    for key in 0..500_000 {
        let outside = 1_u128 << 100 | key;
        player.state.apply(&delivered(outside, 0, 0, 0));
    }
    let before = resident();
    let began = Instant::now();
    for customer in 0..customers {
        let at = i64::try_from(customer * 3_600 / customers).expect("within an hour");
        let number = usize::try_from(customer % 3).expect("small");
        player
            .state
            .apply(&delivered(2 * customer, customer, number, at));
        if customer % 10 == 0 {
            let other = (number + 1) % 3;
            player
                .state
                .apply(&delivered(2 * customer + 1, customer, other, at));
        }
    }
    let applied = began.elapsed();
    let each = (resident() - before) / u64::try_from(customers).expect("small");
    let began = Instant::now();
    let headroom = player.headroom("700100", 3_600);
    let counted = began.elapsed();
    assert_eq!(
        headroom.recipients,
        Some(u64::try_from(customers).expect("small"))
    );
    measured(&format!(
        "{customers} customers: {each} bytes each; {applied:?} to apply; {counted:?} to count"
    ));
    assert!(each < MAX_BYTES, "{each} bytes each");
}

#[test]
#[ignore = "measures memory; run it alone, with --release for the times"]
fn a_million_customers_fit() {
    measure(100_000);
    measure(1_000_000);
}

#[test]
fn ten_thousand_customers_are_counted_once_each() {
    let mut player = Player::new();
    for customer in 0..10_000 {
        let number = usize::try_from(customer % 3).expect("small");
        player
            .state
            .apply(&delivered(customer, customer, number, 10));
        player
            .state
            .apply(&delivered(20_000 + customer, customer, 1, 20));
    }
    assert_eq!(player.headroom("700100", 30).recipients, Some(10_000));
}
