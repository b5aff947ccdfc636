//! Limits of a portfolio and the use of them.

mod coverage;
mod recipients;

use crate::domain::access::{Access, AccessStates, Subscription};
use crate::domain::mark::MessageContext;
use crate::domain::message::{Category, Kind, Status, Update, WebhookUpdate};
use crate::domain::track::Trackers;
use crate::domain::{
    AccountSource, AppAccounts, Assigned, Assignments, BusinessId, CallbackOverride, CallbackUrl,
    DeliveryKey, Event, Fact, Listing, MessagingLimit, PhoneNumberId, RecipientIds, RecipientKey,
    Source, Timestamp, WabaId, WebhookConfiguration, account, number,
};
use crate::state::State;

use super::*;

const NOW: i64 = 1_775_000_000;
const HOUR: i64 = 3_600;
const OURS: &str = "https://watch.example/webhook";

fn hours_ago(hours: i64) -> Timestamp {
    Timestamp::from_seconds(NOW - hours * HOUR)
}

fn waba(which: u8) -> WabaId {
    WabaId::parse(&format!("80{which}")).expect("digits")
}

fn number(which: u8) -> PhoneNumberId {
    PhoneNumberId::parse(&format!("90{which}")).expect("digits")
}

fn business() -> BusinessId {
    BusinessId::parse("700").expect("digits")
}

/// Two accounts of one portfolio.
struct World {
    state: State,
    unions: RecipientUnions,
    key: u128,
}

impl World {
    fn new() -> Self {
        let mut state = State::default();
        state.track(Arc::new(Trackers {
            reads_messages: true,
            ..Trackers::default()
        }));
        state.watch([waba(1), waba(2)]);
        Self {
            state,
            unions: RecipientUnions::default(),
            key: 0,
        }
    }

    fn polled(&mut self, of: u8, hours: i64, fact: Fact) {
        self.state.apply(&Event {
            waba_id: waba(of),
            observed_at: hours_ago(hours),
            source: Source::Poll,
            fact,
        });
    }

    /// A poll of the account that finds whether webhooks are subscribed.
    fn account(&mut self, of: u8, hours: i64, subscribed: Option<bool>) {
        let snapshot = account::Snapshot {
            business_id: Some(business()),
            webhook_subscribed: subscribed,
            ..account::Snapshot::default()
        };
        self.polled(of, hours, Fact::AccountRead(snapshot));
    }

    /// A listing of these numbers with a limit, and with the URL that an override moves their messages to.
    fn numbers(&mut self, of: u8, hours: i64, numbers: &[(u8, u64, Option<&str>)]) {
        let listed = numbers
            .iter()
            .map(|(which, limit, moved)| number::Snapshot {
                messaging_limit: Some(MessagingLimit::Customers(*limit)),
                webhook_configuration: Some(WebhookConfiguration {
                    phone_number: moved.and_then(CallbackUrl::new),
                    ..WebhookConfiguration::default()
                }),
                ..number::Snapshot::new(number(*which))
            });
        let listing = Listing {
            objects: listed.collect(),
            complete: true,
        };
        self.polled(of, hours, Fact::NumbersListed(listing));
    }

    fn webhook(&mut self, of: u8, which: u8, ids: &[u128], hours: i64, update: Update) {
        self.key += 1;
        // Keys from 100 are user ids.
        let user_id = ids.iter().find(|id| **id >= 100).copied().map(RecipientKey);
        let others = ids
            .iter()
            .filter(|id| **id < 100)
            .copied()
            .map(RecipientKey);
        self.state.apply(&Event {
            waba_id: waba(of),
            observed_at: hours_ago(hours),
            source: Source::Webhook(DeliveryKey(self.key)),
            fact: Fact::Message(WebhookUpdate {
                phone_number_id: number(which),
                received_at: hours_ago(hours),
                recipient: RecipientIds::new(user_id, others),
                update,
            }),
        });
    }

    fn delivered(&mut self, of: u8, which: u8, ids: &[u128], hours: i64) {
        let update = Update::Status {
            to: None,
            status: Status::Delivered,
            category: Category::Unknown,
            errors: Vec::new(),
            mark: None,
        };
        self.webhook(of, which, ids, hours, update);
    }

    fn received(&mut self, of: u8, which: u8, ids: &[u128], hours: i64) {
        let kind = Kind::Text;
        self.webhook(
            of,
            which,
            ids,
            hours,
            Update::Received {
                from: None,
                kind,
                context: MessageContext::default(),
            },
        );
    }

