//! Which delivery an upstream gets next: the oldest whose accounts have nothing older waiting.
//!
//! Pure: it is told what came, what became of it, and what time it is. An account whose delivery is not
//! taken waits; the others go on.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::domain::{Timestamp, WabaId};
use crate::store::Waiting;

/// The wait after a first failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest wait between two tries: an upstream that is back has everything soon.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Deliveries that wait, each account's in the order they came.
#[derive(Debug, Default)]
pub(super) struct Queue {
    entries: BTreeMap<i64, Entry>,
    lanes: HashMap<WabaId, VecDeque<i64>>,
    /// First in all their lanes, and not being sent.
    ready: BTreeSet<i64>,
    /// First in all their lanes, and to be tried again at that moment.
    resting: BTreeSet<(Instant, i64)>,
}

#[derive(Debug)]
struct Entry {
    received_at: Timestamp,
    waba_ids: BTreeSet<WabaId>,
    failures: u32,
    is_being_sent: bool,
}

impl Queue {
    /// One more, later than all before it.
    pub fn add(&mut self, waiting: Waiting) {
        let parcel = waiting.parcel;
        let waba_ids: BTreeSet<WabaId> = waiting.waba_ids.into_iter().collect();
        for waba_id in &waba_ids {
            let lane = self.lanes.entry(waba_id.clone()).or_default();
            lane.push_back(parcel);
        }
        let entry = Entry {
            received_at: waiting.received_at,
            waba_ids,
            failures: 0,
            is_being_sent: false,
        };
        self.entries.insert(parcel, entry);
        self.look_whether_ready(parcel);
    }

    /// The next to send, until [`done`](Self::done) or [`failed`](Self::failed) says what became of it.
    pub fn take(&mut self, now: Instant) -> Option<i64> {
        while let Some((due, parcel)) = self.resting.first().copied().filter(|(due, _)| *due <= now)
        {
            self.resting.remove(&(due, parcel));
            self.ready.insert(parcel);
        }
        let parcel = self.ready.pop_first()?;
        if let Some(entry) = self.entries.get_mut(&parcel) {
            entry.is_being_sent = true;
        }
        Some(parcel)
    }

    /// It need not be sent any more. When it came, if it was still waited for.
    pub fn done(&mut self, parcel: i64) -> Option<Timestamp> {
        let entry = self.entries.remove(&parcel)?;
        self.ready.remove(&parcel);
        self.resting.retain(|(_, resting)| *resting != parcel);
        for waba_id in &entry.waba_ids {
            let Some(lane) = self.lanes.get_mut(waba_id) else {
                continue;
            };
            lane.retain(|other| *other != parcel);
            match lane.front().copied() {
                Some(next) => self.look_whether_ready(next),
                None => drop(self.lanes.remove(waba_id)),
            }
        }
        Some(entry.received_at)
    }

