//! Parses the webhooks about conversations: one fact per message and status.
//!
//! Of a customer, only keyed hashes are kept; of a message, only its type and time.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::mark::MessageContext;
use crate::domain::message::{Category, Price, PricingType, Status, Update};
use crate::domain::number::Spelling;
use crate::domain::track::{Actor, Trackers};
use crate::domain::{
    CustomerIds, DisplayDigits, ErrorCode, PhoneNumberId, RecipientIds, Timestamp, WebhookField,
    Word,
};
use crate::ingest::{CustomerHasher, MetaObject, ParseWarnings, text_or_number};

use super::mark;

const NOUN: &str = "messages";

/// Keys of a group member: whichever is there distinguishes the statuses of a group's message.
const MEMBER: [&str; 4] = [
    "recipient_participant_user_id",
    "participant_recipient_user_id",
    "recipient_participant_id",
    "participant_recipient_id",
];

/// Maximum length of the role of a thread's owner.
const MAX_ROLE: usize = 64;

/// One message or status.
pub struct MessageItem {
    /// The item's own timestamp. `None` if it is missing.
    pub at: Option<Timestamp>,
    /// Key that identifies duplicates. `None` if Meta gives no id.
    pub identity: Option<String>,
    /// The customer, if the update matters for the count of recipients. `None` for a group.
    pub recipient: Option<RecipientIds>,
    /// The update.
    pub update: Update,
}

/// The part of a change that identifies the phone number. Everything else is skipped.
#[derive(Deserialize)]
struct NumberOnly<'a> {
    #[serde(borrow)]
    metadata: MessageMetadata<'a>,
}

#[derive(Deserialize)]
struct MessageMetadata<'a> {
    #[serde(borrow)]
    display_phone_number: Cow<'a, str>,
    #[serde(borrow)]
    phone_number_id: Cow<'a, str>,
}

/// The number's id and its digits in webhooks, if the change contains both as text.
pub fn spelling(value: &RawValue) -> Option<Spelling> {
    let NumberOnly { metadata } = serde_json::from_str(value.get()).ok()?;
    Some(Spelling {
        id: PhoneNumberId::parse(&metadata.phone_number_id)?,
        digits: DisplayDigits::parse(&metadata.display_phone_number)?,
    })
}

/// Like [`spelling`], for a parsed value.
pub fn spelling_in(value: &Value) -> Option<Spelling> {
    let metadata = value.get("metadata")?;
    Some(Spelling {
        id: PhoneNumberId::parse(metadata.get("phone_number_id")?.as_str()?)?,
        digits: DisplayDigits::parse(metadata.get("display_phone_number")?.as_str()?)?,
    })
}

/// The updates of one change, with their number.
pub struct Messages {
    /// Id of the number.
    pub number: PhoneNumberId,
    /// The digits of the number in webhooks.
    pub digits: Option<DisplayDigits>,
    /// The messages and statuses.
    pub items: Vec<MessageItem>,
}

/// The business phone number that a change is about.
pub(super) struct BusinessNumber {
    /// Its id.
    pub id: PhoneNumberId,
    /// Its digits in webhooks.
    digits: Option<DisplayDigits>,
}

impl BusinessNumber {
    /// Reads the object of this key, `metadata` in most changes.
    pub fn read(
        change: &MetaObject<'_>,
        key: &'static str,
        warnings: &mut ParseWarnings,
    ) -> Option<Self> {
        let metadata = change.object(key, "metadata", warnings)?;
        let id = metadata.parsed("phone_number_id", PhoneNumberId::parse, warnings)?;
        let digits = metadata.text("display_phone_number", warnings);
        let digits = digits.and_then(|text| DisplayDigits::parse(&text));
        Some(Self { id, digits })
    }

    /// The updates of its change.
    pub fn with(self, items: Vec<MessageItem>) -> Messages {
        Messages {
            number: self.id,
            digits: self.digits,
            items,
        }
    }
}

/// Whether the field's webhooks are about conversations.
pub fn is_about_conversations(field: WebhookField) -> bool {
    matches!(
        field,
        WebhookField::Messages
            | WebhookField::Standby
            | WebhookField::SmbMessageEchoes
            | WebhookField::MessageEchoes
            | WebhookField::MessagingHandovers
    )
}

