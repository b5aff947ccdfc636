//! Parses `user_preferences` webhooks: customers who stop or resume marketing messages.
//!
//! Of a customer, only a keyed hash is kept, and only as part of the key that identifies retries.

use serde_json::Value;
use serde_json::value::RawValue;

use super::message::MessageItem;
use crate::domain::message::{MarketingPreference, Update};
use crate::domain::{PhoneNumberId, Word};
use crate::ingest::{
    CustomerHasher, MetaObject, ParseWarning, ParseWarnings, json, text_or_number,
};

const NOUN: &str = "user_preferences";

/// The only documented category. Choices about other messages are not about marketing.
const MARKETING: &str = "marketing_messages";

/// Keys of the customer. A customer may have an id of Meta's instead of a telephone number.
const CUSTOMER: [&str; 2] = ["user_id", "wa_id"];

/// The choices in one change, with their number.
pub struct Preferences {
    /// Id of the number.
    pub number: PhoneNumberId,
    /// The choices.
    pub items: Vec<MessageItem>,
}

/// Parses the value of one change. `None` if it is not an object.
pub fn parse(value: &RawValue, warnings: &mut ParseWarnings) -> Option<Value> {
    let value = json::read_text(value.get(), NOUN, warnings).filter(Value::is_object);
    if value.is_none() {
        warnings.push(ParseWarning::Malformed {
            noun: "change",
            key: "value",
        });
    }
    value
}

/// Reads one change.
pub fn read(
    value: &Value,
    customers: &CustomerHasher,
    warnings: &mut ParseWarnings,
) -> Option<Preferences> {
    let change = MetaObject::new(NOUN, value)?;
    let metadata = change.object("metadata", "metadata", warnings)?;
    let number = metadata.parsed("phone_number_id", PhoneNumberId::parse, warnings)?;
    let items = change
        .objects("user_preferences", "user_preference", warnings)
        .iter()
        .filter_map(|item| preference(item, &number, customers, warnings))
        .collect();
    Some(Preferences { number, items })
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
    let customer = CUSTOMER.iter().find_map(|key| {
        let customer = text_or_number(item.get(key)?)?;
        (!customer.is_empty()).then_some(customer)
    });
    // A telephone number and a time could be guessed from a plain hash, so the customer is hashed with the key.
    let identity = customer.zip(at).map(|(customer, at)| {
        let customer = customers.conversation(number, &customer);
        format!("{:032x}\n{}\n{at}", customer.0, preference.as_str())
    });
    Some(MessageItem {
        at,
        identity,
        update: Update::Preference(preference),
    })
}
