//! What is said between customers and the business: messages, statuses, echoes, and who controls a conversation.

use serde_json::Value;
use whatsapp_business_exporter::domain::journey::JourneyId;
use whatsapp_business_exporter::domain::mark::{IgnoredMark, JourneyMark, Mark, MessageContext};
use whatsapp_business_exporter::domain::message::{self, Update};
use whatsapp_business_exporter::domain::track::Actor;
use whatsapp_business_exporter::domain::{
    CustomerIds, ErrorCode, PhoneNumberId, RecipientIds, WebhookField,
};
use whatsapp_business_exporter::ingest::CustomerHasher;

use super::{Moment, Object, first_object, moment, objects, text, word};

/// When, what, and of which customer where the count of recipients depends on it.
pub type PlainUpdate = (Moment, Update, Option<RecipientIds>);

/// What one change says.
pub struct Said {
    pub number: PhoneNumberId,
    pub updates: Vec<PlainUpdate>,
    pub messages: usize,
    pub statuses: usize,
}

/// None where nothing can be said without a number.
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
    let mut said = Said {
        number: number.clone(),
        updates: Vec::new(),
        messages: 0,
        statuses: 0,
    };
    let ids = |user: Option<String>, others: Vec<Option<String>>| {
        let hash = |id: String| customers.conversation(&number, &id);
        CustomerIds::new(user.map(hash), others.into_iter().flatten().map(hash))
    };
    let everywhere = |(user, others): (Option<String>, Vec<Option<String>>)| {
        let hash = |id: String| customers.recipient(&id);
        RecipientIds::new(user.map(hash), others.into_iter().flatten().map(hash))
    };
    if field == WebhookField::Calls {
        said.updates.extend(calls(value, everywhere));
        return Some(said);
    }
    if field == WebhookField::MessagingHandovers {
        said.updates.extend(handover(value, ids));
        return Some(said);
    }
    let empty = Object::new();
    let lists = if field == WebhookField::Standby {
        first_object(value.get("standby")).unwrap_or(&empty)
    } else {
        value
    };
    let of = |key: &str| objects(lists.get(key)).collect::<Vec<_>>();
    let (messages, statuses, echoes) = (of("messages"), of("statuses"), of("message_echoes"));
    let is_one = messages.len() + statuses.len() + echoes.len() == 1;
    let people = of("contacts");
    let customer = |user: Option<String>, telephone: Option<String>| {
        let found = people.iter().find(|contact| {
            let (theirs, number) = (some(contact, "user_id"), some(contact, "wa_id"));
            if user.is_some() && user == theirs {
                return true;
            }
            let is_another = user.is_some() && theirs.is_some();
            let is_number = telephone.is_some() && telephone == number;
            !is_another && (is_number || (is_one && people.len() == 1))
        });
        let theirs = |key| found.and_then(|contact| some(contact, key));
        let user = user.clone().or_else(|| theirs("user_id"));
        (user, vec![telephone.clone(), theirs("wa_id")])
    };
    for one in messages {
        if let Some(kind) = one.get("type").and_then(word::<message::Kind>) {
            said.messages += 1;
            let (from, who) = match some(one, "group_id") {
                Some(group) => (ids(None, vec![Some(group)]), None),
                None => {
                    let both = customer(some(one, "from_user_id"), some(one, "from"));
                    (ids(both.0.clone(), both.1.clone()), everywhere(both))
                }
            };
            said.updates.push((
                at(one),
                Update::Received {
                    from,
                    kind,
                    context: MessageContext::default(),
                },
                who,
            ));
        }
        said.updates.extend(new_id(one).and_then(|(user, others)| {
            let who = everywhere((user.clone(), others.clone()));
            Some((at(one), Update::IdChanged(ids(user, others)?), who))
        }));
    }
    for one in statuses {
        said.statuses += usize::from(status(one, customers, &mut said.updates, |is_group| {
            let to = some(one, "recipient_id");
            if is_group {
                (ids(None, vec![to]), None)
            } else {
                let both = customer(some(one, "recipient_user_id"), to);
                (ids(both.0.clone(), both.1.clone()), everywhere(both))
            }
        }));
    }
    let actor = if field == WebhookField::SmbMessageEchoes {
        Actor::Agent
    } else {
        Actor::Unknown
    };
    for one in echoes {
        if let Some(kind) = one.get("type").and_then(word::<message::Kind>) {
            let either = |keys: [&str; 2]| keys.iter().find_map(|key| some(one, key));
            let to = match some(one, "group_id") {
                Some(group) => ids(None, vec![Some(group)]),
                None => {
                    let (user, others) = customer(
                        either(["to_user_id", "recipient_user_id"]),
                        either(["to", "recipient_id"]),
                    );
                    ids(user, others)
                }
            };
            said.updates
                .push((at(one), Update::Echo { to, kind, actor }, None));
        }
    }
    let errors = codes(lists);
    if !errors.is_empty() {
        said.updates
            .push((Moment::Absent, Update::Errors(errors), None));
    }
    Some(said)
}

/// What the drawn callback data say, as nothing is declared.
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

/// A status, and its price; says whether there is a status.
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
fn new_id(one: &Object) -> Option<(Option<String>, Vec<Option<String>>)> {
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
fn calls(
    value: &Object,
    everywhere: impl Fn((Option<String>, Vec<Option<String>>)) -> Option<RecipientIds>,
) -> Vec<PlainUpdate> {
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
        (at(call), Update::Called, everywhere((user, others)))
    });
    updates.collect()
}

fn handover(
    value: &Object,
    ids: impl Fn(Option<String>, Vec<Option<String>>) -> Option<CustomerIds>,
) -> Option<PlainUpdate> {
    let passed = first_object(value.get("control_passed"));
    let details = passed.or_else(|| first_object(value.get("control_taken")))?;
    let sender = first_object(value.get("sender"))?;
    let telephone = some(sender, "phone_number").or_else(|| some(sender, "wa_id"));
    let of = ids(some(sender, "user_id"), vec![telephone])?;
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
