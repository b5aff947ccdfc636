//! Estimates by payload: templates, prices and changes of a small account.

use super::*;
use crate::domain::insights::{
    Day, NumberDay, NumbersRead, Snapshot, TemplateDay, TemplateFigures, TemplatesRead,
};
use crate::domain::template::{Identity, Update, WebhookUpdate};
use crate::domain::{
    DeliveryKey, DisplayDigits, Event, Fact, Listing, PhoneNumberId, Source, Timestamp, WabaId,
    account, number, template,
};
use crate::state::State;

const DAY: i64 = 86_400;
/// 2026-04-01T00:00:00Z
const APRIL: i64 = 1_775_001_600;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(APRIL + seconds)
}

fn day(which: i64) -> Day {
    Day {
        start: at(which * DAY),
        end: at((which + 1) * DAY),
    }
}

fn template_id() -> TemplateId {
    TemplateId::parse("7001").expect("digits")
}

fn state_after(facts: Vec<(i64, Source, Fact)>) -> State {
    let waba_id = WabaId::parse("800100").expect("digits");
    let mut state = State::default();
    state.watch([waba_id.clone()]);
    for (seconds, source, fact) in facts {
        state.apply(&Event {
            waba_id: waba_id.clone(),
            observed_at: at(seconds),
            source,
            fact,
        });
    }
    state
}

fn cost_in(state: &State) -> Option<Result<CategoryCost, CategoryCostUnknown>> {
    let account = state.accounts().values().next().expect("it is watched");
    let template = account.templates().next().expect("it is listed");
    category_cost(account, template)
}

/// Two numbers, `+1 555-010-0001` and `-0002`, and a template of this category.
fn listed(category: Category) -> Vec<(i64, Source, Fact)> {
    let numbers = (1..=2).map(|which| {
        let id = PhoneNumberId::parse(&format!("900{which}")).expect("digits");
        let mut one = number::Snapshot::new(id);
        one.display_phone_number = Some(format!("+1 555-010-000{which}"));
        one
    });
    let numbers = Listing {
        objects: numbers.collect(),
        complete: true,
    };
    let node = account::Snapshot {
        currency: Some("EUR".to_owned()),
        ..account::Snapshot::default()
    };
    vec![
        (0, Source::Poll, Fact::AccountRead(node)),
        (0, Source::Poll, Fact::NumbersListed(numbers)),
        (0, Source::Poll, listing_of(category)),
    ]
}

fn listing_of(category: Category) -> Fact {
    let mut one = template::Snapshot::new(template_id());
    one.category = Some(category);
    let templates = Listing {
        objects: vec![one],
        complete: true,
    };
    Fact::TemplatesListed(templates, template::Totals::default())
}

fn announced(category: Category) -> (i64, Source, Fact) {
    let update = Update::CategoryAnnounced {
        present: Some(Category::Utility),
        coming: category,
        at: Some(at(90 * DAY)),
    };
    let identity = Identity {
        id: template_id(),
        name: None,
        language: None,
    };
    let webhook = WebhookUpdate { identity, update };
    (10, Source::Webhook(DeliveryKey(1)), Fact::Template(webhook))
}

fn priced(
    which: u64,
    days_ago: i64,
    category: PricingCategory,
    pricing_type: PricingType,
    volume: u64,
    cost: Option<u64>,
) -> NumberDay {
    NumberDay {
        digits: DisplayDigits::parse(&format!("1555010000{which}")).expect("digits"),
        day: day(40 - days_ago),
        category,
        pricing_type,
        volume,
        cost,
    }
}

/// Figures up to day 40: the template delivers ten messages a day for 35 days.
fn figures(prices: Vec<NumberDay>) -> (i64, Source, Fact) {
    let days = (6..=40).map(|which| TemplateDay {
        template_id: template_id(),
        day: day(which),
        figures: TemplateFigures {
            delivered: Some(10),
            ..TemplateFigures::default()
        },
    });
    let templates = TemplatesRead {
        templates: vec![template_id()],
        days: days.collect(),
        last_day: day(40),
    };
    let snapshot = Snapshot {
        templates: Some(templates),
        numbers: Some(NumbersRead {
            days: prices,
            last_day: day(40),
        }),
        refusal: None,
        complete: true,
    };
    (41 * DAY, Source::Poll, Fact::InsightsRead(snapshot))
}