    fn used(&self) -> Headroom {
        self.used_with(&subscribed_to("messages"))
    }

    fn used_with(&self, access: &AccessStates) -> Headroom {
        let assigned = Assigned::from_source(AccountSource::Configured);
        let accounts = [waba(1), waba(2)].map(|id| (id, assigned.clone()));
        let assignments = Assignments::new(vec![AppAccounts {
            app: "main".into(),
            accounts: accounts.into(),
        }]);
        let callback = CallbackUrl::new(OURS);
        let webhooks = MessageWebhooks {
            access,
            assignments: &assignments,
            callback: callback.as_ref(),
        };
        let (accounts, now) = (self.state.accounts(), Timestamp::from_seconds(NOW));
        let used = of_portfolio(&business(), accounts, &webhooks, &self.unions, now);
        let all = portfolios(accounts, &webhooks, &RecipientUnions::default(), now);
        assert_eq!(all.get(&business()), used.as_ref(), "earlier counts matter");
        used.expect("an account has this owner")
    }
}

fn subscribed_to(field: &str) -> AccessStates {
    let subscription = Subscription {
        is_active: true,
        fields: [(field.to_owned(), None)].into(),
        ..Subscription::default()
    };
    let access = Access {
        subscription: Some(subscription),
        ..Access::default()
    };
    [("main".to_owned(), access)].into()
}

/// The first account has two numbers, and the second account has one. All have been read for two days.
fn watched() -> World {
    let mut world = World::new();
    world.account(1, 48, Some(true));
    world.account(2, 48, Some(true));
    world.numbers(1, 48, &[(1, 1_000, None), (2, 1_000, None)]);
    world.numbers(2, 48, &[(3, 1_000, None)]);
    world
}

#[test]
fn a_quiet_portfolio_uses_nothing_of_its_limit() {
    let used = watched().used();
    assert_eq!(
        used,
        Headroom {
            limit: Some(MessagingLimit::Customers(1_000)),
            recipients: Some(0),
            coverage: Some(1.0),
            has_too_many_customers: false,
        }
    );
    assert_eq!(used.left(), Some(MessagingLimit::Customers(1_000)));
    assert_eq!(used.used_ratio(), Some(0.0));
}

#[test]
fn unlimited_needs_no_count_and_unknown_is_never_zero() {
    let used = |limit, recipients| Headroom {
        limit,
        recipients,
        coverage: Some(1.0),
        has_too_many_customers: false,
    };
    let customers = MessagingLimit::Customers;
    for (limit, recipients, left, ratio) in [
        (None, Some(5), None, None),
        (Some(customers(250)), None, None, None),
        (
            Some(customers(250)),
            Some(200),
            Some(customers(50)),
            Some(0.8),
        ),
        (
            Some(customers(250)),
            Some(500),
            Some(customers(0)),
            Some(2.0),
        ),
        (Some(customers(0)), Some(0), Some(customers(0)), Some(1.0)),
        (
            Some(MessagingLimit::Unlimited),
            None,
            Some(MessagingLimit::Unlimited),
            None,
        ),
        (
            Some(MessagingLimit::Unlimited),
            Some(9),
            Some(MessagingLimit::Unlimited),
            Some(0.0),
        ),
    ] {
        let used = used(limit, recipients);
        assert_eq!((used.left(), used.used_ratio()), (left, ratio), "{used:?}");
    }
}

#[test]
fn the_limit_observed_last_counts_and_of_one_listing_the_lowest() {
    let mut world = watched();
    world.numbers(1, 3, &[(1, 2_000, None), (2, 10_000, None)]);
    assert_eq!(world.used().limit, Some(MessagingLimit::Customers(2_000)));
    world.numbers(2, 2, &[(3, 10_000, None)]);
    assert_eq!(world.used().limit, Some(MessagingLimit::Customers(10_000)));
    let capability = account::Update::Capability {
        messaging_limit: Some(MessagingLimit::Unlimited),
        phone_numbers_limit: None,
    };
    world.state.apply(&Event {
        waba_id: waba(1),
        observed_at: hours_ago(1),
        source: Source::Webhook(DeliveryKey(1_000)),
        fact: Fact::Account(capability),
    });
    assert_eq!(world.used().limit, Some(MessagingLimit::Unlimited));
}
