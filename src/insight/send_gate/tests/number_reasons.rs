//! Reasons of the phone number.

use super::*;

#[test]
fn a_number_that_is_no_longer_listed_is_unknown() {
    let mut world = World::new();
    world.poll(1, 30, numbers([]));
    assert_eq!(world.answer(), ("unknown", vec!["number_unknown"]));
    world.poll(1, 40, numbers([healthy_number()]));
    world.poll(1, 40, templates([]));
    assert_eq!(world.answer(), ("unknown", vec!["template_unknown"]));
}

#[test]
fn each_state_of_the_number_has_its_reason() {
    for (status, verdict, code) in [
        (Status::Flagged, "stop", "number_flagged"),
        (Status::Restricted, "stop", "number_restricted"),
        (Status::RateLimited, "stop", "number_rate_limited"),
        (Status::Banned, "stop", "number_banned"),
        (Status::Disconnected, "stop", "number_out_of_service"),
        (Status::Pending, "stop", "number_out_of_service"),
        (Status::Warned, "caution", "number_warned"),
        (Status::Other, "caution", "number_status_unknown"),
    ] {
        let mut world = World::new();
        world.poll(1, 30, number_with(|number| number.status = Some(status)));
        assert_eq!(world.answer(), (verdict, vec![code]), "{status:?}");
    }
    for (rating, verdict, code) in [
        (QualityRating::Yellow, "caution", "quality_yellow"),
        (QualityRating::Red, "stop", "quality_red"),
        (QualityRating::Other, "caution", "quality_unknown"),
    ] {
        let mut world = World::new();
        let fact = number_with(|number| number.quality_rating = Some(rating));
        world.poll(1, 30, fact);
        assert_eq!(world.answer(), (verdict, vec![code]), "{rating:?}");
    }
    let mut world = World::new();
    let unrated = number_with(|number| number.quality_rating = Some(QualityRating::Unknown));
    world.poll(1, 30, unrated);
    assert_eq!(world.answer(), ("go", vec![]), "a new number");
}

#[test]
fn a_recent_deterioration_is_a_reason_for_caution() {
    let day = 86_400;
    let mut world = World::new();
    let yellow = number_with(|number| {
        number.quality_rating = Some(QualityRating::Yellow);
        number.throughput_level = Some(ThroughputLevel::Standard);
        number.messaging_limit = Some(MessagingLimit::Customers(10_000));
    });
    world.poll(1, 10, yellow);
    let after = |days: i64| {
        number_with(|number| {
            number.throughput_level = Some(ThroughputLevel::Standard);
            number.messaging_limit = Some(MessagingLimit::Customers(if days > 8 {
                10_000
            } else {
                2_000
            }));
        })
    };
    for days in [1, 6, 9] {
        world.poll(1, days * day, after(days));
        world.poll(1, days * day, healthy_account());
        world.poll(1, days * day, templates([healthy_template(1, "en_US")]));
        let (_, codes) = short(&world.decide(None, days * day + 1));
        let expected: &[&str] = if days < 7 {
            &["quality_fell", "limit_decreased", "throughput_decreased"]
        } else {
            &[]
        };
        assert_eq!(codes, expected, "after {days} days");
    }
}

#[test]
fn a_number_of_two_accounts_is_judged_by_the_account_of_the_template() {
    let mut world = World::new();
    let rejected = account_with(|account| account.review_status = Some(ReviewStatus::Rejected));
    world.poll(2, 0, rejected);
    world.poll(2, 0, numbers([healthy_number()]));
    world.poll(2, 0, templates([]));
    let decision = world.decide(None, 60);
    assert_eq!(
        (short(&decision), decision.waba_ids),
        (("go", vec![]), vec![waba(1)])
    );
    // Without the template, both count.
    let decision = world.decide_about(Some("fr"), None, 60);
    assert_eq!(decision.waba_ids, [waba(1), waba(2)]);
    assert_eq!(
        short(&decision),
        (
            "stop",
            vec!["account_rejected", "template_unknown", "template_unknown"]
        )
    );
}