/// Reads one change of a field that is about conversations.
pub fn read(
    field: WebhookField,
    value: &Value,
    (customers, declared): (&CustomerHasher, &Trackers),
    warnings: &mut ParseWarnings,
) -> Option<Messages> {
    let change = MetaObject::new(NOUN, value)?;
    // A handover has the number in `recipient`.
    let key = if field == WebhookField::MessagingHandovers {
        "recipient"
    } else {
        "metadata"
    };
    let number = BusinessNumber::read(&change, key, warnings)?;
    let hasher = NumberHasher {
        customers,
        number: &number.id,
    };
    let read_lists = |lists: &MetaObject<'_>, echoed, warnings: &mut ParseWarnings| {
        read_lists(lists, (hasher, declared), echoed, warnings)
    };
    let items = match field {
        WebhookField::MessagingHandovers => {
            handover(&change, hasher, warnings).into_iter().collect()
        }
        // Another application controls these conversations.
        WebhookField::Standby => change
            .object("standby", NOUN, warnings)
            .map(|lists| read_lists(&lists, Actor::Unknown, warnings))
            .unwrap_or_default(),
        // A person wrote in the WhatsApp Business app.
        WebhookField::SmbMessageEchoes => read_lists(&change, Actor::Agent, warnings),
        _ => read_lists(&change, Actor::Unknown, warnings),
    };
    Some(number.with(items))
}

/// Reads the lists of messages, statuses, echoes and errors.
fn read_lists(
    change: &MetaObject<'_>,
    (hasher, declared): (NumberHasher<'_>, &Trackers),
    echoed: Actor,
    warnings: &mut ParseWarnings,
) -> Vec<MessageItem> {
    let messages = change.objects("messages", "message", warnings);
    let statuses = change.objects("statuses", "status", warnings);
    let echoes = change.objects("message_echoes", "message", warnings);
    let contacts = change.objects("contacts", "contact", warnings);
    let reader = MessageReader {
        hasher,
        declared,
        contacts: Contacts {
            is_of_one: messages.len() + statuses.len() + echoes.len() == 1,
            contacts,
        },
        echoed,
    };
    let mut items = Vec::new();
    for message in messages {
        items.extend(reader.message(&message, warnings));
        items.extend(reader.id_change(&message, warnings));
    }
    for status in statuses {
        items.extend(reader.status(&status, warnings));
        items.extend(price(&status, warnings));
    }
    for echo in echoes {
        items.extend(reader.echo(&echo, warnings));
    }
    let errors = errors(change, warnings);
    if !errors.is_empty() {
        items.push(MessageItem {
            at: None,
            identity: None,
            recipient: None,
            update: Update::Errors(errors),
        });
    }
    items
}

/// Hashes the customers of one number.
#[derive(Clone, Copy)]
struct NumberHasher<'a> {
    customers: &'a CustomerHasher,
    number: &'a PhoneNumberId,
}

impl NumberHasher<'_> {
    /// The hashes of these ids: the user id, and all others.
    fn ids(
        self,
        user_id: Option<String>,
        others: impl IntoIterator<Item = Option<String>>,
    ) -> Option<CustomerIds> {
        let hash = |id: String| self.customers.conversation(self.number, &id);
        let others = others.into_iter().flatten();
        CustomerIds::new(user_id.map(hash), others.map(hash))
    }
}

/// The ids of one customer, before they are hashed.
#[derive(Clone)]
pub struct NamedIds {
    pub user_id: Option<String>,
    pub others: Vec<Option<String>>,
}

impl NamedIds {
    fn conversation(&self, hasher: NumberHasher<'_>) -> Option<CustomerIds> {
        hasher.ids(self.user_id.clone(), self.others.clone())
    }

    /// The customer, independent of the number.
    pub fn recipient(&self, customers: &CustomerHasher) -> Option<RecipientIds> {
        let hash = |id: &String| customers.recipient(id);
        let others = self.others.iter().flatten();
        RecipientIds::new(self.user_id.as_ref().map(hash), others.map(hash))
    }
}

/// The contacts of a change. They have both ids of a customer, whichever of them the message has.
struct Contacts<'a> {
    contacts: Vec<MetaObject<'a>>,
    /// Whether the change has only one message or status, so that a single contact is its customer's.
    is_of_one: bool,
}