#[test]
fn the_template_s_own_volume_costs_the_difference_of_the_account_s_mean_prices() {
    use PricingCategory::{Marketing, Utility};
    use PricingType::{FreeCustomerService, Regular};
    let prices = vec![
        // 0.02 on average: half of the first number's messages are free.
        priced(1, 3, Utility, Regular, 100, Some(4_000_000)),
        priced(1, 3, Utility, FreeCustomerService, 100, None),
        priced(1, 5, Marketing, Regular, 50, Some(5_000_000)),
        // The second number's marketing messages cost 0.06, but it sends a third as many utility messages.
        priced(2, 2, Utility, Regular, 100, Some(2_000_000)),
        priced(2, 2, Marketing, Regular, 100, Some(6_000_000)),
        // These do not count: too long ago, and paid by a partner.
        priced(1, 35, Marketing, Regular, 1_000, Some(900_000_000)),
        priced(2, 1, Utility, Regular, 7_000, None),
    ];
    let mut facts = listed(Category::Utility);
    facts.extend([announced(Category::Marketing), figures(prices)]);
    let cost = cost_in(&state_after(facts));
    let cost = cost.expect("it is announced").expect("it is known");
    assert_eq!(cost.messages, 300);
    assert_eq!(cost.price_before, 20_000);
    // (200 x 0.10 + 100 x 0.06) / 300
    assert_eq!(cost.price_after, 86_666);
    assert_eq!(cost.monthly_difference, 300 * 66_666);
    assert_eq!(
        cost.to_string(),
        "+20.00 EUR a month: 300 messages in the last 30 days, mean price 0.0200 as UTILITY and 0.0867 as MARKETING (2 phone numbers)"
    );
}

#[test]
fn without_figures_or_prices_the_cost_is_unknown_and_without_a_change_there_is_none() {
    let mut facts = listed(Category::Utility);
    facts.push(announced(Category::Marketing));
    let unknown = cost_in(&state_after(facts.clone()));
    assert_eq!(unknown, Some(Err(CategoryCostUnknown::NoTemplateFigures)));
    let utility = priced(
        1,
        3,
        PricingCategory::Utility,
        PricingType::Regular,
        5,
        Some(9),
    );
    facts.push(figures(vec![utility.clone()]));
    let unknown = cost_in(&state_after(facts));
    let no_price = CategoryCostUnknown::NoPrice(Category::Marketing);
    assert_eq!(unknown, Some(Err(no_price)));
    let mut unchanged = listed(Category::Utility);
    unchanged.push(figures(vec![utility]));
    assert_eq!(cost_in(&state_after(unchanged)), None);
}

#[test]
fn a_change_counts_for_a_month_after_it_was_made() {
    let prices = vec![
        priced(
            1,
            3,
            PricingCategory::Utility,
            PricingType::Regular,
            5,
            Some(100_000),
        ),
        priced(
            1,
            3,
            PricingCategory::Marketing,
            PricingType::Regular,
            5,
            Some(400_000),
        ),
    ];
    for (changed_on, is_shown) in [(5, false), (30, true)] {
        let mut facts = listed(Category::Utility);
        facts.push((
            changed_on * DAY,
            Source::Poll,
            listing_of(Category::Marketing),
        ));
        facts.push(figures(prices.clone()));
        let cost = cost_in(&state_after(facts));
        assert_eq!(cost.is_some(), is_shown, "day {changed_on}");
        let Some(Ok(cost)) = cost else {
            continue;
        };
        assert_eq!(cost.monthly_difference, 300 * 60_000);
        assert_eq!(cost.numbers, 1);
    }
}

#[test]
fn amounts_are_rounded_to_their_digits() {
    assert_eq!(amount(1_234_567, 2), "1.23");
    assert_eq!(amount(1_235_000, 2), "1.24");
    assert_eq!(amount(49, 4), "0.0000");
    assert_eq!(amount(999_999, 4), "1.0000");
}