    /// It was not taken, and is tried again later.
    pub fn failed(&mut self, parcel: i64, now: Instant) {
        if let Some(entry) = self.entries.get_mut(&parcel) {
            let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(entry.failures));
            entry.failures += 1;
            entry.is_being_sent = false;
            self.resting.insert((now + wait.min(LONGEST_WAIT), parcel));
        }
    }

    /// Everything before this one is gone from the store; returns how many were waiting.
    pub fn drop_before(&mut self, oldest: i64) -> usize {
        let gone: Vec<i64> = self.entries.range(..oldest).map(|(id, _)| *id).collect();
        for parcel in &gone {
            self.done(*parcel);
        }
        gone.len()
    }

    /// Those that came before this moment, and are not being sent just now; they wait no longer.
    pub fn expire(&mut self, before: Timestamp) -> Vec<i64> {
        let old = self
            .entries
            .iter()
            .take_while(|(_, entry)| entry.received_at < before);
        let old = old.filter(|(_, entry)| !entry.is_being_sent);
        let old: Vec<i64> = old.map(|(parcel, _)| *parcel).collect();
        for parcel in &old {
            self.done(*parcel);
        }
        old
    }

    /// When the next one that rests is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.resting.first().map(|(due, _)| *due)
    }

    /// How many wait, those being sent included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// When the oldest came.
    pub fn oldest(&self) -> Option<Timestamp> {
        let first = self.entries.first_key_value();
        first.map(|(_, entry)| entry.received_at)
    }

    fn look_whether_ready(&mut self, parcel: i64) {
        let Some(entry) = self.entries.get(&parcel) else {
            return;
        };
        let is_first = |waba_id| {
            let lane = self.lanes.get(waba_id);
            lane.and_then(VecDeque::front) == Some(&parcel)
        };
        let is_resting = entry.failures > 0;
        if !entry.is_being_sent && !is_resting && entry.waba_ids.iter().all(is_first) {
            self.ready.insert(parcel);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn waiting(parcel: i64, accounts: &[u8]) -> Waiting {
        let waba_id = |account: &u8| WabaId::parse(&format!("{account}")).expect("an id");
        Waiting {
            parcel,
            received_at: Timestamp::from_seconds(parcel),
            waba_ids: accounts.iter().map(waba_id).collect(),
        }
    }

    fn queue(all: &[&[u8]]) -> Queue {
        let mut queue = Queue::default();
        for (parcel, accounts) in (1..).zip(all) {
            queue.add(waiting(parcel, accounts));
        }
        queue
    }

    fn take_all(queue: &mut Queue, now: Instant) -> Vec<i64> {
        std::iter::from_fn(|| queue.take(now)).collect()
    }

    #[test]
    fn an_account_waits_for_its_own_and_not_for_others() {
        let now = Instant::now();
        let mut queue = queue(&[&[1], &[1], &[2], &[1, 2], &[], &[2]]);
        assert_eq!(take_all(&mut queue, now), [1, 3, 5]);
        queue.done(3);
        assert_eq!(queue.take(now), None, "4 waits for account 1 as well");
        queue.done(1);
        assert_eq!(take_all(&mut queue, now), [2]);
        queue.done(2);
        assert_eq!(take_all(&mut queue, now), [4]);
        queue.done(4);
        assert_eq!(take_all(&mut queue, now), [6]);
    }

    #[test]
    fn what_failed_is_tried_again_ever_more_rarely() {
        let mut now = Instant::now();
        let mut queue = queue(&[&[1], &[1]]);
        let mut waits = Vec::new();
        for _ in 0..9 {
            assert_eq!(queue.take(now), Some(1));
            queue.failed(1, now);
            assert_eq!(queue.take(now), None);
            let due = queue.next_due().expect("it rests");
            waits.push((due - now).as_millis());
            now = due;
        }
        assert_eq!(
            waits,
            [500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]
        );
        assert_eq!(queue.take(now), Some(1));
        queue.done(1);
        assert_eq!((queue.take(now), queue.next_due()), (Some(2), None));
    }

    #[test]
    fn what_is_too_old_or_gone_makes_way() {
        let now = Instant::now();
        let mut queue = queue(&[&[1], &[1], &[1], &[1]]);
        assert_eq!(queue.take(now), Some(1));
        assert_eq!(
            queue.expire(Timestamp::from_seconds(3)),
            [2],
            "1 is being sent"
        );
        assert_eq!(queue.oldest(), Some(Timestamp::from_seconds(1)));
        assert_eq!((queue.drop_before(4), queue.len()), (2, 1));
        assert_eq!(queue.take(now), Some(4));
        queue.failed(1, now);
        assert_eq!((queue.done(1), queue.next_due()), (None, None));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever fails when: everything is delivered once, each account's in order, and nothing is
        /// left behind.
        #[test]
        fn each_account_gets_all_of_its_own_in_order(
            all in prop::collection::vec(prop::collection::vec(0_u8..4, 0..3), 1..40),
            outcomes in prop::collection::vec(any::<(bool, prop::sample::Index)>(), 0..200),
        ) {
            let lists: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
            let mut queue = queue(&lists);
            let (mut now, mut sending, mut delivered) = (Instant::now(), Vec::new(), Vec::new());
            let mut outcomes = outcomes.into_iter();
            while queue.len() > 0 {
                sending.extend(std::iter::from_fn(|| queue.take(now)));
                if sending.is_empty() {
                    now = queue.next_due().expect("something waits");
                    continue;
                }
                let (fails, which) = outcomes.next().map_or((false, 0), |(fails, which)| {
                    (fails, which.index(sending.len()))
                });
                let parcel = sending.swap_remove(which);
                if fails {
                    queue.failed(parcel, now);
                } else {
                    prop_assert!(queue.done(parcel).is_some());
                    delivered.push(parcel);
                }
            }
            for account in 0..4 {
                let is_about = |parcel: &i64| {
                    let index = usize::try_from(*parcel - 1).expect("from 1");
                    all[index].contains(&account)
                };
                let of_account: Vec<i64> = delivered.iter().copied().filter(is_about).collect();
                prop_assert!(of_account.is_sorted(), "{of_account:?}");
            }
            prop_assert_eq!(delivered.len(), all.len());
            prop_assert!(queue.lanes.is_empty() && queue.ready.is_empty() && queue.resting.is_empty());
        }
    }
}
