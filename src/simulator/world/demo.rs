//! The world of the demo: three invented businesses with numbers of the fictitious range 555-01xx.

use fastrand::Rng;

use super::{Account, Business, InsightsAccess, PhoneNumber, Template, World};

/// Owner of the client account.
const CLIENT_BUSINESS_ID: &str = "700100200300500";

struct AccountPlan {
    id: &'static str,
    name: &'static str,
    currency: &'static str,
    is_client: bool,
    /// Branch name, appended to the account's name, and the last two digits of the number.
    numbers: &'static [(&'static str, u32)],
    /// Template name, category, languages.
    templates: &'static [(&'static str, &'static str, &'static [&'static str])],
}

const ACCOUNTS: &[AccountPlan] = &[
    AccountPlan {
        id: "800100200300401",
        name: "Fern & Moss Garden Centre",
        currency: "EUR",
        is_client: false,
        numbers: &[("Service", 1), ("Orders", 2), ("Advice", 3)],
        templates: &[
            ("spring_offer", "MARKETING", &["en_US", "de", "nl"]),
            ("summer_sale", "MARKETING", &["en_US", "de"]),
            ("new_seedlings", "MARKETING", &["en_US", "de"]),
            ("order_confirmation", "UTILITY", &["en_US", "de", "nl"]),
            ("delivery_window", "UTILITY", &["en_US", "de"]),
            ("pickup_ready", "UTILITY", &["en_US"]),
            ("watering_reminder", "UTILITY", &["en_US"]),
            ("login_code", "AUTHENTICATION", &["en_US", "de"]),
        ],
    },
    AccountPlan {
        id: "800100200300402",
        name: "Harbour Lane Bakery",
        currency: "USD",
        is_client: false,
        numbers: &[("Shop", 11), ("Catering", 12)],
        templates: &[
            ("weekend_specials", "MARKETING", &["en_US", "es"]),
            ("loyalty_points", "MARKETING", &["en_US", "es"]),
            ("cake_order_received", "UTILITY", &["en_US", "es"]),
            ("cake_ready", "UTILITY", &["en_US", "es"]),
            ("opening_hours", "UTILITY", &["en_US"]),
            ("invoice_available", "UTILITY", &["en_US", "es"]),
            ("feedback_request", "MARKETING", &["en_US"]),
        ],
    },
    AccountPlan {
        id: "800100200300403",
        name: "Café Lumière",
        currency: "EUR",
        is_client: true,
        numbers: &[("Réservations", 21), ("Événements", 22)],
        templates: &[
            ("table_confirmed", "UTILITY", &["fr", "en_US"]),
            ("table_reminder", "UTILITY", &["fr", "en_US"]),
            ("soiree_invitation", "MARKETING", &["fr", "en_US"]),
            ("menu_of_the_week", "MARKETING", &["fr", "en_US"]),
            ("account_code", "AUTHENTICATION", &["fr", "en_US"]),
            ("gift_voucher", "MARKETING", &["fr", "en_US"]),
        ],
    },
];

/// Quality of a healthy business's templates: mostly green, some not yet rated.
const HEALTHY_SCORES: &[&str] = &["GREEN", "GREEN", "GREEN", "UNKNOWN"];
/// Range of onboarding and score dates after the base date, in seconds (half a year).
const DATE_SPREAD_SECONDS: i64 = 15_552_000;

pub(super) fn world(seed: u64) -> World {
    let mut dice = Rng::with_seed(seed);
    let mut world = World::empty();
    world.businesses.insert(
        CLIENT_BUSINESS_ID.into(),
        Business::new(CLIENT_BUSINESS_ID, "Lumière Hospitality"),
    );
    for plan in ACCOUNTS {
        world = add_account(world, plan, &mut dice);
    }
    world
}

fn add_account(mut world: World, plan: &AccountPlan, dice: &mut Rng) -> World {
    let mut account = Account::new(plan.id, plan.name);
    account.currency = plan.currency.into();
    if plan.is_client {
        account.business_id = CLIENT_BUSINESS_ID.into();
        account.client_of_business_id = Some(super::HOME_BUSINESS_ID.into());
        account.ownership_type = "CLIENT_OWNED".into();
    } else {
        account.insights = InsightsAccess::Enabled;
    }
    world = world.with_account(account);
    for (branch, last_digits) in plan.numbers {
        world = world.with_phone_number(plan.id, phone_number(plan, branch, *last_digits, dice));
    }
    let mut next_template = 70_010_020_030_040_000 + world.templates.len() as u64 * 1_000;
    for (name, category, languages) in plan.templates {
        for language in *languages {
            next_template += dice.u64(1..900);
            world.insert_template(
                plan.id,
                template(next_template, name, category, language, dice),
            );
        }
    }
    world
}

fn phone_number(plan: &AccountPlan, branch: &str, last_digits: u32, dice: &mut Rng) -> PhoneNumber {
    let mut number = PhoneNumber::new(
        &format!("9001002003004{last_digits:02}"),
        &format!("+1 555-010-01{last_digits:02}"),
        &format!("{} {branch}", plan.name),
    );
    number.last_onboarded_time += dice.i64(0..DATE_SPREAD_SECONDS);
    number
}

fn template(id: u64, name: &str, category: &str, language: &str, dice: &mut Rng) -> Template {
    let mut template = Template::new(&id.to_string(), name);
    template.category = category.into();
    template.language = language.into();
    template.quality_score = HEALTHY_SCORES[dice.usize(..HEALTHY_SCORES.len())].into();
    template.quality_date += dice.i64(0..DATE_SPREAD_SECONDS);
    template
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_is_small_plausible_and_repeatable() {
        let world = World::demo(7);
        assert_eq!(
            (
                world.accounts.len(),
                world.phone_numbers.len(),
                world.templates.len()
            ),
            (3, 7, 40)
        );
        assert!(
            world
                .phone_numbers
                .values()
                .all(|number| number.digits().starts_with("155501001"))
        );
        assert_eq!(world, World::demo(7));
        assert_ne!(world, World::demo(8));
    }
}
