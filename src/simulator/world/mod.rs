//! The state of Meta: plain data, one file per entity.
//!
//! Invariant: `accounts[..].phone_number_ids` and `.template_ids` name exactly the numbers and templates of that
//! account, in the order of its edges. The methods of [`World`] maintain it. Code that edits the maps directly must
//! do so too; a name without a node is skipped and never panics. Templates of a fleet are the exception: `fleet.rs`
//! derives them.

mod account;
mod app;
mod business;
mod demo;
mod fleet;
mod health;
mod messages;
mod phone_number;
mod template;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use account::{Account, ForcedRateLimit, InsightsAccess, Restriction};
pub use app::{App, MANAGEMENT_SCOPE, MESSAGING_SCOPE, Token, WEBHOOK_FIELDS};
pub use business::Business;
pub use fleet::{FleetSize, MAX_FLEET_ACCOUNTS, MAX_FLEET_NUMBERS, MAX_FLEET_TEMPLATES};
pub use health::{Health, HealthError};
pub use messages::{DeliveredCounts, MessageBatch, MessageLedger, MessageStage, TemplateCounts};
pub use phone_number::PhoneNumber;
pub use template::Template;

/// The portfolio that every world has.
pub const HOME_BUSINESS_ID: &str = "700100200300400";
/// The app that every world has.
pub const APP_ID: &str = "600100200300400";
/// First id that [`World::with_many_phone_numbers`] assigns.
const FIRST_BULK_PHONE_NUMBER_ID: u64 = 900_500_000_000_000;
/// First id that [`World::with_many_templates`] assigns; it exceeds the precision of a float.
const FIRST_BULK_TEMPLATE_ID: u64 = 70_010_020_030_040_005;

/// The complete state of the simulated Meta.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct World {
    /// The only app.
    pub app: App,
    /// Version of responses to requests for an older version.
    pub graph_version: String,
    /// Portfolios by id.
    pub businesses: BTreeMap<String, Business>,
    /// Accounts by id.
    pub accounts: BTreeMap<String, Account>,
    /// Numbers by id.
    pub phone_numbers: BTreeMap<String, PhoneNumber>,
    /// Stored templates by id; [`World::find_template`] also finds derived ones.
    pub templates: BTreeMap<String, Template>,
    /// Fields that no node type has any more; requesting one fails the whole call.
    pub retired_fields: BTreeSet<String>,
    /// The messages that were sent.
    #[serde(skip)]
    pub messages: MessageLedger,
}

impl World {
    /// One app and one portfolio, no accounts.
    #[must_use]
    pub fn empty() -> Self {
        Self {
            app: App::new(APP_ID),
            graph_version: "v26.0".into(),
            businesses: BTreeMap::from([(
                HOME_BUSINESS_ID.to_owned(),
                Business::new(HOME_BUSINESS_ID, "Fern & Moss Group"),
            )]),
            accounts: BTreeMap::new(),
            phone_numbers: BTreeMap::new(),
            templates: BTreeMap::new(),
            retired_fields: BTreeSet::new(),
            messages: MessageLedger::default(),
        }
    }

    /// Three accounts of plausible but invented businesses, with seven numbers and forty templates. The seed
    /// determines ids and dates; every world is healthy.
    #[must_use]
    pub fn demo(seed: u64) -> Self {
        demo::world(seed)
    }

    /// Adds an account that our app is subscribed to. Without an owner it belongs to the home portfolio.
    #[must_use]
    pub fn with_account(mut self, mut account: Account) -> Self {
        if account.business_id.is_empty() {
            HOME_BUSINESS_ID.clone_into(&mut account.business_id);
        }
        if account.subscribed_app_ids.is_empty() {
            account.subscribed_app_ids.push(self.app.id.clone());
        }
        self.accounts.insert(account.id.clone(), account);
        self
    }

