//! The exporter's own event API: parses a batch of JSON into facts. Each event is validated separately.
//!
//! Pure, like the webhook parser. Of a customer, only a keyed hash is kept.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use super::json::moment;
use super::key::delivery_key;
use super::{CustomerHasher, text_or_number};
use crate::domain::journey::{FIRST_VERSION, Journeys, Progress, StepOutcome};
use crate::domain::track::{Actor, AppEvent, Happening, Trackers};
use crate::domain::{
    ConversationKey, CustomerIds, Event, Fact, PhoneNumberId, Receipt, Source, Timestamp, WabaId,
};

/// Maximum number of events in a batch.
pub const MAX_EVENTS: usize = 1_000;

/// Maximum length of an event's id, and of a customer's name.
const MAX_TEXT: usize = 128;

/// Maximum time that an event may be dated ahead, because clocks differ.
const MAX_AHEAD: Duration = Duration::from_secs(60);

/// Maximum age of an event. Older ones are too late to be counted in order, and their ids may be forgotten.
const MAX_AGE: Duration = Duration::from_secs(24 * 3600);

/// One parsed event.
#[derive(Debug)]
pub struct ParsedEvent {
    /// Its id; empty if it has none.
    pub id: String,
    /// The event, or why it is not valid.
    pub outcome: Result<Event, String>,
}

/// Why a whole batch is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BatchError {
    /// The body is not JSON of this form.
    #[error("the body is not {{\"events\": [...]}}")]
    NotABatch,
    /// The batch has too many events.
    #[error("the batch has more than {MAX_EVENTS} events; send smaller batches")]
    TooMany,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchBody<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct Identified {
    id: Option<String>,
}

/// An event as written. Its type determines which of the last fields it has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventBody {
    id: String,
    #[serde(rename = "type")]
    kind: TrackedType,
    phone_number_id: String,
    customer: Value,
    at: Option<Value>,
    actor: Option<ActorName>,
    journey: Option<String>,
    version: Option<String>,
    step: Option<String>,
    outcome: Option<OutcomeName>,
    variant: Option<String>,
}

/// The ids of a customer by Meta's names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomerNames {
    wa_id: Option<String>,
    user_id: Option<String>,
}

/// The ids of a customer: one of unknown kind as text, or both by name.
fn customer_ids(
    written: &Value,
    hash: impl Fn(&str) -> ConversationKey,
) -> Result<CustomerIds, String> {
    let names = match written {
        Value::String(id) => CustomerNames {
            wa_id: Some(id.clone()),
            user_id: None,
        },
        _ => CustomerNames::deserialize(written).map_err(
            |_| "customer: is neither an id nor {\"user_id\": \"...\", \"wa_id\": \"...\"}",
        )?,
    };
    for id in names.user_id.iter().chain(&names.wa_id) {
        bounded("customer", id)?;
    }
    let hash = |id: String| hash(&as_in_webhooks(&id));
    let ids = CustomerIds::new(names.user_id.map(hash), names.wa_id.map(hash));
    ids.ok_or_else(|| "customer: has neither user_id nor wa_id".into())
}

