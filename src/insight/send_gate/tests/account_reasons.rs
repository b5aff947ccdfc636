//! Reasons of the account: health, bans, reviews, access and restrictions.

use super::*;

#[test]
fn the_health_names_the_payment_method_and_ignores_an_unverified_portfolio() {
    use CanSendMessage::{Blocked, Limited};
    for (word, code, verdict, codes) in [
        (
            Blocked,
            Some(PAYMENT_MISSING),
            "stop",
            vec!["payment_missing"],
        ),
        (
            Limited,
            Some(PAYMENT_MISSING),
            "stop",
            vec!["payment_missing"],
        ),
        (Blocked, Some(141_000), "stop", vec!["account_blocked"]),
        (Blocked, None, "stop", vec!["account_blocked"]),
        (Limited, None, "caution", vec!["account_limited"]),
        (Limited, Some(PORTFOLIO_UNVERIFIED), "go", vec![]),
    ] {
        let mut world = World::new();
        let (health, details) = health(word, code);
        let fact = account_with(|account| {
            account.health = Some(health);
            account.health_details = Some(details);
        });
        world.poll(1, 30, fact);
        assert_eq!(world.answer(), (verdict, codes), "{word:?} {code:?}");
    }
    let mut world = World::new();
    let unfunded = account_with(|account| account.funding = Some(Funding::Missing));
    world.poll(1, 30, unfunded);
    assert_eq!(world.answer(), ("caution", vec!["funding_missing"]));
    let mut world = World::new();
    let blocked = number_with(|number| number.health = Some(health(Blocked, None).0));
    world.poll(1, 30, blocked);
    assert_eq!(world.answer(), ("stop", vec!["number_blocked"]));
}

#[test]
fn bans_reviews_and_lost_access_stop() {
    let ban = |state, date| {
        let Update::AccountUpdate { digits, .. } = update(EventKind::DisabledUpdate) else {
            unreachable!("made above")
        };
        Fact::Account(Update::AccountUpdate {
            event: EventKind::DisabledUpdate,
            digits,
            ban: Some(account::Ban { state, date }),
            restrictions: Vec::new(),
            violation: None,
            disconnection: None,
        })
    };
    let mut world = World::new();
    world.webhook(30, ban(BanState::ScheduleForDisable, Some(at(86_400))));
    let decision = world.decide(None, 60);
    assert_eq!(
        short(&decision),
        ("stop", vec!["account_disable_scheduled"])
    );
    assert_eq!(decision.reasons[0].until, Some(at(86_400)));
    world.webhook(40, ban(BanState::Disable, None));
    assert_eq!(world.answer(), ("stop", vec!["account_banned"]));
    world.webhook(50, ban(BanState::Reinstate, None));
    assert_eq!(world.answer(), ("go", vec![]));
    world.webhook(51, Fact::Account(Update::Review(ReviewStatus::Pending)));
    assert_eq!(world.answer(), ("caution", vec!["account_in_review"]));
    world.webhook(52, Fact::Account(Update::Review(ReviewStatus::Rejected)));
    assert_eq!(world.answer(), ("stop", vec!["account_rejected"]));

    let mut world = World::new();
    world.webhook(30, Fact::Account(update(EventKind::PartnerRemoved)));
    assert_eq!(world.answer(), ("stop", vec!["account_disconnected"]));
    world.poll(1, 40, healthy_account());
    assert_eq!(world.answer().0, "stop", "the numbers are older");
    world.poll(1, 40, numbers([healthy_number()]));
    assert_eq!(world.answer(), ("go", vec![]), "polls show the access");

    let mut world = World::new();
    world.poll(1, 30, Fact::AccountLoss(account::Loss::Unreadable));
    assert_eq!(world.answer(), ("unknown", vec!["account_lost"]));
}

#[test]
fn restrictions_stop_what_they_restrict() {
    use RestrictionType::{
        AddPhoneNumberAction, BizInitiatedMessaging, CustomerInitiatedMessaging, Other,
        UtilityTemplates,
    };
    for (kind, verdict, codes) in [
        (BizInitiatedMessaging, "stop", vec!["messaging_restricted"]),
        (
            CustomerInitiatedMessaging,
            "caution",
            vec!["restriction_in_force"],
        ),
        (Other, "caution", vec!["restriction_in_force"]),
        (UtilityTemplates, "go", vec![]),
        (AddPhoneNumberAction, "go", vec![]),
    ] {
        let mut world = World::new();
        world.webhook(30, restricted(kind, Some(at(1_000))));
        let decision = world.decide(None, 60);
        assert_eq!(short(&decision), (verdict, codes.clone()), "{kind:?}");
        let until = decision.reasons.first().and_then(|reason| reason.until);
        assert_eq!(until.is_some(), !codes.is_empty());
        assert_eq!(
            short(&world.decide(None, 1_001)),
            ("go", vec![]),
            "it is over"
        );
    }
    let mut world = World::new();
    let utility = template_with(|template| template.category = Some(Category::Utility));
    world.poll(1, 20, utility);
    world.webhook(30, restricted(UtilityTemplates, None));
    assert_eq!(world.answer(), ("stop", vec!["messaging_restricted"]));
}

#[test]
fn marketing_that_is_switched_off_stops_marketing_only() {
    let off = || account_with(|account| account.marketing_disabled = Some(true));
    let mut world = World::new();
    world.poll(1, 30, off());
    assert_eq!(world.answer(), ("stop", vec!["marketing_disabled"]));
    let utility = template_with(|template| template.category = Some(Category::Utility));
    world.poll(1, 40, utility);
    assert_eq!(world.answer(), ("go", vec![]));
}
