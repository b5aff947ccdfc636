//! Replies and opt-outs of the last campaign, for events in any order.

use proptest::prelude::*;

use super::ContactEvent::{Delivered, Read, Stopped, Wrote};
use super::*;

const HOUR: i64 = 3_600;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_775_000_000 + seconds)
}

fn spring() -> ContactEvent {
    Delivered("spring".to_owned())
}

fn counted(events: &[(i64, ContactEvent)]) -> Vec<String> {
    let mut contact = CampaignContact::default();
    let mut counted = Vec::new();
    let mut count = |name: &str, stage: CampaignStage| {
        counted.push(format!("{name} {stage:?}"));
    };
    for (seconds, event) in events {
        contact.note(at(*seconds), event.clone(), &mut count);
    }
    contact.settle(at(i64::from(i32::MAX)), &mut count);
    counted
}

#[test]
fn a_reply_and_an_opt_out_count_once_within_their_windows() {
    let replied = ["spring Replied"];
    assert_eq!(counted(&[(0, spring()), (5, Wrote), (9, Wrote)]), replied);
    assert_eq!(counted(&[(0, spring()), (24 * HOUR, Wrote)]), replied);
    let nothing = [""; 0];
    assert_eq!(counted(&[(0, spring()), (24 * HOUR + 1, Wrote)]), nothing);
    assert_eq!(counted(&[(0, spring()), (-1, Wrote)]), nothing);
    assert_eq!(counted(&[(5, Wrote), (5, Stopped)]), nothing);
    let stops = [(0, spring()), (72 * HOUR, Stopped), (72 * HOUR, Stopped)];
    assert_eq!(counted(&stops), ["spring OptedOut"]);
    assert_eq!(counted(&[(0, spring()), (72 * HOUR + 1, Stopped)]), nothing);
}

#[test]
fn the_last_delivered_campaign_counts() {
    let summer = Delivered("summer".to_owned());
    let both = [(0, spring()), (10, summer), (20, Wrote), (30, Stopped)];
    assert_eq!(counted(&both), ["summer Replied", "summer OptedOut"]);
    // Each delivered message can have its reply.
    let twice = [(0, spring()), (5, Wrote), (10, spring()), (15, Wrote)];
    assert_eq!(counted(&twice), ["spring Replied", "spring Replied"]);
}

#[test]
fn a_message_that_was_only_read_was_delivered() {
    let read = || Read("spring".to_owned());
    assert_eq!(counted(&[(0, read()), (5, Wrote)]), ["spring Replied"]);
    let after = [(0, spring()), (5, Wrote), (6, read()), (7, Wrote)];
    assert_eq!(
        counted(&after),
        ["spring Replied"],
        "it is the same message"
    );
}

#[test]
fn a_read_receipt_of_an_earlier_campaign_is_no_delivery() {
    let read = |name: &str| Read(name.to_owned());
    let autumn = || Delivered("autumn".to_owned());
    let both_read = [
        (0, spring()),
        (10, autumn()),
        (20, read("autumn")),
        (20, read("spring")),
        (30, Wrote),
    ];
    assert_eq!(counted(&both_read), ["autumn Replied"]);
    let replied_before = [
        (0, spring()),
        (5, Wrote),
        (10, autumn()),
        (20, read("spring")),
        (30, Wrote),
    ];
    assert_eq!(
        counted(&replied_before),
        ["spring Replied", "autumn Replied"]
    );
    let only_read = [(0, spring()), (10, read("autumn")), (20, Wrote)];
    assert_eq!(counted(&only_read), ["autumn Replied"]);
}

#[test]
fn deliveries_to_a_customer_with_two_ids_are_all_remembered() {
    let contact = |events: &[(i64, ContactEvent)]| {
        let mut contact = CampaignContact::default();
        for (seconds, event) in events {
            contact.note(at(*seconds), event.clone(), |_, _| {});
        }
        contact.settle(at(100), |_, _| {});
        contact
    };
    let one = contact(&[(0, spring())]);
    let other = contact(&[(10, Delivered("autumn".to_owned()))]);
    for (mut contact, absorbed) in [(one.clone(), other.clone()), (other, one)] {
        contact.absorb(absorbed);
        let mut counted = Vec::new();
        contact.note(at(120), Read("spring".to_owned()), |_, _| {});
        contact.note(at(130), Wrote, |_, _| {});
        contact.settle(at(200), |name, _| counted.push(name.to_owned()));
        assert_eq!(counted, ["autumn"]);
    }
}

#[test]
fn the_buffer_is_bounded_and_survives_a_restart() {
    let mut contact = CampaignContact::default();
    let mut replies = 0;
    for seconds in 0..1_000 {
        let delivered = Delivered(format!("campaign-{}", seconds % 50));
        contact.note(at(2 * seconds), delivered, |_, _| replies += 1);
        contact.note(at(2 * seconds + 1), Wrote, |_, _| replies += 1);
        assert!(contact.unsettled.len() <= MAX_UNSETTLED);
        assert!(contact.earlier.len() <= MAX_EARLIER);
    }
    let saved = serde_json::to_string(&contact).expect("plain data");
    let mut read: CampaignContact = serde_json::from_str(&saved).expect("its own text");
    assert_eq!(read, contact);
    read.settle(at(i64::from(i32::MAX)), |_, _| replies += 1);
    assert_eq!(replies, 1_000);
    assert_eq!(
        read.remembered_until(),
        Some(at(1_998).plus(OPT_OUT_WINDOW))
    );
}

fn event() -> impl Strategy<Value = ContactEvent> {
    let name = || prop::sample::select(vec!["spring".to_owned(), "summer".to_owned()]);
    prop_oneof![
        name().prop_map(Delivered),
        name().prop_map(Read),
        Just(Wrote),
        Just(Stopped)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_arrival_does_not_matter(
        events in prop::collection::vec((0_i64..100 * HOUR, event()), 0..40),
        seed: u64,
    ) {
        let mut shuffled = events.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        prop_assert_eq!(counted(&events), counted(&shuffled));
    }
}
