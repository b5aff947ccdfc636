//! Values in the JSON: Meta's words unchanged, times in RFC 3339, future times with a countdown.

use serde::{Serialize, Serializer};

use crate::clock;
use crate::domain::{MessagingLimit, Timestamp, Word};

/// One of Meta's words, serialized as Meta spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetaWord<W>(pub W);

impl<W: Word> Serialize for MetaWord<W> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

/// A point in time, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

impl Moment {
    /// RFC 3339 text for people and programs.
    pub(super) fn text(self) -> String {
        clock::calendar(self.0.at_whole_seconds())
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

/// A future time, with the seconds until then; negative once it has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Ahead {
    pub at: Moment,
    pub in_seconds: i64,
}

impl Ahead {
    pub(super) fn new(at: Timestamp, now: Timestamp) -> Self {
        let millis = at.as_millis().saturating_sub(now.as_millis());
        Self {
            at: Moment(at),
            in_seconds: millis.div_euclid(1_000),
        }
    }
}

/// A past time, with the seconds since then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PastTime {
    pub at: Moment,
    pub age_seconds: u64,
}

impl PastTime {
    pub(super) fn new(at: Timestamp, now: Timestamp) -> Self {
        Self {
            at: Moment(at),
            age_seconds: now.since(at).as_secs(),
        }
    }
}

/// Maximum number of customers per 24 hours: a number, or `UNLIMITED`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(pub MessagingLimit);

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            MessagingLimit::Customers(customers) => serializer.serialize_u64(customers),
            MessagingLimit::Unlimited => serializer.serialize_str("UNLIMITED"),
        }
    }
}
