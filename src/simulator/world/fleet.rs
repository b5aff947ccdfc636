//! A world of many accounts, for load tests.
//!
//! Accounts and numbers are stored. Templates, of which there may be millions, are derived from their ids each time
//! they are read. A change of one template stores all templates of its account first.

use std::borrow::Cow;

use fastrand::Rng;

use super::{Account, PhoneNumber, Template, World};

/// Maximum number of accounts: as many as an app of the exporter watches.
pub const MAX_FLEET_ACCOUNTS: u32 = 20_000;
/// Maximum number of phone numbers of each account; each takes about 1 KiB of memory.
pub const MAX_FLEET_NUMBERS: u32 = 100;
/// Maximum number of templates of each account, which is Meta's own limit.
pub const MAX_FLEET_TEMPLATES: u32 = super::account::VERIFIED_TEMPLATE_LIMIT;

const FIRST_ACCOUNT_ID: u64 = 801_000_000_000_000;
const FIRST_NUMBER_ID: u64 = 901_000_000_000_000;
const FIRST_TEMPLATE_ID: u64 = 71_000_000_000_000_000;
/// Distance between the first template ids of two accounts, so that a template's id determines its account.
const TEMPLATE_IDS: u64 = 10_000;

const LANGUAGES: [&str; 5] = ["en_US", "de", "es", "fr", "pt_BR"];
const PURPOSES: [(&str, &str); 6] = [
    ("spring_offer", "MARKETING"),
    ("order_confirmation", "UTILITY"),
    ("loyalty_points", "MARKETING"),
    ("delivery_window", "UTILITY"),
    ("login_code", "AUTHENTICATION"),
    ("appointment_reminder", "UTILITY"),
];

/// How many objects a fleet has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FleetSize {
    /// Accounts, at most [`MAX_FLEET_ACCOUNTS`].
    pub accounts: u32,
    /// Phone numbers of each account, at most [`MAX_FLEET_NUMBERS`].
    pub numbers: u32,
    /// Templates of each account, at most [`MAX_FLEET_TEMPLATES`].
    pub templates: u32,
}

impl World {
    /// A portfolio with many accounts. A few of their numbers and templates have problems; the ids determine which.
    #[must_use]
    pub fn fleet(size: FleetSize) -> Self {
        let numbers = u64::from(size.numbers);
        let mut world = Self::empty();
        for index in 0..u64::from(size.accounts) {
            let id = (FIRST_ACCOUNT_ID + index).to_string();
            let mut account = Account::new(&id, &format!("Shop {index:05}"));
            account.phone_number_limit = account.phone_number_limit.max(size.numbers);
            let first_template = FIRST_TEMPLATE_ID + index * TEMPLATE_IDS;
            account.derived_templates = first_template..first_template + u64::from(size.templates);
            world = world.with_account(account);
            for number in index * numbers..(index + 1) * numbers {
                world = world.with_phone_number(&id, phone_number(number));
            }
        }
        world
    }

    /// The template with this id.
    #[must_use]
    pub fn find_template(&self, id: &str) -> Option<Cow<'_, Template>> {
        let stored = self.templates.get(id).map(Cow::Borrowed);
        stored.or_else(|| {
            let (account, id) = self.account_of_derived(id)?;
            Some(Cow::Owned(template(id, &account.id)))
        })
    }

    /// The account of a template that is not stored, and the id of that template.
    pub(super) fn account_of_derived(&self, template_id: &str) -> Option<(&Account, u64)> {
        let id: u64 = template_id.parse().ok()?;
        let index = id.checked_sub(FIRST_TEMPLATE_ID)? / TEMPLATE_IDS;
        let account = self.accounts.get(&(FIRST_ACCOUNT_ID + index).to_string())?;
        account
            .derived_templates
            .contains(&id)
            .then_some((account, id))
    }

    /// Stores the template with this id if it is a derived one, so that it can change.
    pub fn store_template(&mut self, id: &str) {
        let account = self.account_of_derived(id).map(|(account, _)| account);
        if let Some(waba_id) = account.map(|account| account.id.clone()) {
            self.store_templates(&waba_id);
        }
    }

    /// Stores the derived templates of an account.
    pub(super) fn store_templates(&mut self, waba_id: &str) {
        let Some(account) = self.accounts.get_mut(waba_id) else {
            return;
        };
        for id in std::mem::take(&mut account.derived_templates) {
            account.template_ids.push(id.to_string());
            self.templates.insert(id.to_string(), template(id, waba_id));
        }
    }
}

