//! One customer of one phone number, in the count of recipients: the open service windows, and the deliveries outside
//! of them.
//!
//! Meta counts a delivery unless the customer has written to or called the same number in the 24 hours before it. A
//! window covers deliveries whether its message arrives before them or later, so all data that can still affect the
//! count is kept: windows for 48 hours after the last message, deliveries outside a window for 24 hours. The order in
//! which webhooks arrive therefore has no effect, however late they are.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::redate::{Dated, Redating, dated};
use crate::domain::{RecipientKey, Timestamp};

/// Length of a customer service window after the customer's last message or call, and the period in which Meta counts
/// recipients.
pub const WINDOW: Duration = Duration::from_secs(24 * 3_600);

/// How long a window is kept after the customer's last message or call: it covers deliveries for one period, which
/// count for another one.
const KEPT: Duration = Duration::from_secs(48 * 3_600);

/// Maximum number of deliveries outside a window that are kept, newest first. The newest one decides how long the
/// customer counts. Older deliveries matter only if a late message of the customer covers the newer ones.
const MAX_UNCOVERED: usize = 16;

/// Maximum number of windows that are kept, newest first. Each lasts at least 24 hours and begins after the end of the
/// previous one, so only two can affect the count. A third window can only result from a clock that was ahead.
const MAX_WINDOWS: usize = 3;

/// Maximum number of remembered ids of a customer, besides the main one.
const MAX_IDS: usize = 8;

/// The state of one customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Sorted.
    #[serde(default, skip_serializing_if = "is_empty")]
    windows: Box<[ServiceWindow]>,
    /// Times of deliveries outside of the windows, sorted.
    #[serde(default, skip_serializing_if = "is_empty")]
    uncovered: Box<[Timestamp]>,
    /// The ids that were seen together with the main one.
    #[serde(default, skip_serializing_if = "is_empty")]
    other_ids: Box<[RecipientKey]>,
    /// Whether the main id is a business-scoped user id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    has_user_id: bool,
}

fn is_empty<T>(list: &[T]) -> bool {
    list.is_empty()
}

/// Messages and calls of the customer, each within 24 hours after the previous one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct ServiceWindow {
    first: Timestamp,
    last: Timestamp,
}

dated! { ServiceWindow: first last }

impl ServiceWindow {
    fn end(self) -> Timestamp {
        self.last.plus(WINDOW)
    }

    fn covers(self, delivered_at: Timestamp) -> bool {
        self.first <= delivered_at && delivered_at <= self.end()
    }

    fn touches(self, other: Self) -> bool {
        self.first <= other.end() && other.first <= self.end()
    }

    fn with(self, other: Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }
}

impl Dated for Recipient {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.windows.iter().for_each(|window| window.times(see));
        self.uncovered.iter().for_each(|at| at.times(see));
    }

    fn redate(&mut self, to: &Redating) {
        self.windows.iter_mut().for_each(|window| window.redate(to));
        self.uncovered.iter_mut().for_each(|at| at.redate(to));
        // A move changes distances between times.
        for window in std::mem::take(&mut self.windows) {
            self.open(window);
        }
        for at in std::mem::take(&mut self.uncovered) {
            self.note_delivery(at);
        }
    }
}

impl Recipient {
    /// Notes that the customer wrote or called.
    pub(super) fn note_inbound(&mut self, at: Timestamp) {
        self.open(ServiceWindow {
            first: at,
            last: at,
        });
    }

    /// Notes a delivery to the customer.
    pub(super) fn note_delivery(&mut self, at: Timestamp) {
        let is_covered = self.windows.iter().any(|window| window.covers(at));
        if !is_covered {
            let kept = self.uncovered.iter().copied().filter(|known| *known != at);
            self.uncovered = newest(kept.chain([at]), MAX_UNCOVERED);
        }
    }

    /// Time of the last delivery outside a window. `None` without one.
    pub(super) fn last_uncovered(&self) -> Option<Timestamp> {
        self.uncovered.last().copied()
    }

    /// Time at which the first part of the data can be removed. `None` if there is none.
    pub(super) fn first_due(&self) -> Option<Timestamp> {
        let windows = self.windows.iter().map(|window| window.last.plus(KEPT));
        let deliveries = self.uncovered.iter().map(|at| at.plus(WINDOW));
        windows.chain(deliveries).min()
    }

    /// Removes data that does not affect the count at this time or later.
    pub(super) fn expire(&mut self, now: Timestamp) {
        let windows = self.windows.iter().copied();
        self.windows = windows
            .filter(|window| window.last.plus(KEPT) > now)
            .collect();
        let deliveries = self.uncovered.iter().copied();
        self.uncovered = deliveries.filter(|at| at.plus(WINDOW) > now).collect();
    }

    /// Whether the main id is a user id. If not, it may prove to be an id of another customer.
    pub(super) fn has_user_id(&self) -> bool {
        self.has_user_id
    }

    /// Notes that the main id is a user id.
    pub(super) fn note_user_id(&mut self) {
        self.has_user_id = true;
    }

