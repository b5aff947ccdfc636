//! Decisions about states that polls and webhooks have made.

use std::collections::BTreeMap;

use super::*;
use crate::domain::account::{
    BanState, EventKind, Funding, Restriction, RestrictionType, ReviewStatus, Snapshot, Update,
};
use crate::domain::number::{Status, ThroughputLevel};
use crate::domain::template::{self, Category, Identity, PauseTitle};
use crate::domain::{
    CanSendMessage, DeliveryKey, EntityHealth, Event, Fact, Health, HealthDetails, HealthEntity,
    HealthError, Listing, MessagingLimit, PAYMENT_MISSING, PORTFOLIO_UNVERIFIED, QualityRating,
    Source, TemplateId, account, number,
};
use crate::state::{State, UtcDay};

const HOUR: Duration = Duration::from_secs(3_600);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_775_000_000 + seconds)
}

fn waba(which: u32) -> WabaId {
    WabaId::parse(&format!("80010{which}")).expect("digits")
}

fn sender() -> PhoneNumberId {
    PhoneNumberId::parse("900100").expect("digits")
}

/// Polls of an account, and webhooks about it.
struct World {
    state: State,
    keys: u128,
    portfolio: Headroom,
    opt_out_surge: Option<OptOutSurge>,
    policy: SendPolicy,
}

impl World {
    fn empty() -> Self {
        let mut state = State::default();
        state.watch([waba(1), waba(2)]);
        Self {
            state,
            keys: 0,
            portfolio: Headroom {
                limit: Some(MessagingLimit::Customers(10_000)),
                recipients: Some(4_000),
                coverage: Some(1.0),
                has_too_many_customers: false,
            },
            opt_out_surge: None,
            policy: SendPolicy {
                max_age: HOUR,
                effects: BTreeMap::new(),
            },
        }
    }

    /// An account in order, with a phone number and a template.
    fn new() -> Self {
        let mut world = Self::empty();
        world.poll(1, 0, healthy_account());
        world.poll(1, 0, numbers([healthy_number()]));
        world.poll(1, 0, templates([healthy_template(1, "en_US")]));
        world
    }

    fn poll(&mut self, which: u32, seconds: i64, fact: Fact) {
        self.state.apply(&Event {
            waba_id: waba(which),
            observed_at: at(seconds),
            source: Source::Poll,
            fact,
        });
    }

    fn webhook(&mut self, seconds: i64, fact: Fact) {
        self.keys += 1;
        self.state.apply(&Event {
            waba_id: waba(1),
            observed_at: at(seconds),
            source: Source::Webhook(DeliveryKey(self.keys)),
            fact,
        });
    }

    fn decide(&self, recipients: Option<u64>, seconds: i64) -> SendDecision {
        self.decide_about(Some("en_US"), recipients, seconds)
    }

    fn decide_about(
        &self,
        language: Option<&str>,
        recipients: Option<u64>,
        seconds: i64,
    ) -> SendDecision {
        let candidates = self
            .state
            .accounts()
            .iter()
            .map(|(waba_id, account)| Candidate {
                waba_id,
                account,
                portfolio: self.portfolio,
                opt_out_surge: self.opt_out_surge,
            });
        let candidates: Vec<Candidate<'_>> = candidates.collect();
        let id = sender();
        let campaign = Campaign {
            phone_number_id: &id,
            template: Some(TemplateName {
                name: "offer",
                language,
            }),
            recipients,
        };
        decide(&campaign, &candidates, &self.policy, at(seconds))
    }

    /// The verdict, and the codes of the reasons.
    fn answer(&self) -> (&'static str, Vec<&'static str>) {
        short(&self.decide(Some(5_000), 60))
    }
}

fn short(decision: &SendDecision) -> (&'static str, Vec<&'static str>) {
    let codes = decision.reasons.iter().map(|reason| reason.code.as_str());
    (decision.verdict.as_str(), codes.collect())
}

fn health(word: CanSendMessage, code: Option<u64>) -> (Health, HealthDetails) {
    let entity = HealthEntity::Waba;
    let entities = vec![EntityHealth {
        kind: entity,
        can_send_message: word,
    }];
    let errors = code.into_iter().map(|code| HealthError {
        entity,
        code: Some(code),
        description: None,
        solution: None,
    });
    let details = HealthDetails::new(errors.collect(), Vec::new());
    (Health::new(entities, None).expect("an entity"), details)
}

fn account_with(change: impl FnOnce(&mut Snapshot)) -> Fact {
    let mut snapshot = Snapshot::new();
    let (health, details) = health(CanSendMessage::Available, None);
    snapshot.health = Some(health);
    snapshot.health_details = Some(details);
    snapshot.review_status = Some(ReviewStatus::Approved);
    snapshot.funding = Some(Funding::Attached);
    change(&mut snapshot);
    Fact::AccountRead(snapshot)
}

fn healthy_account() -> Fact {
    account_with(|_| {})
}

