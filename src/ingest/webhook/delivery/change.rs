//! Turns one change into an event, or its messages and statuses into one event each, and adds its relay lanes.

use serde_json::Value;

use super::entry::Origin;
use super::{AccountActivity, Delivery, Hashers};
use crate::domain::message::{Update, WebhookUpdate};
use crate::domain::number::Spelling;
use crate::domain::track::Trackers;
use crate::domain::{DeliveryKey, Event, Fact, Source, Timestamp, WebhookField, Word};
use crate::ingest::json::read_text;
use crate::ingest::key::delivery_key;
use crate::ingest::webhook::envelope::{EnvelopeChange, present, scalar};
use crate::ingest::webhook::{lanes, wire};
use crate::ingest::{CustomerHasher, ParseWarning, ParseWarnings};

impl Delivery {
    pub(super) fn read_change(
        &mut self,
        origin: &Origin<'_>,
        change: &EnvelopeChange<'_>,
        hashers: Hashers<'_>,
    ) {
        let Some(name) = present(change.field).and_then(scalar) else {
            self.add_account_lane(origin, None, hashers);
            return self.malformed("change", "field");
        };
        let field = WebhookField::parse(&name);
        self.fields.push(field);
        if field.is_other() {
            let parse_warning = ParseWarning::unknown("change", "field", &name);
            self.warnings.push(parse_warning);
        }
        let Some(value) = present(change.value) else {
            self.add_account_lane(origin, Some((field, &name)), hashers);
            return self.malformed("change", "value");
        };
        let rejection_info = present(change.rejection_info);
        let value_as_written = origin.written.bytes_of(value);
        let key = delivery_key(&origin.id, origin.time_as_written, &name, value_as_written);
        if wire::is_about_customers(field)
            && let Some(customers) = hashers.conversations
        {
            let parsed = wire::parse_object(field, value, &mut self.warnings);
            self.add_lanes(origin, (field, &name), parsed.as_ref(), hashers);
            if let Some(parsed) = parsed
                && self.read_messages(origin, (field, &parsed), (customers, hashers.declared), key)
            {
                return;
            }
        } else if wire::is_management(field) {
            self.add_account_lane(origin, Some((field, &name)), hashers);
        } else {
            // No other code parses this value.
            let parsed = hashers.lanes.and_then(|_| {
                let mut reported_elsewhere = ParseWarnings::new();
                read_text(value.get(), field.as_str(), &mut reported_elsewhere)
            });
            self.add_lanes(origin, (field, &name), parsed.as_ref(), hashers);
            if field == WebhookField::Messages {
                let spelling = match &parsed {
                    Some(parsed) => wire::message::spelling_in(parsed),
                    None => wire::message::spelling(value),
                };
                self.note_spelling(origin, spelling, key);
            }
        }
        let reading = wire::read(field, value, rejection_info, &mut self.warnings);
        if !origin.is_test {
            self.keep(origin, reading, key);
        }
    }

    /// Adds the lanes of the conversations that the change is about, or else the lane of its account and field.
    fn add_lanes(
        &mut self,
        origin: &Origin<'_>,
        field: (WebhookField, &str),
        value: Option<&Value>,
        hashers: Hashers<'_>,
    ) {
        let Some(hasher) = hashers.lanes else { return };
        let is_added =
            value.is_some_and(|value| lanes::add_conversations(value, hasher, &mut self.lanes));
        if !is_added {
            self.add_account_lane(origin, Some(field), hashers);
        }
    }

    /// Adds the lane of an account's field. Adds none if there is no account.
    pub(super) fn add_account_lane(
        &mut self,
        origin: &Origin<'_>,
        field: Option<(WebhookField, &str)>,
        hashers: Hashers<'_>,
    ) {
        if hashers.lanes.is_none() || origin.id.is_empty() {
            return;
        }
        let lane = lanes::for_account(&origin.id, field.map_or("", |(_, name)| name));
        match field {
            Some((WebhookField::Messages, _)) => self.lanes.add_conversation(lane),
            _ => self.lanes.add_management(lane),
        }
    }

