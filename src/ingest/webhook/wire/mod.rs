//! Parses `changes[].value`: selects the parser of a field, and reads what all values have in common.
//!
//! A field that no state metric depends on is not parsed: most of them (`messages` and similar) contain customers'
//! numbers and texts.

mod account;
mod call;
mod mark;
pub mod message;
mod number;
mod preference;
mod template;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::track::Trackers;
use crate::domain::{Fact, Timestamp, WabaId, WebhookField, Word};
use crate::ingest::{CustomerHasher, MetaObject, ParseWarning, ParseWarnings, json};

/// The content of a change's value.
pub struct ChangeContent {
    /// The facts, each with its own time if it has one: a value can list several objects. At least one; `Unwatched`
    /// also for a watched field whose value cannot be understood.
    pub facts: Vec<(Fact, Option<Timestamp>)>,
    /// The account, if the value itself names it: the entry of a partner's event has the portfolio's id instead.
    pub waba_id: Option<WabaId>,
    /// The value's own `timestamp`, for entries without a time.
    pub own_time: Option<Timestamp>,
}

impl ChangeContent {
    fn unwatched() -> Self {
        Self {
            facts: vec![(Fact::Unwatched, None)],
            waba_id: None,
            own_time: None,
        }
    }
}

/// Parses one field's value. `None` if a required part is missing.
type FieldReader = fn(&MetaObject<'_>, &mut ParseWarnings) -> Option<Fact>;

/// The parsed fields. A new one needs an arm here, and a fixture.
fn reader_of(field: WebhookField) -> Option<FieldReader> {
    let reader: FieldReader = match field {
        WebhookField::AccountAlerts => account::alert,
        WebhookField::AccountReviewUpdate => account::review,
        WebhookField::AccountUpdate => account::update,
        WebhookField::BusinessCapabilityUpdate => account::capability,
        WebhookField::Flows => account::flow,
        WebhookField::MessageTemplateQualityUpdate | WebhookField::MessageTemplateStatusUpdate => {
            template::status_or_quality
        }
        // Read only for the account that it names: its entry has the portfolio's id.
        WebhookField::PartnerSolutions => |_, _| Some(Fact::Unwatched),
        WebhookField::PhoneNumberNameUpdate => number::name,
        WebhookField::PhoneNumberQualityUpdate => number::quality,
        WebhookField::Security => number::security,
        WebhookField::TemplateCategoryUpdate => template::category,
        WebhookField::TemplateCorrectCategoryDetection => template::correct_category,
        _ => return None,
    };
    Some(reader)
}

/// Whether the values of this field are parsed and are about an account. The status of a group is parsed too, but has
/// its place among the messages of the group.
pub fn is_management(field: WebhookField) -> bool {
    reader_of(field).is_some()
}

/// Whether the field's webhooks are about customers: their conversations, calls and choices.
pub fn is_about_customers(field: WebhookField) -> bool {
    message::is_about_conversations(field)
        || matches!(field, WebhookField::UserPreferences | WebhookField::Calls)
}

/// Parses the value of a field about customers. `None` if it is not an object.
pub fn parse_object(
    field: WebhookField,
    value: &RawValue,
    warnings: &mut ParseWarnings,
) -> Option<Value> {
    let value = json::read_text(value.get(), field.as_str(), warnings).filter(Value::is_object);
    if value.is_none() {
        warnings.push(ParseWarning::Malformed {
            noun: "change",
            key: "value",
        });
    }
    value
}

/// Reads the value of a field about customers.
pub fn read_items(
    field: WebhookField,
    value: &Value,
    customers: &CustomerHasher,
    declared: &Trackers,
    warnings: &mut ParseWarnings,
) -> Option<message::Messages> {
    match field {
        WebhookField::UserPreferences => preference::read(value, customers, warnings),
        WebhookField::Calls => call::read(value, customers, warnings),
        _ => message::read(field, value, (customers, declared), warnings),
    }
}

/// Reads the value of one change.
pub fn read(
    field: WebhookField,
    value: &RawValue,
    rejection_info: Option<&RawValue>,
    warnings: &mut ParseWarnings,
) -> ChangeContent {
    let reader = reader_of(field);
    if reader.is_none() && field != WebhookField::GroupStatusUpdate {
        return ChangeContent::unwatched();
    }
    let noun = field.as_str();
    let value = json::read_text(value.get(), noun, warnings);
    let value = value.map(|value| with_rejection_info(value, rejection_info, noun, warnings));
    let object = value
        .as_ref()
        .and_then(|value| MetaObject::new(noun, value));
    let Some(object) = object else {
        warnings.push(ParseWarning::Malformed {
            noun: "change",
            key: "value",
        });
        return ChangeContent::unwatched();
    };
    let mut facts = match reader {
        Some(reader) => reader(&object, warnings)
            .map(|fact| (fact, None))
            .into_iter()
            .collect(),
        None => number::groups(&object, warnings),
    };
    if facts.is_empty() {
        facts.push((Fact::Unwatched, None));
    }
    ChangeContent {
        facts,
        waba_id: object
            .object("waba_info", "waba_info", warnings)
            .and_then(|info| info.parsed("waba_id", WabaId::parse, warnings)),
        own_time: object.time("timestamp", warnings),
    }
}

/// Moves `rejection_info` inside `value`. Meta's page has it next to `value` in its syntax block, and inside `value`
/// in its example.
fn with_rejection_info(
    mut value: Value,
    beside: Option<&RawValue>,
    noun: &'static str,
    warnings: &mut ParseWarnings,
) -> Value {
    let info = beside.and_then(|raw| json::read_text(raw.get(), noun, warnings));
    if let (Some(info), Some(map)) = (info, value.as_object_mut()) {
        map.entry("rejection_info").or_insert(info);
    }
    value
}