fn phone_number(index: u64) -> PhoneNumber {
    // Seven digits after the fictitious 555-01 make the numbers distinct.
    let display = format!("+1 555-01{:03}-{:04}", index / 10_000, index % 10_000);
    let id = FIRST_NUMBER_ID + index;
    let mut number = PhoneNumber::new(&id.to_string(), &display, &format!("Branch {index}"));
    let mut dice = Rng::with_seed(id);
    number.quality_rating = match dice.u32(..100) {
        0..2 => "RED",
        2..6 => "YELLOW",
        _ => "GREEN",
    }
    .into();
    if dice.u32(..100) == 0 {
        number.status = "FLAGGED".into();
    }
    number
}

fn template(id: u64, waba_id: &str) -> Template {
    let index = id % TEMPLATE_IDS;
    let languages = LANGUAGES.len() as u64;
    let name = index / languages;
    let (purpose, category) = PURPOSES[place(name, PURPOSES.len())];
    let mut template = Template::new(&id.to_string(), &format!("{purpose}_{name}"));
    waba_id.clone_into(&mut template.waba_id);
    template.language = LANGUAGES[place(index, LANGUAGES.len())].into();
    template.category = category.into();
    let mut dice = Rng::with_seed(id);
    match dice.u32(..100) {
        0 => template.status = "PAUSED".into(),
        1 => {
            template.status = "REJECTED".into();
            template.rejected_reason = "INVALID_FORMAT".into();
        }
        2 => template.status = "PENDING".into(),
        _ => {}
    }
    template.quality_score = match dice.u32(..100) {
        0 => "RED",
        1..3 => "YELLOW",
        3..30 => "UNKNOWN",
        _ => "GREEN",
    }
    .into();
    template
}

/// The position at which a number falls into a list of this length.
fn place(number: u64, length: usize) -> usize {
    usize::try_from(number % length as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: FleetSize = FleetSize {
        accounts: 30,
        numbers: 3,
        templates: 200,
    };

    #[test]
    fn a_fleet_has_the_requested_size_and_a_few_problems() {
        let world = World::fleet(SIZE);
        assert_eq!((world.accounts.len(), world.phone_numbers.len()), (30, 90));
        assert!(world.templates.is_empty(), "templates are derived");
        let accounts = world.accounts.values();
        let ids: Vec<_> = accounts.flat_map(Account::listed_templates).collect();
        assert_eq!(ids.len(), 6_000);
        let templates = ids
            .iter()
            .map(|id| world.find_template(id).expect("it is listed"));
        let paused = templates.filter(|one| one.status == "PAUSED").count();
        assert!((20..150).contains(&paused), "{paused}");
    }

    #[test]
    fn the_largest_fleet_has_distinct_phone_numbers() {
        let numbers = u64::from(MAX_FLEET_ACCOUNTS) * u64::from(MAX_FLEET_NUMBERS);
        let last = phone_number(numbers - 1);
        assert_eq!(last.display_phone_number, "+1 555-01199-9999");
        assert_eq!(phone_number(0).display_phone_number, "+1 555-01000-0000");
    }

    #[test]
    fn a_stored_template_equals_the_derived_one_and_stays_listed_once() {
        let mut world = World::fleet(SIZE);
        let account = world.accounts.values().nth(7).expect("an account").clone();
        let before = account.listed_templates();
        let id = before[9].as_ref();
        let derived = world.find_template(id).expect("it is listed").into_owned();
        world.store_templates(&account.id);
        assert_eq!(world.templates[id], derived);
        assert_eq!(world.accounts[&account.id].listed_templates(), before);
        world.remove_template(id).expect("it is stored");
        assert_eq!(world.find_template(id), None);
        assert_eq!(world.accounts[&account.id].template_count(), 199);
    }
}
