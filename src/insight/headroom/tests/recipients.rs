//! Customers with different ids at several numbers.

use proptest::prelude::*;

use super::*;

#[test]
fn customers_are_counted_once_whatever_id_a_number_knows_them_by() {
    let mut world = watched();
    // By user id and telephone number, by telephone number alone, by user id alone.
    world.delivered(1, 1, &[101, 1], 5);
    world.delivered(1, 2, &[1], 4);
    world.delivered(2, 3, &[101], 3);
    assert_eq!(world.used().recipients, Some(1));
    // Two spellings of a number, each known to another number.
    world.delivered(1, 1, &[102, 2, 3], 5);
    world.delivered(1, 2, &[2], 4);
    world.delivered(2, 3, &[3], 3);
    assert_eq!(world.used().recipients, Some(2));
    // The user id counts as long as a message opened no window, and the others even without it.
    world.received(1, 1, &[102], 6);
    assert_eq!(world.used().recipients, Some(2));
    // Two users with one telephone number are two customers.
    world.delivered(1, 1, &[103, 4], 5);
    world.delivered(1, 2, &[104, 4], 5);
    assert_eq!(world.used().recipients, Some(4));
}

#[test]
fn a_new_user_id_is_the_same_customer() {
    let mut world = watched();
    world.delivered(1, 1, &[101, 1], 5);
    let ids = RecipientIds::new(Some(RecipientKey(102)), [RecipientKey(101)]).expect("ids");
    let change = Update::IdChanged(crate::domain::ConversationKey(1).into());
    world.key += 1;
    world.state.apply(&Event {
        waba_id: waba(1),
        observed_at: hours_ago(4),
        source: Source::Webhook(DeliveryKey(1_000)),
        fact: Fact::Message(WebhookUpdate {
            phone_number_id: number(1),
            received_at: hours_ago(4),
            recipient: Some(ids),
            update: change,
        }),
    });
    world.delivered(1, 1, &[102], 3);
    assert_eq!(world.used().recipients, Some(1));
}

/// A delivery or a message.
#[derive(Clone, Debug)]
struct Contact {
    /// The account and its number.
    number: (u8, u8),
    customer: Vec<u128>,
    hours_ago: i64,
    is_delivery: bool,
}

fn contact() -> impl Strategy<Value = Contact> {
    let number = prop::sample::select(vec![(1, 1), (1, 2), (2, 3)]);
    // Each customer has a user id, a telephone number, and another spelling of it.
    let customer = (0..6_u128, 1..8_u128).prop_map(|(customer, drawn)| {
        let ids = [101, 1, 11].map(|id| id + customer);
        let is_drawn = |place: &usize| drawn & (1 << place) != 0;
        (0..ids.len())
            .filter(is_drawn)
            .map(|place| ids[place])
            .collect()
    });
    let drawn = (number, customer, 0..40_i64, prop::bool::weighted(0.8));
    drawn.prop_map(|(number, customer, hours_ago, is_delivery)| Contact {
        number,
        customer,
        hours_ago,
        is_delivery,
    })
}

proptest! {
    #[test]
    fn a_count_does_not_depend_on_earlier_counts(
        contacts in prop::collection::vec(contact(), 1..60),
    ) {
        let mut world = watched();
        for Contact { number: (of, which), customer, hours_ago, is_delivery } in contacts {
            if is_delivery {
                world.delivered(of, which, &customer, hours_ago);
            } else {
                world.received(of, which, &customer, hours_ago);
            }
            world.used();
        }
    }
}
