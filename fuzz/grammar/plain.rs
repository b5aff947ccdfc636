//! A second implementation of the parser of deliveries, from Meta's pages and the project's rules, with
//! `serde_json::Value` alone. A null is absent, and so is a value of an unexpected shape. Numbers may be text and text
//! may be numbers. One object may stand for a list of one, and a list for its first object.

mod json;
mod management;
mod said;
mod times;

use json::{Object, Reading, list, scalar};
use management::reader;
use serde_json::Value;
use times::{Moment, accepted_time, moment};
use whatsapp_business_exporter::domain::{
    Fact, Timestamp, WabaId, WebhookField, Word as _, message,
};
use whatsapp_business_exporter::ingest::CustomerHasher;

use super::super::NOW;

/// Everything that a delivery contains.
#[derive(Default)]
pub struct Plain {
    /// Sorted, one for each change.
    pub fields: Vec<WebhookField>,
    /// Sorted.
    pub accounts: Vec<WabaId>,
    pub facts: Vec<PlainFact>,
    pub messages: usize,
    pub statuses: usize,
}

/// One event.
pub struct PlainFact {
    pub waba_id: WabaId,
    /// None where it contains a time in a format that Meta does not use.
    pub fact: Option<Fact>,
    pub when: When,
}

/// When it happened.
#[derive(Clone, Copy)]
pub enum When {
    At(Timestamp),
    Undated,
    /// Ahead of the clock, or in a format that Meta does not use.
    Unsure,
}

/// The parts of an entry that its changes need.
struct Entry {
    is_test: bool,
    waba_id: Option<WabaId>,
    time: Moment,
}

impl Plain {
    pub fn read(body: &Value, customers: &CustomerHasher) -> Self {
        let mut plain = Self::default();
        for entry in list(body.get("entry")).filter_map(Value::as_object) {
            plain.entry(entry, customers);
        }
        plain.fields.sort_unstable();
        plain.accounts.sort_unstable();
        plain
    }

    fn entry(&mut self, entry: &Object, customers: &CustomerHasher) {
        let id = scalar(entry.get("id"));
        let is_test = id.as_deref() == Some("0");
        let waba_id = id.and_then(|id| WabaId::parse(&id)).filter(|_| !is_test);
        self.accounts.extend(waba_id.clone());
        let time = entry
            .get("time")
            .map_or(Moment::Absent, |time| match scalar(Some(time)) {
                Some(text) => accepted_time(moment(&text)),
                None => Moment::Absent,
            });
        let context = Entry {
            is_test,
            waba_id,
            time,
        };
        for change in list(entry.get("changes")).filter_map(Value::as_object) {
            self.change(change, &context, customers);
        }
    }

    fn change(&mut self, change: &Object, entry: &Entry, customers: &CustomerHasher) {
        let Some(name) = scalar(change.get("field")) else {
            return;
        };
        let field = WebhookField::parse(&name);
        self.fields.push(field);
        let Some(value) = change.get("value").filter(|value| !value.is_null()) else {
            return;
        };
        if let Some(waba_id) = &entry.waba_id
            && self.said(field, value, waba_id, entry.time, customers)
        {
            return;
        }
        let empty = Object::new();
        let reader = reader(field);
        let object = value
            .as_object()
            .filter(|_| reader.is_some())
            .unwrap_or(&empty);
        let mut object = object.clone();
        let beside = change.get("rejection_info").filter(|info| !info.is_null());
        if let Some(info) = beside.filter(|_| !object.contains_key("rejection_info")) {
            object.insert("rejection_info".to_owned(), info.clone());
        }
        let mut value = Reading {
            object: &object,
            is_sure: true,
        };
        let fact = reader
            .and_then(|read| read(&mut value))
            .unwrap_or(Fact::Unwatched);
        let is_sure = value.is_sure;
        let named = value.within("waba_info", |info| WabaId::parse(&info.text("waba_id")?));
        let own_time = value.moment("timestamp");
        if entry.is_test {
            return;
        }
        if let Some(named) = &named
            && entry.waba_id.as_ref() != Some(named)
        {
            self.accounts.push(named.clone());
        }
        let Some(waba_id) = named.or_else(|| entry.waba_id.clone()) else {
            return;
        };
        let when = match (entry.time, accepted_time(own_time)) {
            // Each group has its own time.
            _ if field == WebhookField::GroupStatusUpdate => When::Unsure,
            (Moment::At(at), _) | (Moment::Absent, Moment::At(at)) => {
                When::At(at.at_whole_seconds())
            }
            (Moment::Absent, Moment::Absent) if is_sure && fact != Fact::Unwatched => When::Undated,
            _ => When::Unsure,
        };
        let fact = is_sure.then_some(fact);
        self.facts.push(PlainFact {
            waba_id,
            fact,
            when,
        });
    }

    /// Reads messages and statuses of one change. Returns whether there are any.
    fn said(
        &mut self,
        field: WebhookField,
        value: &Value,
        waba_id: &WabaId,
        time: Moment,
        customers: &CustomerHasher,
    ) -> bool {
        let Some(said) = said::read(field, value, customers) else {
            return false;
        };
        self.messages += said.messages;
        self.statuses += said.statuses;
        let any = !said.updates.is_empty();
        for (at, update, recipient) in said.updates {
            let when = match (accepted_time(at), time) {
                (Moment::At(at), _) | (Moment::Absent, Moment::At(at)) => {
                    When::At(at.at_whole_seconds())
                }
                _ => When::Unsure,
            };
            let fact = Some(Fact::Message(message::WebhookUpdate {
                phone_number_id: said.number.clone(),
                received_at: NOW,
                recipient,
                update,
            }));
            self.facts.push(PlainFact {
                waba_id: waba_id.clone(),
                fact,
                when,
            });
        }
        any
    }
}