impl Contacts<'_> {
    /// The user id and the telephone number of the contact with one of these ids.
    fn of(&self, user_id: Option<&str>, telephone: Option<&str>) -> [Option<String>; 2] {
        let is_single = self.is_of_one && self.contacts.len() == 1;
        for contact in &self.contacts {
            let ids = [id(contact, "user_id"), id(contact, "wa_id")];
            let is_another = |ours: Option<&str>, theirs: &Option<String>| {
                ours.is_some() && theirs.is_some() && ours != theirs.as_deref()
            };
            let is_same = |ours: Option<&str>, theirs: &Option<String>| {
                ours.is_some() && ours == theirs.as_deref()
            };
            // The telephone number may be spelled in another way in `wa_id`.
            let matches = is_same(user_id, &ids[0])
                || !is_another(user_id, &ids[0]) && (is_same(telephone, &ids[1]) || is_single);
            if matches {
                return ids;
            }
        }
        [None, None]
    }
}

/// A non-empty id. Meta sends empty ones beside the other id of a customer.
fn id(object: &MetaObject<'_>, key: &str) -> Option<String> {
    let text = object.get(key).and_then(text_or_number);
    text.filter(|text| !text.is_empty())
}

struct MessageReader<'a> {
    hasher: NumberHasher<'a>,
    /// The declared journeys and campaigns.
    declared: &'a Trackers,
    contacts: Contacts<'a>,
    /// The sender of echoes.
    echoed: Actor,
}

