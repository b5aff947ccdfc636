//! Messages, statuses, echoes, and handovers of conversations.

use serde_json::Value;
use whatsapp_business_exporter::domain::journey::JourneyId;
use whatsapp_business_exporter::domain::mark::{IgnoredMark, JourneyMark, Mark, MessageContext};
use whatsapp_business_exporter::domain::message::{self, Update};
use whatsapp_business_exporter::domain::track::Actor;
use whatsapp_business_exporter::domain::{
    CustomerIds, ErrorCode, PhoneNumberId, RecipientIds, WebhookField,
};
use whatsapp_business_exporter::ingest::CustomerHasher;

use super::json::{Object, first_object, objects, text, word};
use super::times::{Moment, moment};

/// When, what, and of which customer where the count of recipients depends on it.
pub type PlainUpdate = (Moment, Update, Option<RecipientIds>);

/// The content of one change.
pub struct Said {
    pub number: PhoneNumberId,
    pub updates: Vec<PlainUpdate>,
    pub messages: usize,
    pub statuses: usize,
}

/// The user id of a customer, and other ids.
type Ids = (Option<String>, Vec<Option<String>>);

/// Hashes the ids of the customers of a number.
#[derive(Clone, Copy)]
struct Hashes<'a> {
    number: &'a PhoneNumberId,
    customers: &'a CustomerHasher,
}

impl Hashes<'_> {
    fn conversation(self, (user, others): Ids) -> Option<CustomerIds> {
        let hash = |id: String| self.customers.conversation(self.number, &id);
        CustomerIds::new(user.map(hash), others.into_iter().flatten().map(hash))
    }

    fn recipient(self, (user, others): Ids) -> Option<RecipientIds> {
        let hash = |id: String| self.customers.recipient(&id);
        RecipientIds::new(user.map(hash), others.into_iter().flatten().map(hash))
    }

    fn both(self, ids: Ids) -> (Option<CustomerIds>, Option<RecipientIds>) {
        (self.conversation(ids.clone()), self.recipient(ids))
    }

    /// A group is no recipient.
    fn group(self, id: Option<String>) -> (Option<CustomerIds>, Option<RecipientIds>) {
        (self.conversation((None, vec![id])), None)
    }
}

/// The contacts of a change, with further ids of its customers.
struct Contacts<'a> {
    people: Vec<&'a Object>,
    /// Whether the change contains only one message, status or echo, so that a single contact belongs to it.
    is_one: bool,
}

impl Contacts<'_> {
    fn ids(&self, user: Option<String>, telephone: Option<String>) -> Ids {
        let found = self.people.iter().find(|contact| {
            let (theirs, number) = (some(contact, "user_id"), some(contact, "wa_id"));
            if user.is_some() && user == theirs {
                return true;
            }
            let is_another = user.is_some() && theirs.is_some();
            let is_number = telephone.is_some() && telephone == number;
            !is_another && (is_number || (self.is_one && self.people.len() == 1))
        });
        let theirs = |key| found.and_then(|contact| some(contact, key));
        let user = user.or_else(|| theirs("user_id"));
        (user, vec![telephone, theirs("wa_id")])
    }
}

/// None without the number that it is about.
pub fn read(field: WebhookField, value: &Value, customers: &CustomerHasher) -> Option<Said> {
    let value = value.as_object()?;
    let own = match field {
        WebhookField::MessagingHandovers => "recipient",
        WebhookField::Messages
        | WebhookField::Standby
        | WebhookField::SmbMessageEchoes
        | WebhookField::MessageEchoes
        | WebhookField::Calls => "metadata",
        _ => return None,
    };
    let number = PhoneNumberId::parse(&text(
        first_object(value.get(own))?.get("phone_number_id")?,
    )?)?;
    let hashes = Hashes {
        number: &number,
        customers,
    };
    let mut said = Said {
        number: number.clone(),
        updates: Vec::new(),
        messages: 0,
        statuses: 0,
    };
    let empty = Object::new();
    match field {
        WebhookField::Calls => said.updates.extend(calls(value, hashes)),
        WebhookField::MessagingHandovers => said.updates.extend(handover(value, hashes)),
        WebhookField::Standby => {
            let lists = first_object(value.get("standby")).unwrap_or(&empty);
            said.add_lists(field, lists, hashes);
        }
        _ => said.add_lists(field, value, hashes),
    }
    Some(said)
}

