//! Act six: money, Direct Send, and what customers do.

use super::cast::*;
use super::shorthand::*;
use crate::simulator::change::WorldChange;
use crate::simulator::story::Beat;

/// Customers who stop marketing messages within a few seconds.
const WAVE: u32 = 6;

/// A customer who talks to a person, and later gets a new user id.
const REGULAR: &str = "15550100170";
const REGULAR_USER_IDS: [&str; 2] = ["US.13000000000000000170", "US.13000000000000000171"];

pub(super) fn beats() -> Vec<Beat> {
    let mut beats = vec![
        beat(
            52,
            "The bakery's credit card has expired: it can answer customers, but start no conversation",
            [WorldChange::PaymentMethodRemoved {
                waba_id: BAKERY.into(),
            }],
        ),
        beat(
            53,
            "Fern & Moss is warned: it used Direct Send for marketing",
            [direct_send("DIRECT_SEND_UTILITY_CATEGORY_ABUSE_WARN")],
        ),
        beat(
            55,
            "Direct Send of Fern & Moss is restricted",
            [direct_send("DIRECT_SEND_UTILITY_CATEGORY_ABUSE_STRIKE_1")],
        ),
        beat(
            57,
            "A customer of Café Lumière asks, and a person answers in the app",
            [WorldChange::CustomerAnsweredInApp {
                phone_number_id: CAFE_TABLES.into(),
                wa_id: REGULAR.into(),
                user_id: REGULAR_USER_IDS[0].into(),
            }],
        ),
        beat(
            65,
            "The bakery has a means of payment again",
            [WorldChange::PaymentMethodAdded {
                waba_id: BAKERY.into(),
            }],
        ),
        beat(
            67,
            "The same customer of Café Lumière gets a new user id",
            [WorldChange::CustomerIdChanged {
                phone_number_id: CAFE_TABLES.into(),
                wa_id: REGULAR.into(),
                previous_user_id: REGULAR_USER_IDS[0].into(),
                user_id: REGULAR_USER_IDS[1].into(),
            }],
        ),
        beat(
            73,
            "The restriction of Direct Send of Fern & Moss is lifted",
            [direct_send("DIRECT_SEND_UTILITY_CATEGORY_ABUSE_UNBAN")],
        ),
    ];
    let stops = (0..WAVE).map(stopped);
    beats.push(beat(
        59,
        "Customers of Fern & Moss Orders stop its marketing messages",
        stops.collect::<Vec<_>>(),
    ));
    beats
}

fn direct_send(violation_type: &str) -> WorldChange {
    WorldChange::DirectSendChanged {
        waba_id: GARDEN.into(),
        violation_type: violation_type.into(),
        in_seconds: Some(7 * 86_400),
    }
}

fn stopped(customer: u32) -> WorldChange {
    WorldChange::MarketingPreferenceChanged {
        phone_number_id: GARDEN_ORDERS.into(),
        wa_id: Some(format!("155501001{:02}", 80 + customer)),
        user_id: Some(format!("US.130000000000{customer:04}0000")),
        value: "stop".into(),
    }
}