    fn keep(&mut self, origin: &Origin<'_>, reading: wire::ChangeContent, key: DeliveryKey) {
        if let Some(named) = &reading.waba_id
            && origin.waba_id.as_ref() != Some(named)
        {
            self.accounts.push(AccountActivity {
                waba_id: named.clone(),
                entry_time: origin.time,
                claimed_time: origin.claimed_time,
            });
        }
        let Some(waba_id) = reading.waba_id.or_else(|| origin.waba_id.clone()) else {
            return;
        };
        let own_time = reading.own_time.and_then(|time| self.accepted_time(time));
        for (index, (fact, fact_time)) in (0_u64..).zip(reading.facts) {
            let fact_time = fact_time.and_then(|time| self.accepted_time(time));
            let sent_at = fact_time.or(origin.time).or(own_time);
            let key = match index {
                0 => key,
                _ => delivery_key(&key.0.to_string(), "", "part", &index.to_string()),
            };
            let (source, observed_at) = match sent_at {
                // Truncated to seconds, to be comparable with all other times.
                Some(sent_at) => (Source::Webhook(key), sent_at.at_whole_seconds()),
                // Only their order of arrival is known, so the milliseconds of receipt are kept.
                None if fact != Fact::Unwatched => (Source::UndatedWebhook(key), self.receipt.at),
                None => (Source::Webhook(key), self.receipt.at.at_whole_seconds()),
            };
            self.events.push(Event {
                waba_id: waba_id.clone(),
                observed_at,
                source,
                fact,
            });
        }
    }

    /// Records the spelling of a number in webhooks, once per delivery. Only message webhooks contain it together
    /// with the number's id.
    fn note_spelling(&mut self, origin: &Origin<'_>, spelling: Option<Spelling>, key: DeliveryKey) {
        let (Some(waba_id), Some(spelling)) = (origin.waba_id.clone(), spelling) else {
            return;
        };
        let fact = Fact::NumberSpelled(spelling);
        let is_noted = |event: &Event| event.waba_id == waba_id && event.fact == fact;
        if !self.spellings.iter().any(is_noted) {
            let key = delivery_key(&key.0.to_string(), "", "spelling", "");
            self.spellings.push(Event {
                waba_id,
                observed_at: self.receipt.at,
                source: Source::Webhook(key),
                fact,
            });
        }
    }

    /// Adds an event for each message, status and choice; returns whether there are any.
    fn read_messages(
        &mut self,
        origin: &Origin<'_>,
        (field, value): (WebhookField, &Value),
        (customers, declared): (&CustomerHasher, Option<&Trackers>),
        key: DeliveryKey,
    ) -> bool {
        let Some(waba_id) = origin.waba_id.clone() else {
            return false;
        };
        let nothing = Trackers::default();
        let declared = declared.unwrap_or(&nothing);
        let messages = wire::read_items(field, value, customers, declared, &mut self.warnings);
        let Some(wire::message::Messages {
            number,
            digits,
            items,
        }) = messages
        else {
            return false;
        };
        let spelling = digits.map(|digits| Spelling {
            id: number.clone(),
            digits,
        });
        self.note_spelling(origin, spelling, key);
        let any = !items.is_empty();
        // Equal bytes of errors alone are a retry or a recurrence. With a message or a status, its id shows which.
        let are_errors_alone = items.len() == 1 && matches!(items[0].update, Update::Errors(_));
        for (index, item) in (0_u64..).zip(items) {
            let at = item.at.and_then(|at| self.accepted_time(at));
            let sent_at = at.or(origin.time).map(Timestamp::at_whole_seconds);
            let key = match item.identity {
                Some(identity) => delivery_key(number.as_str(), "", "messages", &identity),
                None => delivery_key(&key.0.to_string(), "", "messages", &index.to_string()),
            };
            let (source, observed_at) = match sent_at {
                Some(sent_at) => (Source::Webhook(key), sent_at),
                None if are_errors_alone => (Source::UndatedWebhook(key), self.receipt.at),
                None => (Source::Webhook(key), self.receipt.at.at_whole_seconds()),
            };
            self.events.push(Event {
                waba_id: waba_id.clone(),
                observed_at,
                source,
                fact: Fact::Message(WebhookUpdate {
                    phone_number_id: number.clone(),
                    received_at: self.receipt.expires_by(),
                    recipient: item.recipient,
                    update: item.update,
                }),
            });
        }
        any
    }
}