impl MessageReader<'_> {
    fn message(
        &self,
        message: &MetaObject<'_>,
        warnings: &mut ParseWarnings,
    ) -> Option<MessageItem> {
        message.require("type", warnings)?;
        let kind = message.word("type", warnings)?;
        let (from, recipient) = match id(message, "group_id") {
            // Members write to the group, and the business answers the group.
            Some(group) => (self.hasher.ids(None, [Some(group)]), None),
            None => {
                let ids = self.customer(id(message, "from_user_id"), id(message, "from"));
                (ids.conversation(self.hasher), self.recipient(&ids))
            }
        };
        Some(MessageItem {
            at: message.time("timestamp", warnings),
            identity: message.text("id", warnings),
            recipient,
            update: Update::Received {
                from,
                kind,
                context: self.context(message, warnings),
            },
        })
    }

    fn context(&self, message: &MetaObject<'_>, warnings: &mut ParseWarnings) -> MessageContext {
        let journeys = &self.declared.journeys;
        let key_of = |id: &str| self.hasher.customers.message(id);
        mark::of_message(message, journeys, key_of, warnings)
    }

    /// A system message about a customer's new id, in addition to the message itself.
    fn id_change(
        &self,
        message: &MetaObject<'_>,
        warnings: &mut ParseWarnings,
    ) -> Option<MessageItem> {
        let system = message.object("system", "system", warnings)?;
        let word = system.text("type", warnings)?;
        // The identity check reports something else: `user_identity_changed`.
        let is_change = ["user_changed_number", "user_changed_user_id"];
        if !is_change
            .iter()
            .any(|change| word.eq_ignore_ascii_case(change))
        {
            return None;
        }
        // Meta does not say whether the sender's ids are the old ones or the new ones.
        let others = vec![
            id(&system, "wa_id"),
            id(&system, "previous_user_id"),
            id(message, "from_user_id"),
            id(message, "from"),
        ];
        let named = NamedIds {
            user_id: id(&system, "user_id"),
            others,
        };
        let ids = named.conversation(self.hasher)?;
        let identity = message.text("id", warnings);
        Some(MessageItem {
            at: message.time("timestamp", warnings),
            identity: identity.map(|id| format!("{id}\nid change")),
            recipient: self.recipient(&named),
            update: Update::IdChanged(ids),
        })
    }

    fn echo(&self, echo: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<MessageItem> {
        echo.require("type", warnings)?;
        let kind = echo.word("type", warnings)?;
        let to = match id(echo, "group_id") {
            Some(group) => self.hasher.ids(None, [Some(group)]),
            None => {
                let ids = self.customer(
                    id(echo, "to_user_id").or_else(|| id(echo, "recipient_user_id")),
                    id(echo, "to").or_else(|| id(echo, "recipient_id")),
                );
                ids.conversation(self.hasher)
            }
        };
        Some(MessageItem {
            at: echo.time("timestamp", warnings),
            identity: echo.text("id", warnings),
            recipient: None,
            update: Update::Echo {
                to,
                kind,
                actor: self.echoed,
            },
        })
    }

    fn status(&self, status: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<MessageItem> {
        status.require("status", warnings)?;
        let word: Status = status.word("status", warnings)?;
        let pricing = status.object("pricing", "pricing", warnings);
        let category = pricing.and_then(|pricing| pricing.word("category", warnings));
        let recipient = id(status, "recipient_id");
        let is_group = status
            .text("recipient_type", warnings)
            .is_some_and(|kind| kind.eq_ignore_ascii_case("group"));
        let (to, recipient) = if is_group {
            (self.hasher.ids(None, [recipient]), None)
        } else {
            let ids = self.customer(id(status, "recipient_user_id"), recipient);
            let recipient = (word == Status::Delivered).then(|| self.recipient(&ids));
            (ids.conversation(self.hasher), recipient.flatten())
        };
        // A group's message has one id and a status for each member.
        let member = MEMBER.iter().find_map(|key| id(status, key));
        let member = member.unwrap_or_default();
        let id = status.text("id", warnings);
        let key = || Some(self.hasher.customers.message(id.as_deref()?));
        let mark = mark::of_status(status, self.declared, key);
        Some(MessageItem {
            at: status.time("timestamp", warnings),
            identity: id.map(|id| format!("{id}\n{}\n{member}", word.as_str())),
            recipient,
            update: Update::Status {
                to,
                status: word,
                category: category.unwrap_or(Category::Unknown),
                errors: errors(status, warnings),
                mark,
            },
        })
    }

    /// The customer with these ids, and with those of the contact that belongs to them. A parent id is none of them:
    /// several portfolios share it.
    fn customer(&self, user_id: Option<String>, telephone: Option<String>) -> NamedIds {
        let contact = self.contacts.of(user_id.as_deref(), telephone.as_deref());
        let [contact_user_id, contact_telephone] = contact;
        NamedIds {
            user_id: user_id.or(contact_user_id),
            others: vec![telephone, contact_telephone],
        }
    }

    fn recipient(&self, ids: &NamedIds) -> Option<RecipientIds> {
        ids.recipient(self.hasher.customers)
    }
}

/// The price in a status. Meta's page says that it comes with `sent` and with one of `delivered` and `read`, and its
/// example that it comes with one of them, so a message is identified by its id alone.
fn price(status: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<MessageItem> {
    let pricing = status.object("pricing", "pricing", warnings)?;
    let id = id(status, "id")?;
    // `status` has reported an unknown category.
    let category = pricing.word("category", &mut ParseWarnings::new())?;
    let pricing_type = pricing.word("type", warnings);
    Some(MessageItem {
        at: status.time("timestamp", warnings),
        identity: Some(format!("{id}\nprice")),
        recipient: None,
        update: Update::Priced(Price {
            category,
            pricing_type: pricing_type.unwrap_or(PricingType::Unknown),
        }),
    })
}

/// The new owner of a conversation.
fn handover(
    change: &MetaObject<'_>,
    hasher: NumberHasher<'_>,
    warnings: &mut ParseWarnings,
) -> Option<MessageItem> {
    let details = ["control_passed", "control_taken"];
    let details = details
        .iter()
        .find_map(|key| change.object(key, "handover", warnings))?;
    let sender = change.object("sender", "handover", warnings)?;
    let telephone = id(&sender, "phone_number").or_else(|| id(&sender, "wa_id"));
    let of = hasher.ids(id(&sender, "user_id"), [telephone])?;
    let role = details.text("new_owner_role", warnings)?;
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "_-. ".contains(letter);
    let role: String = role.chars().filter(|letter| is_word(*letter)).collect();
    let role: String = role.chars().take(MAX_ROLE).collect();
    Some(MessageItem {
        at: change.time("timestamp", warnings),
        identity: None,
        recipient: None,
        update: Update::ThreadOwner { of, role },
    })
}

fn errors(object: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Vec<ErrorCode> {
    let errors = object.objects("errors", "error", warnings).into_iter();
    let code = |text: &str| Some(ErrorCode::parse(text));
    errors
        .filter_map(|error| error.parsed("code", code, warnings))
        .collect()
}
