//! Turns a signed body into events, counts and parse warnings.
//!
//! Only a body that is not JSON is refused, because Meta retries refused deliveries for days. An unreadable entry or
//! change is counted, and the others are still parsed. The listener's limit on bodies bounds the number of changes.

mod change;
mod entry;

use std::collections::BTreeMap;

use thiserror::Error;

use self::entry::Written;
use super::envelope::{Body, OneOrNone, Parts, scalar};
use crate::domain::track::Trackers;
use crate::domain::{Event, LaneSet, Receipt, Timestamp, WabaId, WebhookField, Word};
use crate::ingest::json::repaired;
use crate::ingest::{CustomerHasher, ParseWarning, ParseWarnings};
use crate::telemetry::Telemetry;

/// The `object` of WhatsApp webhooks.
const OBJECT: &str = "whatsapp_business_account";

/// The content of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// At least one for each change with account, field and value, except those of the Test button.
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

    /// The time that an event is given, if the claimed time is valid.
    fn accepted_time(&self, time: Timestamp) -> Option<Timestamp> {
        (Timestamp::default() < time).then(|| self.receipt.accepted_time(time))
    }

    fn malformed(&mut self, noun: &'static str, key: &'static str) {
        self.warnings.push(ParseWarning::Malformed { noun, key });
    }
}