fn healthy_number() -> number::Snapshot {
    let mut snapshot = number::Snapshot::new(sender());
    snapshot.display_phone_number = Some("+1 555-010-0199".to_owned());
    snapshot.status = Some(Status::Connected);
    snapshot.quality_rating = Some(QualityRating::Green);
    snapshot.throughput_level = Some(ThroughputLevel::High);
    snapshot.health = Some(health(CanSendMessage::Available, None).0);
    snapshot
}

fn number_with(change: impl FnOnce(&mut number::Snapshot)) -> Fact {
    let mut snapshot = healthy_number();
    change(&mut snapshot);
    numbers([snapshot])
}

fn numbers(objects: impl IntoIterator<Item = number::Snapshot>) -> Fact {
    Fact::NumbersListed(Listing {
        objects: objects.into_iter().collect(),
        complete: true,
    })
}

fn healthy_template(id: u32, language: &str) -> template::Snapshot {
    let id = TemplateId::parse(&format!("70010{id}")).expect("digits");
    let mut snapshot = template::Snapshot::new(id);
    snapshot.name = Some("offer".into());
    snapshot.language = Some(language.into());
    snapshot.status = Some(template::Status::Approved);
    snapshot.category = Some(Category::Marketing);
    snapshot.quality_rating = Some(QualityRating::Unknown);
    snapshot
}

fn template_with(change: impl FnOnce(&mut template::Snapshot)) -> Fact {
    let mut snapshot = healthy_template(1, "en_US");
    change(&mut snapshot);
    templates([snapshot])
}

fn templates(objects: impl IntoIterator<Item = template::Snapshot>) -> Fact {
    let listing = Listing {
        objects: objects.into_iter().collect(),
        complete: true,
    };
    Fact::TemplatesListed(listing, template::Totals::default())
}

fn update(event: EventKind) -> Update {
    Update::AccountUpdate {
        event,
        digits: None,
        ban: None,
        restrictions: Vec::new(),
        violation: None,
        disconnection: None,
    }
}

fn restricted(kind: RestrictionType, expires_at: Option<Timestamp>) -> Fact {
    let Update::AccountUpdate { event, digits, .. } = update(EventKind::AccountRestriction) else {
        unreachable!("made above")
    };
    Fact::Account(Update::AccountUpdate {
        event,
        digits,
        ban: None,
        restrictions: vec![Restriction { kind, expires_at }],
        violation: None,
        disconnection: None,
    })
}

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

#[test]
fn a_paused_template_stops_until_the_pause_ends() {
    let mut world = World::new();
    let identity = Identity {
        id: TemplateId::parse("700101").expect("digits"),
        name: None,
        language: None,
    };
    let paused = template::Update::Status {
        event: template::EventKind::Paused,
        reason: None,
        category: None,
        pause: Some(PauseTitle::FirstPause),
        disable_at: None,
    };
    let update = paused;
    world.webhook(
        30,
        Fact::Template(template::WebhookUpdate { identity, update }),
    );
    let decision = world.decide(None, 60);
    assert_eq!(short(&decision), ("stop", vec!["template_paused"]));
    assert_eq!(decision.reasons[0].until, Some(at(30).plus(3 * HOUR)));
    assert_eq!(
        decision.reasons[0].message,
        "template offer (en_US) is PAUSED"
    );
}

#[test]
fn each_state_of_the_template_has_its_reason() {
    use template::Status;
    type Change = fn(&mut template::Snapshot);
    let changes: [(Change, &str, &str); 7] = [
        (
            |it| it.status = Some(Status::Rejected),
            "stop",
            "template_not_approved",
        ),
        (
            |it| it.status = Some(Status::Other),
            "stop",
            "template_not_approved",
        ),
        (
            |it| it.status = Some(Status::Paused),
            "stop",
            "template_paused",
        ),
        (
            |it| it.quality_rating = Some(QualityRating::Red),
            "stop",
            "template_red",
        ),
        (
            |it| it.quality_rating = Some(QualityRating::Yellow),
            "caution",
            "template_yellow",
        ),
        (
            |it| it.quality_rating = Some(QualityRating::Other),
            "caution",
            "template_quality_unknown",
        ),
        (
            |it| it.correct_category = Some(Category::Utility),
            "caution",
            "category_change",
        ),
    ];
    for (change, verdict, code) in changes {
        let mut world = World::new();
        world.poll(1, 30, template_with(change));
        assert_eq!(world.answer(), (verdict, vec![code]));
    }
}

#[test]
fn without_a_language_every_language_counts() {
    let mut world = World::new();
    let mut german = healthy_template(2, "de");
    german.status = Some(template::Status::Rejected);
    world.poll(1, 30, templates([healthy_template(1, "en_US"), german]));
    let codes = |language| short(&world.decide_about(language, None, 60)).1;
    assert_eq!(codes(Some("en_US")), [""; 0]);
    assert_eq!(codes(Some("en-us")), [""; 0], "in Meta's other spelling");
    assert_eq!(codes(Some("de")), ["template_not_approved"]);
    assert_eq!(codes(None), ["template_not_approved"]);
    assert_eq!(codes(Some("fr")), ["template_unknown"]);
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
