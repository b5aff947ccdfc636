//! Counts the unique recipients of several phone numbers.

use std::collections::BTreeMap;

use crate::domain::{RecipientKey, Timestamp};
use crate::state::Recipients;

/// Maximum number of ids from the id of a recipient to the user id: a telephone number, its other spelling, an earlier
/// user id, and the current one.
const MAX_STEPS: usize = 4;

/// Number of customers who count at this time for at least one of these phone numbers.
pub(super) fn count(numbers: &[&Recipients], now: Timestamp) -> u64 {
    let used: Vec<&Recipients> = numbers
        .iter()
        .filter(|one| one.kept() > 0)
        .copied()
        .collect();
    let customers = match used[..] {
        [] => 0,
        [single] => single.count(now),
        _ => {
            let main_ids = main_ids(&used);
            let counted = used.iter().flat_map(|one| one.counted(now));
            let mut customers: Vec<RecipientKey> =
                counted.map(|id| main_id(id, &main_ids)).collect();
            // The ids of each number are sorted; the stable sort merges such runs in one pass.
            customers.sort();
            customers.dedup();
            customers.len()
        }
    };
    customers as u64
}

/// The main id of each recipient whom one number knows by another id, and another number by the user id.
fn main_ids(numbers: &[&Recipients]) -> BTreeMap<RecipientKey, RecipientKey> {
    let mut main_ids = BTreeMap::new();
    // Without ids that were seen together, the search below would sort every recipient for nothing.
    if numbers.iter().all(|number| number.main_ids().is_empty()) {
        return main_ids;
    }
    let without = numbers.iter().flat_map(|one| one.without_user_id().iter());
    let mut without: Vec<RecipientKey> = without.copied().collect();
    without.sort();
    without.dedup();
    let mut note = |id: RecipientKey, main: RecipientKey| {
        // As within one number, the greater key counts.
        let known = main_ids.entry(id).or_insert(main);
        *known = main.max(*known);
    };
    for number in numbers {
        let known = number.main_ids();
        if without.len() < known.len() {
            let found = without.iter().filter_map(|id| Some((*id, *known.get(id)?)));
            found.for_each(|(id, main)| note(id, main));
        } else {
            let found = known
                .iter()
                .filter(|(id, _)| without.binary_search(id).is_ok());
            found.for_each(|(id, main)| note(*id, *main));
        }
    }
    main_ids
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
