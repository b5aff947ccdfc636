//! Turns a signed body into events, counts and parse warnings.
//!
//! Only a body that is not JSON is refused, because Meta retries refused deliveries for days. An unreadable entry or
//! change is counted, and the others are still parsed. The listener's limit on bodies bounds the number of changes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

use super::envelope::{Body, EnvelopeChange, EnvelopeEntry, OneOrNone, Parts, present, scalar};
use super::{lanes, wire};
use crate::domain::number::Spelling;
use crate::domain::track::Trackers;
use crate::domain::{
    DeliveryKey, Event, Fact, LaneSet, Receipt, Source, Timestamp, WabaId, WebhookField, Word,
    message,
};
use crate::ingest::json::{moment, read_text, repaired};
use crate::ingest::key::delivery_key;
use crate::ingest::{CustomerHasher, ParseWarning, ParseWarnings};
use crate::telemetry::Telemetry;

/// The `object` of WhatsApp webhooks.
const OBJECT: &str = "whatsapp_business_account";

/// Account id in webhooks of the App Dashboard's Test button.
const TEST_ACCOUNT: &str = "0";

/// The content of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// One for each change with account, field and value, except those of the Test button.
    pub events: Vec<Event>,
    /// Spellings of phone numbers from message webhooks, each number once. Most are already known.
    pub spellings: Vec<Event>,
    /// The field of every change, including changes without an event.
    pub fields: Vec<WebhookField>,
    /// Parse warnings.
    pub warnings: ParseWarnings,
    /// The accounts in the delivery: one for each entry, and for each value that names another account.
    pub accounts: Vec<AccountActivity>,
    /// The relay lanes of the delivery. Empty if deliveries are not relayed.
    pub lanes: LaneSet,
    receipt: Receipt,
}

/// Activity of an account: an entry of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountActivity {
    /// The account.
    pub waba_id: WabaId,
    /// `entry[].time`, or the time of receipt if that is far earlier. `None` if Meta sent no time.
    pub entry_time: Option<Timestamp>,
    /// `entry[].time` as Meta wrote it, before validation.
    pub claimed_time: Option<Timestamp>,
}

/// The hashers for the parts of a delivery that need them, and the names that it may contain.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hashers<'a> {
    /// For conversations. `None` if messages are not tracked.
    pub conversations: Option<&'a CustomerHasher>,
    /// The declared journeys and campaigns. `None` if there are none.
    pub declared: Option<&'a Trackers>,
    /// For lanes. `None` if deliveries are not relayed.
    pub lanes: Option<&'a CustomerHasher>,
}

/// The body is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the body is not JSON")]
pub struct NotJson;

impl NotJson {
    /// The label value of `whatsapp_exporter_webhook_rejected_total{reason}`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        "not_json"
    }
}

impl Delivery {
    /// Parses a body whose signature has been verified. Without `customers`, messages are not parsed.
    ///
    /// # Errors
    /// If the body is not JSON.
    pub fn parse(
        body: &[u8],
        receipt: impl Into<Receipt>,
        customers: Option<&CustomerHasher>,
    ) -> Result<Self, NotJson> {
        let hashers = Hashers {
            conversations: customers,
            ..Hashers::default()
        };
        Self::parse_with(body, receipt, hashers)
    }

    /// Like [`parse`](Self::parse), but also determines the lanes if there is a hasher for them.
    ///
    /// # Errors
    /// If the body is not JSON.
    pub fn parse_with(
        body: &[u8],
        receipt: impl Into<Receipt>,
        hashers: Hashers<'_>,
    ) -> Result<Self, NotJson> {
        let mut delivery = Self {
            events: Vec::new(),
            spellings: Vec::new(),
            fields: Vec::new(),
            warnings: ParseWarnings::new(),
            accounts: Vec::new(),
            receipt: receipt.into(),
            lanes: LaneSet::default(),
        };
        // One check for the whole body instead of one for each value.
        if let Ok(text) = str::from_utf8(body)
            && let Ok(envelope) = serde_json::from_str(text)
        {
            delivery.read_envelope(envelope, Written::new(body, text), hashers);
            return Ok(delivery);
        }
        let (text, repairs) = repaired(body);
        let envelope = serde_json::from_str(&text).map_err(|_| NotJson)?;
        let replaced = ParseWarning::from_repairs("webhook", &repairs);
        delivery.warnings.extend(replaced);
        delivery.read_envelope(envelope, Written::new(body, &text), hashers);
        Ok(delivery)
    }