impl Said {
    /// Adds messages, statuses, echoes and errors.
    fn add_lists(&mut self, field: WebhookField, lists: &Object, hashes: Hashes<'_>) {
        let of = |key: &str| objects(lists.get(key)).collect::<Vec<_>>();
        let (messages, statuses, echoes) = (of("messages"), of("statuses"), of("message_echoes"));
        let contacts = Contacts {
            people: of("contacts"),
            is_one: messages.len() + statuses.len() + echoes.len() == 1,
        };
        for one in messages {
            self.add_message(one, &contacts, hashes);
        }
        for one in statuses {
            let has_status = status(one, hashes.customers, &mut self.updates, |is_group| {
                let to = some(one, "recipient_id");
                if is_group {
                    hashes.group(to)
                } else {
                    hashes.both(contacts.ids(some(one, "recipient_user_id"), to))
                }
            });
            self.statuses += usize::from(has_status);
        }
        let actor = if field == WebhookField::SmbMessageEchoes {
            Actor::Agent
        } else {
            Actor::Unknown
        };
        for one in echoes {
            self.updates.extend(echo(one, actor, &contacts, hashes));
        }
        let errors = codes(lists);
        if !errors.is_empty() {
            let update = Update::Errors(errors);
            self.updates.push((Moment::Absent, update, None));
        }
    }

    fn add_message(&mut self, one: &Object, contacts: &Contacts<'_>, hashes: Hashes<'_>) {
        if let Some(kind) = one.get("type").and_then(word::<message::Kind>) {
            self.messages += 1;
            let (from, who) = match some(one, "group_id") {
                Some(group) => hashes.group(Some(group)),
                None => hashes.both(contacts.ids(some(one, "from_user_id"), some(one, "from"))),
            };
            let context = MessageContext::default();
            let update = Update::Received {
                from,
                kind,
                context,
            };
            self.updates.push((at(one), update, who));
        }
        self.updates.extend(new_id(one).and_then(|ids| {
            let (ids, who) = hashes.both(ids);
            Some((at(one), Update::IdChanged(ids?), who))
        }));
    }
}

fn echo(
    one: &Object,
    actor: Actor,
    contacts: &Contacts<'_>,
    hashes: Hashes<'_>,
) -> Option<PlainUpdate> {
    let kind = one.get("type").and_then(word::<message::Kind>)?;
    let either = |keys: [&str; 2]| keys.iter().find_map(|key| some(one, key));
    let to = match some(one, "group_id") {
        Some(group) => hashes.group(Some(group)).0,
        None => {
            let user = either(["to_user_id", "recipient_user_id"]);
            hashes.conversation(contacts.ids(user, either(["to", "recipient_id"])))
        }
    };
    Some((at(one), Update::Echo { to, kind, actor }, None))
}

/// The mark of the drawn callback data, without declared campaigns or journeys.
fn mark(data: &str, status: &Object, customers: &CustomerHasher) -> Mark {
    let other = || "other".to_owned();
    let is_step = data == "journey=booking&step=date";
    Mark {
        campaign: None,
        journey: is_step.then(|| JourneyMark {
            id: JourneyId {
                journey: other(),
                version: other(),
            },
            step: Some(other()),
            variant: None,
            is_goal: false,
            message: some(status, "id").map(|id| customers.message(&id)),
        }),
        ignored: (!is_step).then_some(IgnoredMark::NoKnownKey),
    }
}