    /// Adds a number at the end of its account's list. Panics if the account does not exist.
    #[must_use]
    pub fn with_phone_number(mut self, waba_id: &str, phone_number: PhoneNumber) -> Self {
        let end = self.accounts[waba_id].phone_number_ids.len();
        self.insert_phone_number(waba_id, end, phone_number);
        self
    }

    /// Adds a template at the end of its account's list. Panics if the account does not exist.
    #[must_use]
    pub fn with_template(mut self, waba_id: &str, template: Template) -> Self {
        self.insert_template(waba_id, template);
        self
    }

    /// Adds `count` numbers, for paging and load.
    #[must_use]
    pub fn with_many_phone_numbers(mut self, waba_id: &str, count: u64) -> Self {
        let already = self.phone_numbers.len() as u64;
        for index in already..already + count {
            let id = (FIRST_BULK_PHONE_NUMBER_ID + index).to_string();
            // Eight digits after the fictitious 555-01 make the numbers distinct.
            let display = format!("+1 555-01{:02}-{:06}", index % 100, index);
            self = self.with_phone_number(
                waba_id,
                PhoneNumber::new(&id, &display, &format!("Branch {index}")),
            );
        }
        self
    }

    /// Adds `count` templates, for paging and load.
    #[must_use]
    pub fn with_many_templates(mut self, waba_id: &str, count: u64) -> Self {
        let already = self.templates.len() as u64;
        for index in already..already + count {
            let id = (FIRST_BULK_TEMPLATE_ID + index).to_string();
            self.insert_template(waba_id, Template::new(&id, &format!("offer_{index}")));
        }
        self
    }

    /// Inserts a number at `position` of the account's list. Panics if the account does not exist.
    pub fn insert_phone_number(
        &mut self,
        waba_id: &str,
        position: usize,
        mut phone_number: PhoneNumber,
    ) {
        waba_id.clone_into(&mut phone_number.waba_id);
        let account = self
            .accounts
            .get_mut(waba_id)
            .expect("a number is put into an account of this world");
        account.phone_number_ids.insert(
            position.min(account.phone_number_ids.len()),
            phone_number.id.clone(),
        );
        self.phone_numbers
            .insert(phone_number.id.clone(), phone_number);
    }

    /// Adds a template at the end of the account's list. Panics if the account does not exist.
    pub fn insert_template(&mut self, waba_id: &str, mut template: Template) {
        self.store_templates(waba_id);
        waba_id.clone_into(&mut template.waba_id);
        let account = self
            .accounts
            .get_mut(waba_id)
            .expect("a template is put into an account of this world");
        account.template_ids.push(template.id.clone());
        self.templates.insert(template.id.clone(), template);
    }

    /// Removes a number, if it exists.
    pub fn remove_phone_number(&mut self, id: &str) -> Option<PhoneNumber> {
        let removed = self.phone_numbers.remove(id)?;
        // Several accounts may list it.
        for account in self.accounts.values_mut() {
            account.phone_number_ids.retain(|listed| listed != id);
        }
        Some(removed)
    }

    /// Removes a template, if it exists.
    pub fn remove_template(&mut self, id: &str) -> Option<Template> {
        self.store_template(id);
        let removed = self.templates.remove(id)?;
        if let Some(account) = self.accounts.get_mut(&removed.waba_id) {
            account.template_ids.retain(|listed| listed != id);
        }
        Some(removed)
    }

    /// The account of an account, number or template id; `None` for all other ids.
    #[must_use]
    pub fn account_of(&self, id: &str) -> Option<&Account> {
        let waba_id = self
            .phone_numbers
            .get(id)
            .map(|number| &number.waba_id)
            .or_else(|| self.templates.get(id).map(|template| &template.waba_id));
        let account = self.accounts.get(waba_id.map_or(id, String::as_str));
        account.or_else(|| self.account_of_derived(id).map(|(account, _)| account))
    }

    /// The portfolio that owns an account.
    #[must_use]
    pub fn business_of(&self, account: &Account) -> Option<&Business> {
        self.businesses.get(&account.business_id)
    }
}
