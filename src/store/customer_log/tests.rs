//! Compaction and damage of the log of customers.

use serde_json::json;

use super::*;

fn saved(segment: i64, of: &Segment) -> SavedSegment {
    SavedSegment {
        waba_id: "800".to_owned(),
        phone_number_id: "900".to_owned(),
        segment,
        entries: of.entries,
        content: of.content.clone(),
    }
}

fn traffic() -> Traffic {
    Traffic::new(PhoneNumberId::parse("900").expect("digits"))
}

/// Traffic with these customers, each with the time of the last message.
fn traffic_with(customers: &[(u128, i64)]) -> Traffic {
    let mut traffic = traffic();
    for (hash, last_at) in customers {
        let conversation = json!({ "waiting_since": null, "last_written_to": null, "has_spoken": true,
            "was_answered": false, "last_at": last_at, "unsettled": [] });
        let trips = json!({ "sessions": [], "assigned": [], "unsettled": [], "last_at": 0 });
        let customer = json!({ "conversation": conversation, "trips": trips });
        let customer = serde_json::from_value(customer).expect("a customer");
        traffic.restore(ConversationKey(*hash), customer);
    }
    traffic
}

#[test]
fn the_last_entry_of_a_customer_counts() {
    let [one, two] = [&[(1, 0), (2, 0)][..], &[(2, 5), (3, 0)]].map(traffic_with);
    let first = Segment::of_changes(None, &one);
    let second = Segment::of_changes(Some(&one), &two);
    assert_eq!((first.entries, second.entries), (2, 3));
    let log = [saved(1, &first), saved(2, &second)];
    let mut restored = traffic();
    restore_customers(&mut restored, &log).expect("a good log");
    assert_eq!(restored, two);
    assert_eq!(count_conversations(&log).expect("a good log"), 2);
}

#[test]
fn a_compacted_log_restores_the_same_customers() {
    let one = traffic_with(&[(1, 0), (2, 0), (3, 0)]);
    let two = traffic_with(&[(1, 0), (2, 5)]);
    let first = Segment::of_changes(None, &one);
    let mut second = Segment::of_changes(Some(&one), &two);
    second
        .copy_valid(&first.content, &two)
        .expect("a good segment");
    // Customer 1 is copied; 2 has changed and 3 was removed.
    assert_eq!(second.entries, 3);
    let mut restored = traffic();
    restore_customers(&mut restored, &[saved(2, &second)]).expect("a good log");
    assert_eq!(restored, two);
}

#[test]
fn a_damaged_segment_is_an_error() {
    let segment = Segment::of_changes(None, &traffic_with(&[(1, 0)]));
    let good = segment.content.as_slice();
    let unknown = [&[9], &good[1..]].concat();
    for bad in [&good[..10], &good[..good.len() - 1], &unknown] {
        let read: Result<Vec<_>, _> = entries(bad).collect();
        assert!(read.is_err(), "{bad:?}");
    }
    let read: Result<Vec<_>, _> = entries(&[good, good].concat())
        .map(|it| it.map(drop))
        .collect();
    assert_eq!(read.expect("two entries").len(), 2);
}
