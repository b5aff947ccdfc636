//! Changes at Meta, and the webhooks that Meta sends because of them.
//!
//! `World::apply` is pure: a world, a change and a time become a new state and webhooks. Changes for which Meta has
//! no webhook (a rating, a status, a lifted restriction) return none: only polls see them. Independent of HTTP.

mod access;
mod account;
mod catalogue;
mod customer;
mod details;
mod phone_number;
mod template;

use serde::Serialize;
use serde_json::{Value, json};

pub use catalogue::WorldChange;
pub use details::{PauseReason, RestrictionNotice, Style};

use super::world::{Account, Business, PhoneNumber, Template, World};

/// The field of events of accounts and of restricted numbers.
const UPDATE_FIELD: &str = "account_update";

/// The webhooks that Meta sends because of a change.
type SentWebhooks = Result<Vec<Webhook>, ChangeError>;

/// One element of `changes[]`, with the id of its entry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Webhook {
    /// `entry[].id`: the WABA id, or the portfolio's for partner events.
    pub entry_id: String,
    /// `field`.
    pub field: String,
    /// `value`.
    pub value: Value,
}

/// A change that cannot happen in this world.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The change names a node that does not exist.
    #[error("there is no {kind} with id {id} in the simulated world")]
    NoSuch {
        /// The kind of node.
        kind: &'static str,
        /// The requested id.
        id: String,
    },
    /// The change would create a node that already exists.
    #[error("id {id} is already taken in the simulated world")]
    Taken {
        /// The requested id.
        id: String,
    },
}

impl World {
    /// Applies `change` at `now` (Unix seconds) and returns the webhooks that Meta would send for it.
    ///
    /// # Errors
    /// If the change names a node that does not exist; the world is then unchanged.
    pub fn apply(&mut self, change: &WorldChange, now: i64) -> Result<Vec<Webhook>, ChangeError> {
        if let Some(result) = phone_number::apply(self, change, now) {
            return result;
        }
        if let Some(result) = template::apply(self, change, now) {
            return result;
        }
        if let Some(result) = account::apply(self, change, now) {
            return result;
        }
        if let Some(result) = customer::apply(self, change, now) {
            return result;
        }
        access::apply(self, change, now)
    }

    fn number(&mut self, id: &str) -> Result<&mut PhoneNumber, ChangeError> {
        self.phone_numbers
            .get_mut(id)
            .ok_or_else(|| no_such("phone number", id))
    }

    fn template(&mut self, id: &str) -> Result<&mut Template, ChangeError> {
        self.store_template(id);
        self.templates
            .get_mut(id)
            .ok_or_else(|| no_such("message template", id))
    }

    fn account(&mut self, id: &str) -> Result<&mut Account, ChangeError> {
        self.accounts
            .get_mut(id)
            .ok_or_else(|| no_such("business account", id))
    }

    fn portfolio_of(&mut self, waba_id: &str) -> Result<&mut Business, ChangeError> {
        let business_id = self.account(waba_id)?.business_id.clone();
        self.businesses
            .get_mut(&business_id)
            .ok_or_else(|| no_such("business", &business_id))
    }
}

fn no_such(kind: &'static str, id: &str) -> ChangeError {
    ChangeError::NoSuch {
        kind,
        id: id.into(),
    }
}

fn webhook(entry_id: &str, field: &str, value: Value) -> Vec<Webhook> {
    vec![Webhook {
        entry_id: entry_id.into(),
        field: field.into(),
        value,
    }]
}

/// A webhook with the keys that all webhooks about conversations have.
pub(in crate::simulator) fn conversation_webhook(
    number: &PhoneNumber,
    field: &str,
    mut value: Value,
) -> Webhook {
    value["messaging_product"] = "whatsapp".into();
    value["metadata"] =
        json!({"display_phone_number": number.digits(), "phone_number_id": number.id});
    Webhook {
        entry_id: number.waba_id.clone(),
        field: field.into(),
        value,
    }
}

#[cfg(test)]
mod tests;
