//! Parses `user_preferences` webhooks: customers who stop or resume marketing messages.
//!
//! Of a customer, only keyed hashes are kept.

use serde_json::Value;

use super::message::{BusinessNumber, MessageItem, Messages};
use crate::domain::message::{MarketingPreference, Update};
use crate::domain::{CustomerIds, PhoneNumberId, Word};
use crate::ingest::{CustomerHasher, MetaObject, ParseWarning, ParseWarnings, text_or_number};

const NOUN: &str = "user_preferences";

/// The only documented category. Choices about other messages are not about marketing.
const MARKETING: &str = "marketing_messages";

/// Keys of the customer. A customer may have an id of Meta's instead of a telephone number.
const CUSTOMER: [&str; 2] = ["user_id", "wa_id"];

/// Reads one change.
pub fn read(
    value: &Value,
    customers: &CustomerHasher,
    warnings: &mut ParseWarnings,
) -> Option<Messages> {
    let change = MetaObject::new(NOUN, value)?;
    let number = BusinessNumber::read(&change, "metadata", warnings)?;
    let items = change
        .objects("user_preferences", "user_preference", warnings)
        .iter()
        .filter_map(|item| preference(item, &number.id, customers, warnings))
        .collect();
    Some(number.with(items))
}

fn preference(
    item: &MetaObject<'_>,
    number: &PhoneNumberId,
    customers: &CustomerHasher,
    warnings: &mut ParseWarnings,
) -> Option<MessageItem> {
    let category = item.text("category", warnings);
    if let Some(other) = category.filter(|category| !category.eq_ignore_ascii_case(MARKETING)) {
        let parse_warning = ParseWarning::unknown("user_preference", "category", &other);
        warnings.push(parse_warning);
        return None;
    }
    item.require("value", warnings)?;
    let preference: MarketingPreference = item.word("value", warnings)?;
    let at = item.time("timestamp", warnings);
    let [user_id, telephone] = CUSTOMER.map(|key| {
        let id = item.get(key).and_then(text_or_number);
        let id = id.filter(|id| !id.is_empty())?;
        Some(customers.conversation(number, &id))
    });
    // A telephone number and a time could be guessed from a plain hash, so the customer is hashed with the key.
    let customer = user_id.or(telephone);
    let identity = customer
        .zip(at)
        .map(|(customer, at)| format!("{:032x}\n{}\n{at}", customer.0, preference.as_str()));
    Some(MessageItem {
        at,
        identity,
        recipient: None,
        update: Update::Preference {
            of: CustomerIds::new(user_id, telephone),
            preference,
        },
    })
}