/// A telephone number in international form as Meta's webhooks have it: digits only. Other ids stay as they are.
fn as_in_webhooks(id: &str) -> String {
    let is_number = id.starts_with('+')
        && id[1..]
            .chars()
            .all(|letter| letter.is_ascii_digit() || " -().".contains(letter));
    if is_number {
        id.chars().filter(char::is_ascii_digit).collect()
    } else {
        id.to_owned()
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TrackedType {
    Inbound,
    Reply,
    Step,
    Goal,
    Variant,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActorName {
    Bot,
    Agent,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OutcomeName {
    Entered,
    Answered,
    Abandoned,
}

impl TrackedType {
    /// The required and the optional fields of this type.
    fn fields(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Inbound => (&[], &[]),
            Self::Reply => (&["actor"], &[]),
            Self::Step => (&["journey", "step", "outcome"], &["version", "variant"]),
            Self::Goal => (&["journey"], &["version"]),
            Self::Variant => (&["journey", "variant"], &["version"]),
        }
    }
}

impl EventBody {
    /// Checks that required fields are present and that there are no others.
    fn check(&self) -> Result<(), String> {
        let (needed, allowed) = self.kind.fields();
        for (field, is_given) in [
            ("actor", self.actor.is_some()),
            ("journey", self.journey.is_some()),
            ("version", self.version.is_some()),
            ("step", self.step.is_some()),
            ("outcome", self.outcome.is_some()),
            ("variant", self.variant.is_some()),
        ] {
            if is_given && !needed.contains(&field) && !allowed.contains(&field) {
                return Err(format!("{field}: does not belong to an event of this type"));
            }
            if !is_given && needed.contains(&field) {
                return Err(format!("{field}: is missing"));
            }
        }
        bounded("id", &self.id)
    }

    /// The event, with its names looked up in the declared journeys.
    fn happening(self, journeys: &Journeys) -> Result<Happening, String> {
        let missing = |field: &str| format!("{field}: is missing");
        let journey = self.journey.as_deref().unwrap_or_default();
        let version = self.version.as_deref().unwrap_or(FIRST_VERSION);
        let id = journeys.id(journey, version);
        let variant = self.variant.map(|variant| journeys.variant(&id, &variant));
        let progress = match self.kind {
            TrackedType::Inbound => return Ok(Happening::Inbound),
            TrackedType::Reply => {
                return Ok(Happening::Reply(
                    match self.actor.ok_or_else(|| missing("actor"))? {
                        ActorName::Bot => Actor::Bot,
                        ActorName::Agent => Actor::Agent,
                    },
                ));
            }
            TrackedType::Step => Progress::Step {
                step: journeys.step(&id, self.step.as_deref().unwrap_or_default()),
                outcome: match self.outcome.ok_or_else(|| missing("outcome"))? {
                    OutcomeName::Entered => StepOutcome::Entered,
                    OutcomeName::Answered => StepOutcome::Answered,
                    OutcomeName::Abandoned => StepOutcome::Abandoned,
                },
                variant,
            },
            TrackedType::Goal => Progress::Goal,
            TrackedType::Variant => Progress::Variant(variant.ok_or_else(|| missing("variant"))?),
        };
        Ok(Happening::OnJourney(id, progress))
    }
}

/// Context for parsing events.
#[derive(Debug)]
pub struct EventReader<'a, F> {
    /// The hasher of customers.
    pub customers: &'a CustomerHasher,
    /// The declared journeys.
    pub trackers: &'a Trackers,
    /// Time of the batch's receipt.
    pub receipt: Receipt,
    /// Finds the watched account of a number.
    pub account_of: F,
}

impl<F: Fn(&PhoneNumberId) -> Option<WabaId>> EventReader<'_, F> {
    /// Parses a batch.
    ///
    /// # Errors
    /// If the body is not a valid batch.
    pub fn read(&self, body: &[u8]) -> Result<Vec<ParsedEvent>, BatchError> {
        let batch: BatchBody<'_> =
            serde_json::from_slice(body).map_err(|_| BatchError::NotABatch)?;
        if batch.events.len() > MAX_EVENTS {
            return Err(BatchError::TooMany);
        }
        let items = batch.events.into_iter().map(|written| ParsedEvent {
            id: id_of(written),
            outcome: self.event(written),
        });
        Ok(items.collect())
    }

    fn event(&self, written: &RawValue) -> Result<Event, String> {
        let written: EventBody =
            serde_json::from_str(written.get()).map_err(|error| why(&error))?;
        written.check()?;
        let number = PhoneNumberId::parse(&written.phone_number_id)
            .ok_or("phone_number_id: is not an id; ids are 1 to 32 digits")?;
        let waba_id = (self.account_of)(&number).ok_or(
            "phone_number_id: is not a phone number of a watched account; polls find new numbers",
        )?;
        let key = delivery_key(number.as_str(), "", "events", &written.id);
        let hash = |id: &str| self.customers.conversation(&number, id);
        let customer = customer_ids(&written.customer, hash)?;
        let at = self.moment(written.at.as_ref())?;
        let happening = written.happening(&self.trackers.journeys)?;
        let observed_at = match happening {
            // Only applications send steps, and their times are finer than seconds.
            Happening::OnJourney(..) => at,
            // In whole seconds like Meta's times, so that a reply and its `sent` status are in order.
            _ => at.at_whole_seconds(),
        };
        Ok(Event {
            waba_id,
            observed_at,
            source: Source::App(key),
            fact: Fact::Tracked(AppEvent {
                customer,
                phone_number_id: number,
                received_at: self.receipt.expires_by(),
                happening,
            }),
        })
    }

    fn moment(&self, at: Option<&Value>) -> Result<Timestamp, String> {
        let Some(at) = at else {
            return Ok(self.receipt.at);
        };
        let at = text_or_number(at).and_then(|text| moment(&text));
        let at = at.ok_or("at: is not a time; give Unix seconds, or 2026-11-23T20:00:00Z")?;
        if self.receipt.at_least.is_some() && at > self.receipt.at.plus(MAX_AHEAD) {
            return Err("at: is in the future".into());
        }
        let is_too_old = |now: Timestamp| now.since(at) > MAX_AGE;
        if self.receipt.at_least.is_some_and(is_too_old) {
            return Err("at: is more than 24 hours ago".into());
        }
        Ok(at)
    }
}

fn id_of(written: &RawValue) -> String {
    let identified: Option<Identified> = serde_json::from_str(written.get()).ok();
    let id = identified.and_then(|identified| identified.id);
    id.filter(|id| bounded("id", id).is_ok())
        .unwrap_or_default()
}

fn bounded(field: &str, text: &str) -> Result<(), String> {
    let fits = (1..=MAX_TEXT).contains(&text.len()) && !text.chars().any(char::is_control);
    let wrong = || format!("{field}: takes 1 to {MAX_TEXT} printable characters");
    fits.then_some(()).ok_or_else(wrong)
}

/// Serde's own message, without the written value and its position: the value may be a customer's number.
fn why(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = &text[..text.rfind(" at line ").unwrap_or(text.len())];
    if text.starts_with("missing field") {
        // The name is one of this program's constants.
        return text.to_owned();
    }
    let what = if text.starts_with("unknown field") {
        "there is an unknown field"
    } else if text.starts_with("unknown variant") {
        "there is an unknown word"
    } else {
        "a value has the wrong type"
    };
    let expected = text.rfind(", expected ").map_or("", |at| &text[at..]);
    format!("{what}{expected}")
}

#[cfg(test)]
mod tests;