    /// Drops the events of accounts for which `is_refused` holds, and returns these accounts with the number of
    /// their events.
    pub fn drop_accounts(&mut self, is_refused: impl Fn(&WabaId) -> bool) -> BTreeMap<WabaId, u64> {
        let mut refused = BTreeMap::new();
        self.events.retain(|event| {
            let is_refused = is_refused(&event.waba_id);
            if is_refused {
                *refused.entry(event.waba_id.clone()).or_default() += 1;
            }
            !is_refused
        });
        self.spellings.retain(|event| !is_refused(&event.waba_id));
        self.accounts
            .retain(|activity| !is_refused(&activity.waba_id));
        refused
    }

    /// Updates the metrics of the delivery itself: its changes, its warnings, and for watched accounts the lag and
    /// the time of receipt, if this replica exports them. The store counts duplicate and stale changes.
    pub fn record(
        &self,
        telemetry: &Telemetry,
        is_watched: impl Fn(&WabaId) -> bool,
        is_exported: impl Fn(&WabaId) -> bool,
    ) {
        telemetry.webhook_deliveries.inc();
        for field in &self.fields {
            let label = [field.as_str()];
            telemetry.webhook_changes.with_label_values(&label).inc();
        }
        for parse_warning in &self.warnings {
            parse_warning.record(telemetry);
        }
        for activity in self.accounts.iter().filter(|it| is_watched(&it.waba_id)) {
            if is_exported(&activity.waba_id) {
                telemetry.note_webhook(&activity.waba_id, self.receipt.at);
            }
            if let Some(sent_at) = activity.entry_time {
                let lag = self.receipt.at.since(sent_at);
                telemetry.webhook_lag.observe(lag.as_secs_f64());
            }
        }
    }

    fn read_envelope(
        &mut self,
        OneOrNone(body): OneOrNone<Body<'_>>,
        written: Written<'_>,
        hashers: Hashers<'_>,
    ) {
        match body {
            Some(body) => self.read_body(body, written, hashers),
            None => self.malformed("webhook", "body"),
        }
    }

    fn read_body(&mut self, body: Body<'_>, written: Written<'_>, hashers: Hashers<'_>) {
        match body.object.and_then(scalar) {
            Some(object) if object == OBJECT => {}
            Some(object) => {
                let parse_warning = ParseWarning::unknown("webhook", "object", &object);
                self.warnings.push(parse_warning);
            }
            None => self.malformed("webhook", "object"),
        }
        let Some(Parts(entries)) = body.entries else {
            return self.malformed("webhook", "entry");
        };
        for entry in entries {
            match entry {
                Some(entry) => self.read_entry(entry, written, hashers),
                None => self.malformed("webhook", "entry"),
            }
        }
    }

    fn read_entry(&mut self, entry: EnvelopeEntry<'_>, written: Written<'_>, hashers: Hashers<'_>) {
        let origin = self.origin_of(&entry, written);
        if let Some(waba_id) = origin.waba_id.clone() {
            self.accounts.push(AccountActivity {
                waba_id,
                entry_time: origin.time,
                claimed_time: origin.claimed_time,
            });
        }
        let Some(Parts(changes)) = entry.changes else {
            self.add_account_lane(&origin, None, hashers);
            return self.malformed("entry", "changes");
        };
        for change in changes {
            match change {
                Some(change) => self.read_change(&origin, &change, hashers),
                None => {
                    self.add_account_lane(&origin, None, hashers);
                    self.malformed("entry", "changes");
                }
            }
        }
    }

