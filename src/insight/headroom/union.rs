//! Counts the unique recipients of several phone numbers.
//!
//! A portfolio may have hundreds of thousands of recipients, and is counted for every scrape and every request to the
//! send gate. A union therefore keeps the numbers as of the last count, and applies only the changes since. The result
//! does not depend on earlier counts.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::{BusinessId, PhoneNumberId, RecipientKey, Timestamp, WabaId};
use crate::state::Recipients;

/// Maximum number of ids from the id of a recipient to the user id: a telephone number, its other spelling, an earlier
/// user id, and the current one.
const MAX_STEPS: usize = 4;

/// A phone number of an account. After a move, two accounts have recipients of one number.
pub(super) type NumberOfAccount = (WabaId, PhoneNumberId);

/// The recipients of the portfolios, as of the last count of each. Shared by all users of the counts.
#[derive(Debug, Default)]
pub struct RecipientUnions {
    by_portfolio: Mutex<ByPortfolio>,
}

type ByPortfolio = BTreeMap<BusinessId, Arc<Mutex<Union>>>;

impl RecipientUnions {
    /// Without earlier counts.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            by_portfolio: Mutex::new(BTreeMap::new()),
        }
    }

    /// Number of customers who count at this time for at least one of these phone numbers of the portfolio.
    pub(super) fn count(
        &self,
        business_id: &BusinessId,
        numbers: &BTreeMap<NumberOfAccount, &Recipients>,
        now: Timestamp,
    ) -> u64 {
        let mut used = numbers.values().filter(|one| one.kept() > 0);
        let customers = match (used.next(), used.next()) {
            (None, _) => 0,
            (Some(single), None) => single.count(now),
            (Some(_), Some(_)) => {
                let union = self.union(business_id);
                let mut union = union.lock().unwrap_or_else(PoisonError::into_inner);
                union.follow(numbers);
                union.count(now)
            }
        };
        customers as u64
    }

    /// Forgets all other portfolios.
    pub(super) fn keep(&self, is_known: impl Fn(&BusinessId) -> bool) {
        let mut unions = self.lock();
        unions.retain(|business_id, _| is_known(business_id));
    }

    fn lock(&self) -> MutexGuard<'_, ByPortfolio> {
        let unions = self.by_portfolio.lock();
        unions.unwrap_or_else(PoisonError::into_inner)
    }

    fn union(&self, business_id: &BusinessId) -> Arc<Mutex<Union>> {
        let mut unions = self.lock();
        Arc::clone(unions.entry(business_id.clone()).or_default())
    }
}

/// The recipients of one portfolio.
#[derive(Debug, Default)]
struct Union {
    /// The numbers as of the last count.
    numbers: BTreeMap<NumberOfAccount, Recipients>,
    /// For each customer, by the id that the number counts: how many numbers have delivered messages.
    senders: HashMap<RecipientKey, u32>,
}

impl Union {
    fn follow(&mut self, numbers: &BTreeMap<NumberOfAccount, &Recipients>) {
        let nothing = Recipients::default();
        for (number, now) in numbers {
            let before = self.numbers.get(number).unwrap_or(&nothing);
            follow_changes(&mut self.senders, before, now);
        }
        let gone = self.numbers.iter();
        for (_, before) in gone.filter(|(number, _)| !numbers.contains_key(number)) {
            follow_changes(&mut self.senders, before, &nothing);
        }
        // Clones share their data with the state.
        let numbers = numbers.iter();
        self.numbers = numbers
            .map(|(number, recipients)| (number.clone(), (*recipients).clone()))
            .collect();
    }

    fn count(&self, now: Timestamp) -> usize {
        let over = self.numbers.values().flat_map(|number| number.over(now));
        let over: HashSet<RecipientKey> = over.filter(|id| !self.counts(*id, now)).collect();
        let counted = self.senders.len() - over.len();
        let main_ids = self.main_ids();
        let others = main_ids.keys().filter(|id| self.counts(**id, now));
        let others: Vec<RecipientKey> = others.copied().collect();
        let mains = others.iter().map(|id| main_id(*id, &main_ids));
        let mains: BTreeSet<RecipientKey> = mains.collect();
        let is_among_counted =
            |id: &RecipientKey| self.counts(*id, now) && !main_ids.contains_key(id);
        let added = mains.iter().filter(|main| !is_among_counted(main)).count();
        counted - others.len() + added
    }

    fn counts(&self, id: RecipientKey, now: Timestamp) -> bool {
        self.numbers.values().any(|number| number.counts(id, now))
    }

    /// For each recipient whose main id at one number is not the user id: the main id that another number has for the
    /// same customer.
    fn main_ids(&self) -> BTreeMap<RecipientKey, RecipientKey> {
        let mut main_ids = BTreeMap::new();
        let mut note = |id: RecipientKey, main: RecipientKey| {
            // The greater key is used, as within one number.
            let known = main_ids.entry(id).or_insert(main);
            *known = main.max(*known);
        };
        let numbers = || self.numbers.values();
        let without: usize = numbers().map(|one| one.without_user_id().len()).sum();
        let known: usize = numbers().map(|one| one.main_ids().len()).sum();
        // In most portfolios, nearly all customers have a user id, or nearly none has.
        if without < known {
            for id in numbers().flat_map(|one| one.without_user_id()) {
                let found = numbers().filter_map(|one| one.main_ids().get(id));
                found.for_each(|main| note(*id, *main));
            }
        } else {
            for (id, main) in numbers().flat_map(|one| one.main_ids()) {
                let is_main = self.senders.contains_key(id);
                if is_main && numbers().any(|one| one.without_user_id().contains(id)) {
                    note(*id, *main);
                }
            }
        }
        main_ids
    }
}

fn follow_changes(senders: &mut HashMap<RecipientKey, u32>, before: &Recipients, now: &Recipients) {
    for (id, is_added) in now.delivered_since(before) {
        let count = senders.entry(id).or_default();
        if is_added {
            *count += 1;
        } else if *count > 1 {
            *count -= 1;
        } else {
            senders.remove(&id);
        }
    }
}

fn main_id(mut id: RecipientKey, main_ids: &BTreeMap<RecipientKey, RecipientKey>) -> RecipientKey {
    for _ in 0..MAX_STEPS {
        match main_ids.get(&id) {
            Some(main) => id = *main,
            None => break,
        }
    }
    id
}
