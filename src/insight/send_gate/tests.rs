//! Decisions of the send gate, for states that result from polls and webhooks.

mod account_reasons;
mod decision;
mod number_reasons;
mod template_reasons;

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

    /// An account without problems, with a phone number and a template.
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