    fn origin_of<'a>(&mut self, entry: &EnvelopeEntry<'a>, written: Written<'a>) -> Origin<'a> {
        let id = entry.id.and_then(scalar).unwrap_or_default();
        let is_test = id == TEST_ACCOUNT;
        let waba_id = WabaId::parse(&id).filter(|_| !is_test);
        if waba_id.is_none() && !is_test {
            self.malformed("entry", "id");
        }
        let time = present(entry.time);
        let claimed_time = time.and_then(scalar).and_then(|text| moment(&text));
        let accepted_time = claimed_time.and_then(|time| self.accepted_time(time));
        if time.is_some() && (accepted_time.is_none() || accepted_time != claimed_time) {
            self.malformed("entry", "time");
        }
        Origin {
            id,
            is_test,
            waba_id,
            time_as_written: time.map_or(&[], |time| written.bytes_of(time)),
            claimed_time,
            time: accepted_time,
            written,
        }
    }

    fn read_change(
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
    fn add_account_lane(
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
        let told_at = origin.time.or(own_time);
        let (source, observed_at) = match told_at {
            // Truncated to seconds, to be comparable with all other times.
            Some(told_at) => (Source::Webhook(key), told_at.at_whole_seconds()),
            // Only their order of arrival is known, so the milliseconds of receipt are kept.
            None if reading.fact != Fact::Unwatched => {
                (Source::UndatedWebhook(key), self.receipt.at)
            }
            None => (Source::Webhook(key), self.receipt.at.at_whole_seconds()),
        };
        self.events.push(Event {
            waba_id,
            observed_at,
            source,
            fact: reading.fact,
        });
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
        for (index, item) in (0_u64..).zip(items) {
            let at = item.at.and_then(|at| self.accepted_time(at));
            self.events.push(Event {
                waba_id: waba_id.clone(),
                observed_at: at
                    .or(origin.time)
                    .unwrap_or(self.receipt.at)
                    .at_whole_seconds(),
                source: Source::Webhook(match item.identity {
                    Some(identity) => delivery_key(number.as_str(), "", "messages", &identity),
                    None => delivery_key(&key.0.to_string(), "", "messages", &index.to_string()),
                }),
                fact: Fact::Message(message::WebhookUpdate {
                    phone_number_id: number.clone(),
                    received_at: self.receipt.expires_by(),
                    recipient: item.recipient,
                    update: item.update,
                }),
            });
        }
        any
    }

    /// The time that an event is given, if the claimed time is valid.
    fn accepted_time(&self, time: Timestamp) -> Option<Timestamp> {
        (Timestamp::default() < time).then(|| self.receipt.accepted_time(time))
    }

    fn malformed(&mut self, noun: &'static str, key: &'static str) {
        self.warnings.push(ParseWarning::Malformed { noun, key });
    }
}

/// The received body, and the repaired text of the same length.
#[derive(Clone, Copy)]
struct Written<'a> {
    received: &'a [u8],
    read: &'a str,
}

impl<'a> Written<'a> {
    fn new(received: &'a [u8], read: &'a str) -> Self {
        Self { received, read }
    }

    /// The received bytes at the position of this part of the text. Retries repeat these bytes, whether they
    /// were repaired or not.
    fn bytes_of(self, part: &'a RawValue) -> &'a [u8] {
        let part = part.get();
        let from = part.as_ptr().addr() - self.read.as_ptr().addr();
        &self.received[from..from + part.len()]
    }
}

/// Data that the changes of one entry share.
struct Origin<'a> {
    /// `id` as text. Empty if it is missing or is not text.
    id: Cow<'a, str>,
    is_test: bool,
    waba_id: Option<WabaId>,
    /// `time` as written, for the delivery key. Empty if it is missing.
    time_as_written: &'a [u8],
    claimed_time: Option<Timestamp>,
    time: Option<Timestamp>,
    written: Written<'a>,
}
