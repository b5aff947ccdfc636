//! The decision as a whole: missing and old data, the messaging limit, and the policy.

use super::*;

#[test]
fn everything_in_order_is_go() {
    let decision = World::new().decide(Some(6_000), 60);
    assert_eq!(short(&decision), ("go", vec![]));
    assert_eq!(decision.limit.left(), Some(6_000));
    assert_eq!(decision.data_age, Some(Duration::from_secs(60)));
    assert_eq!(decision.waba_ids, [waba(1)]);
}

#[test]
fn missing_data_never_gives_go() {
    assert_eq!(World::empty().answer(), ("unknown", vec!["number_unknown"]));
    // Each poll alone is missing.
    for left_out in 0..3 {
        let mut world = World::empty();
        let polls = [
            healthy_account(),
            numbers([healthy_number()]),
            templates([healthy_template(1, "en_US")]),
        ];
        for (_, fact) in polls
            .into_iter()
            .enumerate()
            .filter(|(place, _)| *place != left_out)
        {
            world.poll(1, 0, fact);
        }
        let (verdict, codes) = world.answer();
        assert_eq!(verdict, "unknown", "{codes:?}");
    }
    // Each field alone is missing.
    type Removal = fn(&mut number::Snapshot);
    let removals: [(Removal, &str); 3] = [
        (|number| number.status = None, "number_status_unknown"),
        (|number| number.quality_rating = None, "quality_unknown"),
        (
            |number| (number.status, number.health) = (None, None),
            "sending_unknown",
        ),
    ];
    for (remove, code) in removals {
        let mut world = World::empty();
        world.poll(1, 0, healthy_account());
        world.poll(1, 0, templates([healthy_template(1, "en_US")]));
        world.poll(1, 0, number_with(remove));
        let (verdict, codes) = world.answer();
        assert_ne!(verdict, "go");
        assert!(codes.contains(&code), "{codes:?}");
    }
    let mut world = World::new();
    world.portfolio = Headroom::default();
    assert_eq!(world.answer(), ("caution", vec!["headroom_unknown"]));
    assert_eq!(world.decide(None, 60).limit, LimitUse::default());
}

#[test]
fn recipients_beyond_what_is_left_stop() {
    let mut world = World::new();
    let code = |world: &World, recipients| short(&world.decide(recipients, 60)).1;
    assert_eq!(code(&world, Some(6_000)), [""; 0]);
    assert_eq!(code(&world, Some(6_001)), ["limit_exceeded"]);
    assert_eq!(code(&world, None), [""; 0]);
    world.portfolio.coverage = Some(0.5);
    assert_eq!(code(&world, Some(6_000)), ["headroom_incomplete"]);
    world.portfolio.recipients = Some(10_000);
    assert_eq!(
        code(&world, None),
        ["limit_exceeded", "headroom_incomplete"]
    );
    // Certain without knowing the use.
    world.portfolio.recipients = None;
    assert_eq!(
        code(&world, Some(10_001)),
        ["limit_exceeded", "headroom_unknown"]
    );
    assert_eq!(code(&world, Some(10_000)), ["headroom_unknown"]);
    world.portfolio.limit = Some(MessagingLimit::Unlimited);
    assert_eq!(code(&world, Some(10_001)), [""; 0]);
    let unlimited = world.decide(None, 60).limit;
    assert_eq!(
        (unlimited.left(), unlimited.is_unlimited()),
        (None, Some(true))
    );
}

#[test]
fn old_data_is_never_silent() {
    let mut world = World::new();
    let stale = |world: &World, seconds| short(&world.decide(None, seconds));
    assert_eq!(stale(&world, 3_600), ("go", vec![]));
    assert_eq!(stale(&world, 3_601), ("caution", vec!["stale_data"]));
    // Polls that lack the field do not make it younger.
    world.poll(1, 5_000, healthy_account());
    world.poll(1, 5_000, templates([healthy_template(1, "en_US")]));
    world.poll(1, 5_000, number_with(|number| number.quality_rating = None));
    assert_eq!(stale(&world, 5_001), ("caution", vec!["stale_data"]));
    assert_eq!(
        world.decide(None, 5_001).data_age,
        Some(Duration::from_secs(5_001))
    );
    // A policy may ignore it, but it is still listed.
    let ignore = (SendReasonCode::StaleData, SendEffect::Ignore);
    world.policy.effects.extend([ignore]);
    assert_eq!(stale(&world, 5_001), ("go", vec!["stale_data"]));
}

#[test]
fn the_policy_changes_effects_and_the_strongest_is_first() {
    let mut world = World::new();
    world.opt_out_surge = Some(OptOutSurge {
        day: UtcDay(20_500),
        opt_outs: 40,
        usual: 2,
    });
    let red = number_with(|number| number.quality_rating = Some(QualityRating::Red));
    world.poll(1, 30, red);
    assert_eq!(
        world.answer(),
        ("stop", vec!["quality_red", "opt_out_surge"])
    );
    world.policy.effects = BTreeMap::from([
        (SendReasonCode::QualityRed, SendEffect::Caution),
        (SendReasonCode::OptOutSurge, SendEffect::Stop),
    ]);
    assert_eq!(
        world.answer(),
        ("stop", vec!["opt_out_surge", "quality_red"])
    );
}