    /// The other ids.
    pub(super) fn other_ids(&self) -> &[RecipientKey] {
        &self.other_ids
    }

    /// Adds an id.
    pub(super) fn note_id(&mut self, id: RecipientKey) {
        let kept = self.other_ids.iter().copied().filter(|known| *known != id);
        // The newest are those at the end.
        let mut ids: Vec<_> = kept.chain([id]).collect();
        let surplus = ids.len().saturating_sub(MAX_IDS);
        self.other_ids = ids.split_off(surplus).into();
    }

    /// Forgets an id.
    pub(super) fn forget_id(&mut self, id: RecipientKey) {
        let kept = self.other_ids.iter().copied().filter(|known| *known != id);
        self.other_ids = kept.collect();
    }

    /// Takes over the data of another customer who proves to be the same.
    pub(super) fn absorb(&mut self, other: &Self) {
        for window in &other.windows {
            self.open(*window);
        }
        for at in &other.uncovered {
            self.note_delivery(*at);
        }
        for id in &other.other_ids {
            self.note_id(*id);
        }
    }

    fn open(&mut self, window: ServiceWindow) {
        let known = self.windows.iter().copied();
        let (joined, apart): (Vec<_>, Vec<_>) = known.partition(|known| known.touches(window));
        let window = joined.into_iter().fold(window, ServiceWindow::with);
        self.windows = newest(apart.into_iter().chain([window]), MAX_WINDOWS);
        let deliveries = self.uncovered.iter().copied();
        self.uncovered = deliveries.filter(|at| !window.covers(*at)).collect();
    }
}

/// The newest of these, sorted.
fn newest<T: Ord>(all: impl Iterator<Item = T>, most: usize) -> Box<[T]> {
    let mut sorted: Vec<T> = all.collect();
    sorted.sort_unstable();
    let surplus = sorted.len().saturating_sub(most);
    sorted.split_off(surplus).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_seconds(1_775_000_000 + hours * HOUR)
    }

    fn recipient(inbound: &[i64], delivered: &[i64]) -> Recipient {
        let mut one = Recipient::default();
        inbound.iter().for_each(|hour| one.note_inbound(at(*hour)));
        delivered
            .iter()
            .for_each(|hour| one.note_delivery(at(*hour)));
        one
    }

    #[test]
    fn a_delivery_counts_unless_the_customer_wrote_in_the_day_before() {
        for (inbound, delivered, last) in [
            (&[][..], &[5][..], Some(5)),
            (&[5], &[5], None),
            (&[5], &[29], None),
            (&[5], &[30], Some(30)),
            (&[5], &[4, 28], Some(4)),
            (&[5, 27], &[40, 51, 52], Some(52)),
            (&[60, 5], &[40, 61], Some(40)),
        ] {
            let first = recipient(inbound, delivered);
            assert_eq!(first.last_uncovered(), last.map(at), "{inbound:?}");
            // The other order of arrival.
            let mut second = recipient(&[], delivered);
            let inbound = inbound.iter().rev();
            inbound.for_each(|hour| second.note_inbound(at(*hour)));
            assert_eq!(second, first);
        }
    }

    #[test]
    fn data_that_no_longer_affects_the_count_is_removed() {
        let mut one = recipient(&[0], &[30, 40]);
        assert_eq!(one.first_due(), Some(at(48)));
        one.expire(at(48));
        assert_eq!(one, recipient(&[], &[30, 40]));
        assert_eq!(one.first_due(), Some(at(54)));
        one.expire(at(63));
        assert_eq!(one, recipient(&[], &[40]));
        one.expire(at(64));
        assert_eq!((one.first_due(), one), (None, Recipient::default()));
    }

    #[test]
    fn lists_are_limited_and_the_newest_stay() {
        let many: Vec<i64> = (0..40).rev().collect();
        let mut one = recipient(&[], &many);
        assert_eq!(one.uncovered.len(), MAX_UNCOVERED);
        assert_eq!(one.last_uncovered(), Some(at(39)));
        for id in 0..20 {
            one.note_id(RecipientKey(id));
        }
        assert_eq!(
            one.other_ids(),
            (12..20).map(RecipientKey).collect::<Vec<_>>()
        );
        let apart: Vec<i64> = (0..10).map(|day| day * 30).collect();
        let one = recipient(&apart, &[]);
        assert_eq!(one.windows.len(), MAX_WINDOWS);
        assert_eq!(one.windows[MAX_WINDOWS - 1].last, at(270));
    }

    #[test]
    fn the_stored_form_is_compact_and_complete() {
        let mut one = recipient(&[0], &[30]);
        one.note_id(RecipientKey(7));
        one.note_user_id();
        let text = serde_json::to_string(&one).expect("plain data");
        assert_eq!(serde_json::from_str::<Recipient>(&text).ok(), Some(one));
        assert_eq!(serde_json::from_str("{}").ok(), Some(Recipient::default()));
        let text = serde_json::to_string(&recipient(&[], &[30])).expect("plain data");
        assert_eq!(text, r#"{"uncovered":[1775108000000]}"#);
    }
}
