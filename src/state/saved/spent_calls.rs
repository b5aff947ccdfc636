//! The stored form of spent calls: the distance of each minute to its predecessor takes half the space of its time.

use serde::{Deserializer, Serializer};

use super::{Saved, saved_as};
use crate::domain::{SpentCalls, Timestamp};

saved_as!(
    SpentCalls,
    (Vec<(i64, u32)>, Option<Timestamp>),
    |spent| {
        let mut before = 0;
        let distances = spent.by_minute.iter().map(|(at, calls)| {
            let distance = at.as_millis() - before;
            before = at.as_millis();
            (distance, *calls)
        });
        (distances.collect(), spent.held_until)
    },
    |(distances, held_until)| {
        let mut at = 0_i64;
        let by_minute = distances.into_iter().map(|(distance, calls)| {
            at = at.saturating_add(distance);
            (Timestamp::from_millis(at), calls)
        });
        SpentCalls {
            by_minute: by_minute.collect(),
            held_until,
        }
    }
);
