//! Events as text, for a row of the inbox: a replica that receives a webhook of an account that another replica owns
//! stores its events there, and the owner reads and applies them.
//!
//! The text is JSON. A replica of another version may read it. It ignores unknown fields and reads unknown words as
//! `OTHER`, as the parser does. An unknown fact is an error that names it, so the row stays for a later version.
//!
//! No customer's data enters the inbox: customers and messages are keyed hashes, and of a sender's texts, only declared
//! names are there.

use std::fmt;

use crate::domain::Event;

/// The text of no events: the row has only a delivery for the relay.
pub const NONE: &str = "[]";

/// The text of these events.
///
/// # Errors
/// If an event comes from a poll or the clock. Only the owner of an account makes such events, so they have no text.
pub fn encode<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<String, NotStorable> {
    let events: Vec<&Event> = events.into_iter().collect();
    serde_json::to_string(&events).map_err(NotStorable)
}

/// The events of this text.
///
/// # Errors
/// If one of them cannot be read: a later version knows more facts, or the text is damaged. Then none is returned,
/// because the row must be applied as a whole.
pub fn decode(text: &str) -> Result<Vec<Event>, Unreadable> {
    serde_json::from_str(text).map_err(Unreadable)
}

/// The events cannot be stored in the inbox.
#[derive(Debug)]
pub struct NotStorable(serde_json::Error);

impl fmt::Display for NotStorable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        write!(
            out,
            "an event is not for the inbox, which has only events of webhooks and applications: {error}"
        )
    }
}

impl std::error::Error for NotStorable {}

/// The events of a row of the inbox cannot be read.
#[derive(Debug)]
pub struct Unreadable(serde_json::Error);

impl fmt::Display for Unreadable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error) = self;
        write!(
            out,
            "events of the inbox cannot be read: {error}; if a replica of a later version stored them, upgrade this replica"
        )
    }
}

impl std::error::Error for Unreadable {}
