//! Conversations whose messages arrive in any order, and those of a customer with two ids.

use proptest::prelude::*;

use super::*;

const END: Timestamp = Timestamp::from_seconds(1_000_000);

fn seconds(at: i64) -> Timestamp {
    Timestamp::from_seconds(at)
}

/// The response times in seconds; first responses are negative.
fn answers(conversation: &mut Conversation, until: Timestamp) -> Vec<i64> {
    let mut counted = Vec::new();
    conversation.settle(until, |event| {
        let ConversationEvent::Response(answer) = event else {
            return;
        };
        let after = answer.at.since(answer.asked_at).as_secs();
        let after = i64::try_from(after).expect("some seconds");
        counted.push(if answer.is_first { -after } else { after });
    });
    counted
}

fn conversation(happened: &[(i64, Side)]) -> Conversation {
    let mut conversation = Conversation::default();
    for (at, side) in happened {
        conversation.note(seconds(*at), *side, |_| panic!("there is room"));
    }
    conversation
}

use Side::Customer;

#[expect(non_upper_case_globals, reason = "reads like the other side")]
const Business: Side = Side::Business(Actor::Unknown);

#[test]
fn a_response_time_starts_at_the_first_unanswered_message() {
    let mut one = conversation(&[
        (10, Customer),
        (20, Customer),
        (70, Business),
        (75, Business),
        (80, Customer),
        (85, Business),
        (90, Customer),
    ]);
    assert_eq!(one.waiting_since(), Some(seconds(90)));
    assert_eq!(answers(&mut one, END), [-60, 5]);
    assert_eq!(one.waiting_since(), Some(seconds(90)));
}

#[test]
fn a_business_that_writes_first_has_no_response_time() {
    let mut one = conversation(&[(10, Business), (20, Customer), (20, Business)]);
    assert_eq!(answers(&mut one, END), [0]);
    assert_eq!(one.waiting_since(), None);
}

#[test]
fn a_day_of_silence_begins_a_new_conversation() {
    let day = 86_400;
    let mut one = conversation(&[
        (10, Customer),
        (20, Business),
        (day + 21, Customer),
        (day + 51, Business),
    ]);
    assert_eq!(answers(&mut one, END), [-10, -30]);
}

#[test]
fn late_messages_count_as_far_as_possible() {
    let mut one = conversation(&[(10, Customer), (60, Business)]);
    assert_eq!(answers(&mut one, END), [-50]);
    one.note(seconds(50), Customer, |_| {});
    assert_eq!(answers(&mut one, END), [0_i64; 0], "it has been answered");
    assert_eq!(one.waiting_since(), None);
    one.note(seconds(100), Customer, |_| {});
    assert_eq!(answers(&mut one, END), [0_i64; 0]);
    one.note(seconds(90), Customer, |_| {});
    one.note(seconds(95), Business, |_| {});
    assert_eq!(answers(&mut one, END), [5]);
}

#[test]
fn an_answered_wait_does_not_hide_a_later_one_of_the_other_id() {
    let settled = |happened: &[(i64, Side)]| {
        let mut one = conversation(happened);
        one.settle(END, |_| {});
        one
    };
    let waiting = settled(&[(100, Customer)]);
    let answered = settled(&[(200, Business), (300, Customer)]);
    for (one, other) in [(&waiting, &answered), (&answered, &waiting)] {
        let mut merged = one.clone();
        merged.absorb(other.clone());
        assert_eq!(merged.waiting_since(), Some(seconds(300)));
    }
    let mut merged = waiting.clone();
    merged.absorb(settled(&[(200, Business)]));
    assert_eq!(merged.waiting_since(), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Any order of arrival, settled in any steps that leave no late message, gives the same answers.
    #[test]
    fn order_of_arrival_does_not_matter(
        happened in prop::collection::vec((0_i64..500, any::<bool>()), 0..40),
        shuffle in any::<prop::sample::Index>(),
        steps in prop::collection::vec(0_i64..500, 0..5),
    ) {
        let side = |is_customer| if is_customer { Customer } else { Business };
        let mut happened: Vec<_> = happened.into_iter().map(|(at, one)| (at, side(one))).collect();
        let mut rotated = happened.clone();
        rotated.rotate_left(shuffle.index(happened.len().max(1)) % happened.len().max(1));
        rotated.reverse();
        let at_once = answers(&mut conversation(&rotated), END);
        happened.sort_unstable();
        let mut in_steps = Conversation::default();
        let mut counted = Vec::new();
        let mut steps = steps;
        steps.sort_unstable();
        let mut happened = happened.into_iter().peekable();
        for step in steps {
            while let Some((at, side)) = happened.next_if(|(at, _)| *at <= step) {
                in_steps.note(seconds(at), side, |_| {});
            }
            counted.extend(answers(&mut in_steps, seconds(step)));
        }
        happened.for_each(|(at, side)| in_steps.note(seconds(at), side, |_| {}));
        counted.extend(answers(&mut in_steps, END));
        prop_assert_eq!(at_once, counted);
    }
}