/// Reads a status and its price. Returns whether there is a status.
fn status(
    one: &Object,
    customers: &CustomerHasher,
    updates: &mut Vec<PlainUpdate>,
    to: impl FnOnce(bool) -> (Option<CustomerIds>, Option<RecipientIds>),
) -> bool {
    let pricing = first_object(one.get("pricing"));
    let category = pricing.and_then(|pricing| word(pricing.get("category")?));
    let status = one.get("status").and_then(word);
    if let Some(status) = status {
        let is_group =
            some(one, "recipient_type").is_some_and(|kind| kind.to_lowercase() == "group");
        let (to, who) = to(is_group);
        let update = Update::Status {
            to,
            status,
            category: category.unwrap_or(message::Category::Unknown),
            errors: codes(one),
            mark: some(one, "biz_opaque_callback_data").map(|data| mark(&data, one, customers)),
        };
        let who = who.filter(|_| status == message::Status::Delivered);
        updates.push((at(one), update, who));
    }
    if let (Some(category), Some(pricing), Some(_)) = (category, pricing, some(one, "id")) {
        let pricing_type = pricing.get("type").and_then(word);
        let price = message::Price {
            category,
            pricing_type: pricing_type.unwrap_or(message::PricingType::Unknown),
        };
        updates.push((at(one), Update::Priced(price), None));
    }
    status.is_some()
}

/// The ids in a notice about a new id.
fn new_id(one: &Object) -> Option<Ids> {
    let system = first_object(one.get("system"))?;
    let kind = some(system, "type")?.to_lowercase();
    if kind != "user_changed_number" && kind != "user_changed_user_id" {
        return None;
    }
    let others = vec![
        some(system, "wa_id"),
        some(system, "previous_user_id"),
        some(one, "from_user_id"),
        some(one, "from"),
    ];
    Some((some(system, "user_id"), others))
}

/// Calls by customers, without their ends.
fn calls(value: &Object, hashes: Hashes<'_>) -> Vec<PlainUpdate> {
    let calls: Vec<_> = objects(value.get("calls")).collect();
    let people: Vec<_> = objects(value.get("contacts")).collect();
    let only = (calls.len() == 1 && people.len() == 1).then(|| people[0]);
    let is = |call: &Object, key: &str, word: &str| {
        let text = call.get(key).and_then(text);
        text.is_some_and(|text| text.to_lowercase() == word)
    };
    let by_customers = calls
        .iter()
        .filter(|call| is(call, "direction", "user_initiated") && !is(call, "event", "terminate"));
    let updates = by_customers.map(|call| {
        let theirs = |key| only.and_then(|one| some(one, key));
        let user = some(call, "from_user_id").or_else(|| theirs("user_id"));
        let others = vec![some(call, "from"), theirs("wa_id")];
        (at(call), Update::Called, hashes.recipient((user, others)))
    });
    updates.collect()
}

fn handover(value: &Object, hashes: Hashes<'_>) -> Option<PlainUpdate> {
    let passed = first_object(value.get("control_passed"));
    let details = passed.or_else(|| first_object(value.get("control_taken")))?;
    let sender = first_object(value.get("sender"))?;
    let telephone = some(sender, "phone_number").or_else(|| some(sender, "wa_id"));
    let of = hashes.conversation((some(sender, "user_id"), vec![telephone]))?;
    let role = text(details.get("new_owner_role")?)?;
    let role = role
        .chars()
        .filter(|one| one.is_ascii_alphanumeric() || ['_', '-', '.', ' '].contains(one));
    let role = role.take(64).collect();
    Some((at(value), Update::ThreadOwner { of, role }, None))
}

/// An id that is there and not empty.
fn some(object: &Object, key: &str) -> Option<String> {
    text(object.get(key)?).filter(|text| !text.is_empty())
}

fn at(object: &Object) -> Moment {
    let text = object.get("timestamp").and_then(text);
    text.map_or(Moment::Absent, |text| moment(&text))
}

fn codes(object: &Object) -> Vec<ErrorCode> {
    let codes = objects(object.get("errors")).filter_map(|error| text(error.get("code")?));
    codes.map(|code| ErrorCode::parse(&code)).collect()
}
