//! The last campaign that was delivered to a customer, and whether the customer replied to it or opted out.
//!
//! As in a conversation, events are sorted by their own time before they count, so the order of webhooks does not
//! matter. An event that arrives after the events around it were counted still counts as far as possible.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::redate::{Dated, Redating, dated};
use crate::domain::Timestamp;
use crate::domain::campaign::CampaignStage;

/// How long after the delivery a message of the customer is a reply: as long as the customer service window that it
/// opens.
const REPLY_WINDOW: Duration = Duration::from_secs(24 * 3_600);

/// How long after the delivery an opt-out belongs to the campaign. People often stop marketing messages only when they
/// read them again.
const OPT_OUT_WINDOW: Duration = Duration::from_secs(72 * 3_600);

/// Maximum number of events in the reordering buffer, as for a conversation.
const MAX_UNSETTLED: usize = 64;

/// Maximum number of campaigns before the last one whose delivery is remembered. A contact lasts three days after its
/// last delivery, and Meta limits marketing messages per customer far below this.
const MAX_EARLIER: usize = 8;

/// An event. The order breaks ties, because Meta's times are whole seconds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum ContactEvent {
    /// A message of this campaign was delivered.
    Delivered(String),
    /// A message of this campaign was read. Some messages that are read immediately have no status `delivered`.
    Read(String),
    /// The customer sent a message.
    Wrote,
    /// The customer stopped marketing messages.
    Stopped,
}

/// The last delivered message of a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Delivery {
    campaign: String,
    at: Timestamp,
    replied: bool,
    opted_out: bool,
}

/// The campaigns of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CampaignContact {
    last: Option<Delivery>,
    /// The campaigns that were delivered before the last one, by the time of their delivery. Their reads are no
    /// deliveries.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    earlier: BTreeMap<String, Timestamp>,
    /// Reordering buffer, sorted: events that are not counted yet.
    unsettled: Vec<(Timestamp, ContactEvent)>,
}

dated! { Delivery: at }

impl Dated for CampaignContact {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.last.times(see);
        self.earlier.times(see);
        self.unsettled.iter().for_each(|(at, _)| at.times(see));
    }

    fn redate(&mut self, to: &Redating) {
        self.last.redate(to);
        self.earlier.redate(to);
        self.unsettled.iter_mut().for_each(|(at, _)| at.redate(to));
        self.unsettled.sort();
    }
}

impl CampaignContact {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds an event.
    pub fn note(
        &mut self,
        at: Timestamp,
        event: ContactEvent,
        mut count: impl FnMut(&str, CampaignStage),
    ) {
        let event = (at, event);
        let place = self.unsettled.partition_point(|one| *one <= event);
        self.unsettled.insert(place, event);
        if self.unsettled.len() > MAX_UNSETTLED {
            let (at, event) = self.unsettled.remove(0);
            self.apply(at, event, &mut count);
        }
    }

    /// Counts the events before this moment.
    pub fn settle(&mut self, until: Timestamp, mut count: impl FnMut(&str, CampaignStage)) {
        let settled = self.unsettled.partition_point(|(at, _)| *at <= until);
        let settled: Vec<_> = self.unsettled.drain(..settled).collect();
        for (at, event) in settled {
            self.apply(at, event, &mut count);
        }
    }

    /// Time of the first event that is not counted yet.
    pub fn first_unsettled(&self) -> Option<Timestamp> {
        self.unsettled.first().map(|(at, _)| *at)
    }

    /// Time until which an opt-out may belong to the campaign. `None` if nothing is known.
    pub fn remembered_until(&self) -> Option<Timestamp> {
        let delivered = self.last.iter().map(|last| last.at);
        let unsettled = self.unsettled.last().map(|(at, _)| *at);
        let last_at = delivered.chain(unsettled).max()?;
        Some(last_at.plus(OPT_OUT_WINDOW))
    }

    /// Takes over the campaigns of another customer who proves to be the same.
    pub fn absorb(&mut self, other: Self) {
        let at = |delivery: &Option<Delivery>| delivery.as_ref().map(|one| one.at);
        let older = if at(&other.last) > at(&self.last) {
            std::mem::replace(&mut self.last, other.last)
        } else {
            other.last
        };
        let older = older.map(|delivery| (delivery.campaign, delivery.at));
        for (campaign, at) in other.earlier.into_iter().chain(older) {
            self.note_earlier(campaign, at);
        }
        self.unsettled.extend(other.unsettled);
        self.unsettled.sort();
    }

    fn apply(
        &mut self,
        at: Timestamp,
        event: ContactEvent,
        count: &mut impl FnMut(&str, CampaignStage),
    ) {
        match event {
            ContactEvent::Delivered(campaign) => self.deliver(at, campaign),
            ContactEvent::Read(campaign) => {
                if !self.is_delivered(&campaign) {
                    self.deliver(at, campaign);
                }
            }
            ContactEvent::Wrote => {
                if let Some(last) = self
                    .last
                    .as_mut()
                    .filter(|last| last.covers(at, REPLY_WINDOW))
                    && !std::mem::replace(&mut last.replied, true)
                {
                    count(&last.campaign, CampaignStage::Replied);
                }
            }
            ContactEvent::Stopped => {
                if let Some(last) = self
                    .last
                    .as_mut()
                    .filter(|last| last.covers(at, OPT_OUT_WINDOW))
                    && !std::mem::replace(&mut last.opted_out, true)
                {
                    count(&last.campaign, CampaignStage::OptedOut);
                }
            }
        }
    }

    fn deliver(&mut self, at: Timestamp, campaign: String) {
        if self.last.as_ref().is_some_and(|last| last.at > at) {
            return self.note_earlier(campaign, at);
        }
        let before = self.last.replace(Delivery {
            campaign,
            at,
            replied: false,
            opted_out: false,
        });
        if let Some(before) = before {
            self.note_earlier(before.campaign, before.at);
        }
    }

    fn is_delivered(&self, campaign: &str) -> bool {
        let is_last = self.last.iter().any(|last| last.campaign == campaign);
        is_last || self.earlier.contains_key(campaign)
    }

    fn note_earlier(&mut self, campaign: String, at: Timestamp) {
        let known = self.earlier.entry(campaign).or_insert(at);
        *known = at.max(*known);
        if self.earlier.len() > MAX_EARLIER {
            let oldest = self.earlier.iter().min_by_key(|(name, at)| (**at, *name));
            let oldest = oldest.map(|(name, _)| name.clone());
            oldest.map(|name| self.earlier.remove(&name));
        }
    }
}

impl Delivery {
    /// Whether the time is within this period after the delivery.
    fn covers(&self, at: Timestamp, period: Duration) -> bool {
        self.at <= at && at.since(self.at) <= period
    }
}

#[cfg(test)]
mod tests;
