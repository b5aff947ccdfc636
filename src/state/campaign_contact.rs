//! The last campaign that was delivered to a customer, and whether the customer replied to it or opted out.
//!
//! As in a conversation, events are sorted by their own time before they count, so the order of webhooks does not
//! matter. An event that arrives after the events around it were counted still counts as far as possible.

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
    /// Reordering buffer, sorted: events that are not counted yet.
    unsettled: Vec<(Timestamp, ContactEvent)>,
}

dated! { Delivery: at }

impl Dated for CampaignContact {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.last.times(see);
        self.unsettled.iter().for_each(|(at, _)| at.times(see));
    }

    fn redate(&mut self, to: &Redating) {
        self.last.redate(to);
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
        if at(&other.last) > at(&self.last) {
            self.last = other.last;
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
                let is_known = self
                    .last
                    .as_ref()
                    .is_some_and(|last| last.campaign == campaign);
                if !is_known {
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
        if self.last.as_ref().is_none_or(|last| last.at <= at) {
            self.last = Some(Delivery {
                campaign,
                at,
                replied: false,
                opted_out: false,
            });
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
mod tests {
    use proptest::prelude::*;

    use super::ContactEvent::{Delivered, Read, Stopped, Wrote};
    use super::*;

    const HOUR: i64 = 3_600;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_775_000_000 + seconds)
    }

    fn spring() -> ContactEvent {
        Delivered("spring".to_owned())
    }

    fn counted(events: &[(i64, ContactEvent)]) -> Vec<String> {
        let mut contact = CampaignContact::default();
        let mut counted = Vec::new();
        let mut count = |name: &str, stage: CampaignStage| {
            counted.push(format!("{name} {stage:?}"));
        };
        for (seconds, event) in events {
            contact.note(at(*seconds), event.clone(), &mut count);
        }
        contact.settle(at(i64::from(i32::MAX)), &mut count);
        counted
    }

    #[test]
    fn a_reply_and_an_opt_out_count_once_within_their_windows() {
        let replied = ["spring Replied"];
        assert_eq!(counted(&[(0, spring()), (5, Wrote), (9, Wrote)]), replied);
        assert_eq!(counted(&[(0, spring()), (24 * HOUR, Wrote)]), replied);
        let nothing = [""; 0];
        assert_eq!(counted(&[(0, spring()), (24 * HOUR + 1, Wrote)]), nothing);
        assert_eq!(counted(&[(0, spring()), (-1, Wrote)]), nothing);
        assert_eq!(counted(&[(5, Wrote), (5, Stopped)]), nothing);
        let stops = [(0, spring()), (72 * HOUR, Stopped), (72 * HOUR, Stopped)];
        assert_eq!(counted(&stops), ["spring OptedOut"]);
        assert_eq!(counted(&[(0, spring()), (72 * HOUR + 1, Stopped)]), nothing);
    }

    #[test]
    fn the_last_delivered_campaign_counts() {
        let summer = Delivered("summer".to_owned());
        let both = [(0, spring()), (10, summer), (20, Wrote), (30, Stopped)];
        assert_eq!(counted(&both), ["summer Replied", "summer OptedOut"]);
        // Each delivered message can have its reply.
        let twice = [(0, spring()), (5, Wrote), (10, spring()), (15, Wrote)];
        assert_eq!(counted(&twice), ["spring Replied", "spring Replied"]);
    }

    #[test]
    fn a_message_that_was_only_read_was_delivered() {
        let read = || Read("spring".to_owned());
        assert_eq!(counted(&[(0, read()), (5, Wrote)]), ["spring Replied"]);
        let after = [(0, spring()), (5, Wrote), (6, read()), (7, Wrote)];
        assert_eq!(
            counted(&after),
            ["spring Replied"],
            "it is the same message"
        );
    }

    #[test]
    fn the_buffer_is_bounded_and_survives_a_restart() {
        let mut contact = CampaignContact::default();
        let mut replies = 0;
        for seconds in 0..1_000 {
            contact.note(at(2 * seconds), spring(), |_, _| replies += 1);
            contact.note(at(2 * seconds + 1), Wrote, |_, _| replies += 1);
            assert!(contact.unsettled.len() <= MAX_UNSETTLED);
        }
        let saved = serde_json::to_string(&contact).expect("plain data");
        let mut read: CampaignContact = serde_json::from_str(&saved).expect("its own text");
        assert_eq!(read, contact);
        read.settle(at(i64::from(i32::MAX)), |_, _| replies += 1);
        assert_eq!(replies, 1_000);
        assert_eq!(
            read.remembered_until(),
            Some(at(1_998).plus(OPT_OUT_WINDOW))
        );
    }

    fn event() -> impl Strategy<Value = ContactEvent> {
        let name = || prop::sample::select(vec!["spring".to_owned(), "summer".to_owned()]);
        prop_oneof![
            name().prop_map(Delivered),
            name().prop_map(Read),
            Just(Wrote),
            Just(Stopped)
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_order_of_arrival_does_not_matter(
            events in prop::collection::vec((0_i64..100 * HOUR, event()), 0..40),
            seed: u64,
        ) {
            let mut shuffled = events.clone();
            fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
            prop_assert_eq!(counted(&events), counted(&shuffled));
        }
    }
}
