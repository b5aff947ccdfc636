//! The use of a messaging limit, computed from a list of all events: it compares every delivery with every message, and
//! deletes nothing.

use std::collections::BTreeSet;

/// Seconds of a customer service window, and of the period in which recipients count.
const DAY: i64 = 86_400;

/// What happens to a customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text of the customer.
    Message,
    /// A call of the customer, answered or not.
    Call,
    /// The status `delivered` of a message of the business.
    Delivered,
    /// The status `read`.
    Read,
    /// The status `sent`.
    Sent,
    /// A reaction of the customer.
    Reaction,
    /// A call of the business.
    CallOfBusiness,
    /// The status `delivered` of a message to a group.
    DeliveredToGroup,
    /// The status `failed`.
    Failed,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Message,
        Self::Call,
        Self::Delivered,
        Self::Read,
        Self::Sent,
        Self::Reaction,
        Self::CallOfBusiness,
        Self::DeliveredToGroup,
        Self::Failed,
    ];
}

/// Something that happened between a customer and a phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Happening {
    pub customer: usize,
    pub number: usize,
    pub kind: Kind,
    /// When it happened, in seconds.
    pub at: i64,
    /// When the exporter received it.
    pub received_at: i64,
}

/// Number of customers that count at `now` for these phone numbers.
pub fn recipients(happened: &[Happening], numbers: &[usize], now: i64) -> usize {
    let received = |one: &&Happening| one.received_at <= now && numbers.contains(&one.number);
    let known: Vec<&Happening> = happened.iter().filter(received).collect();
    let opens = |kind: Kind| kind == Kind::Message || kind == Kind::Call;
    let mut customers = BTreeSet::new();
    for delivery in known.iter().filter(|one| one.kind == Kind::Delivered) {
        let is_free = known.iter().any(|other| {
            opens(other.kind)
                && other.customer == delivery.customer
                && other.number == delivery.number
                && (delivery.at - DAY..=delivery.at).contains(&other.at)
        });
        let is_of_this_day = delivery.at > now - DAY && delivery.at <= now;
        if is_of_this_day && !is_free {
            customers.insert(delivery.customer);
        }
    }
    customers.len()
}

#[test]
fn the_oracle_counts_by_the_definition() {
    let one = |customer, number, kind, at| Happening {
        customer,
        number,
        kind,
        at,
        received_at: at,
    };
    let happened = [
        one(1, 1, Kind::Delivered, 10),
        one(1, 2, Kind::Delivered, 20),
        one(2, 1, Kind::Message, 30),
        one(2, 1, Kind::Delivered, 30 + DAY),
        one(2, 2, Kind::Delivered, 31 + DAY),
        one(3, 3, Kind::Delivered, 40),
    ];
    for (now, numbers, count) in [
        (9, &[1, 2][..], 0),
        (10, &[1, 2], 1),
        (40, &[1, 2], 1),
        (40, &[1, 2, 3], 2),
        (19 + DAY, &[1, 2], 1),
        (20 + DAY, &[1, 2], 0),
        (30 + DAY, &[1, 2], 0),
        (31 + DAY, &[1, 2], 1),
        (31 + DAY, &[1], 0),
    ] {
        assert_eq!(recipients(&happened, numbers, now), count, "at {now}");
    }
}
