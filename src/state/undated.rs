//! Deduplicates webhooks without a timestamp.
//!
//! Such a webhook does not distinguish a retry from a recurrence: FLAGGED, UNFLAGGED, FLAGGED are three events,
//! and the first and the third have the same bytes. A webhook without a timestamp therefore counts as a retry
//! only if the last delivery about its subject contained it, and only for some hours.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::redate::{Dated, Redating};
use crate::domain::account::Update as AccountUpdate;
use crate::domain::message::Update as MessageUpdate;
use crate::domain::number::Update as NumberUpdate;
use crate::domain::template::Update as TemplateUpdate;
use crate::domain::{DeliveryKey, DisplayDigits, Fact, Timestamp, Word};

/// How long an equal webhook counts as a retry. Meta retries for days with increasing intervals; after this
/// time a recurrence is more likely.
const REPEATS_FOR: Duration = Duration::from_secs(6 * 3_600);

/// Maximum number of subjects per account, more than the numbers and templates with events on one day.
const MAX_SUBJECTS: usize = 512;

/// Maximum number of webhooks about one subject that are kept of one delivery: the first ones and the newest, with which
/// the next one is compared.
const MAX_KEYS: usize = 64;

/// The last webhooks without a timestamp about each subject, with their time of receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct UndatedEvents(BTreeMap<String, (RetryKeys, Timestamp)>);

/// The webhooks of one delivery about one subject, in their order. A single key is stored in the form of older
/// versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum RetryKeys {
    One(DeliveryKey),
    Several(Vec<DeliveryKey>),
}

impl RetryKeys {
    fn all(&self) -> &[DeliveryKey] {
        match self {
            Self::One(key) => std::slice::from_ref(key),
            Self::Several(keys) => keys,
        }
    }

    fn push(&mut self, key: DeliveryKey) {
        let mut keys = self.all().to_vec();
        keys.truncate(MAX_KEYS - 1);
        keys.push(key);
        *self = Self::Several(keys);
    }
}

impl Dated for UndatedEvents {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.0.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        self.0.redate(to);
    }
}

impl UndatedEvents {
    /// Whether this webhook is a retry of one in the last delivery about its subject. Webhooks with one time of
    /// receipt are of one delivery: there a webhook is only a repetition of the one directly before.
    pub fn is_repeat(&self, fact: &Fact, key: DeliveryKey, received_at: Timestamp) -> bool {
        let last = subject(fact).and_then(|subject| self.0.get(&subject));
        last.is_some_and(|(keys, at)| {
            let apart = received_at.since(*at).max(at.since(received_at));
            let is_known = if received_at == *at {
                keys.all().last() == Some(&key)
            } else {
                keys.all().contains(&key)
            };
            is_known && apart < REPEATS_FOR
        })
    }

    /// Records it as the last webhook about its subject.
    pub fn note(&mut self, fact: &Fact, key: DeliveryKey, received_at: Timestamp) {
        let Some(subject) = subject(fact) else {
            return;
        };
        // Entries that are too old to match a retry are removed; otherwise, every commit would store them again.
        self.0
            .retain(|_, (_, at)| received_at.since(*at) < REPEATS_FOR);
        match self.0.get_mut(&subject) {
            Some((keys, at)) if *at == received_at => keys.push(key),
            _ => drop(self.0.insert(subject, (RetryKeys::One(key), received_at))),
        }
        if self.0.len() > MAX_SUBJECTS {
            let oldest = self.0.iter().min_by_key(|(_, (_, at))| *at);
            let oldest = oldest.map(|(subject, _)| subject.clone());
            oldest.map(|subject| self.0.remove(&subject));
        }
    }
}

/// Subject of a webhook. A newer webhook supersedes an older one about the same subject.
fn subject(fact: &Fact) -> Option<String> {
    Some(match fact {
        Fact::Account(update) => match update {
            AccountUpdate::AccountUpdate { event, digits, .. } => {
                let digits = digits.as_ref().map_or("", DisplayDigits::as_str);
                format!("account {} {digits}", event.as_str())
            }
            AccountUpdate::Review(_) => "account review".to_owned(),
            AccountUpdate::Alert { alert, .. } => format!("account alert {}", alert.as_str()),
            AccountUpdate::Capability { .. } => "account capability".to_owned(),
            AccountUpdate::Flow { flow_id, event, .. } => {
                format!("account flow {flow_id} {}", event.as_str())
            }
        },
        Fact::Number(webhook) => {
            let about = match webhook.update {
                NumberUpdate::Quality { .. } => "quality",
                NumberUpdate::Name(_) => "name",
                NumberUpdate::Security(_) => "security",
                NumberUpdate::Groups(_) => "groups",
            };
            format!("number {} {about}", webhook.digits.as_str())
        }
        Fact::Template(webhook) => {
            let about = match webhook.update {
                TemplateUpdate::Status { .. } => "status",
                TemplateUpdate::Quality { .. } => "quality",
                TemplateUpdate::CategoryAnnounced { .. }
                | TemplateUpdate::CategoryChanged { .. }
                | TemplateUpdate::CategoryDetected { .. } => "category",
            };
            format!("template {} {about}", webhook.identity.id)
        }
        Fact::Message(webhook) => {
            let MessageUpdate::Errors(codes) = &webhook.update else {
                return None;
            };
            // Errors with different codes do not supersede each other.
            let code = codes.first()?;
            format!("messages {} errors {code}", webhook.phone_number_id)
        }
        Fact::NumberSpelled(spelling) => format!("number {} spelling", spelling.digits.as_str()),
        // These have ids of their own, or are not sent by webhook.
        Fact::AccountRead(_)
        | Fact::AccountLoss(_)
        | Fact::NumbersListed(_)
        | Fact::TemplatesListed(..)
        | Fact::InsightsRead(_)
        | Fact::Tracked(_)
        | Fact::CallsSpent(_)
        | Fact::TimePassed
        | Fact::ClockCorrected { .. }
        | Fact::Unwatched => return None,
    })
}
