//! Events as text, for a row of the inbox: a replica that receives a webhook of an account that another replica owns
//! stores its events there, and the owner reads and applies them.
//!
//! The text is JSON. A replica of another version may read it. It ignores unknown fields and reads unknown words as
//! `OTHER`, as the parser does. An unknown fact is an error that names it, so the row stays for a later version.
//!
//! No customer's data enters the inbox: customers are keyed hashes, and a value of `biz_opaque_callback_data` that is
//! not declared, which may contain anything, is left out. The reducer ignores such values.

use std::borrow::Cow;
use std::fmt;

use crate::domain::campaign::Campaigns;
use crate::domain::{Event, Fact, message};

/// The text of no events: the row has only a delivery for the relay.
pub const NONE: &str = "[]";

/// The text of these events.
///
/// # Errors
/// If an event comes from a poll or the clock. Only the owner of an account makes such events, so they have no text.
pub fn encode<'a>(
    events: impl IntoIterator<Item = &'a Event>,
    campaigns: &Campaigns,
) -> Result<String, NotStorable> {
    let events = events
        .into_iter()
        .map(|event| without_undeclared(event, campaigns));
    serde_json::to_string(&events.collect::<Vec<_>>()).map_err(NotStorable)
}

/// The events of this text.
///
/// # Errors
/// If one of them cannot be read: a later version knows more facts, or the text is damaged. Then none is returned,
/// because the row must be applied as a whole.
pub fn decode(text: &str) -> Result<Vec<Event>, Unreadable> {
    serde_json::from_str(text).map_err(Unreadable)
}

/// The event without a value of `biz_opaque_callback_data` that no campaign has.
fn without_undeclared<'a>(event: &'a Event, campaigns: &Campaigns) -> Cow<'a, Event> {
    let is_undeclared = matches!(
        &event.fact,
        Fact::Message(message::WebhookUpdate {
            update: message::Update::Status { callback_data: Some(value), .. },
            ..
        }) if campaigns.name_of(value).is_none()
    );
    let mut event = Cow::Borrowed(event);
    if is_undeclared
        && let Fact::Message(webhook) = &mut event.to_mut().fact
        && let message::Update::Status { callback_data, .. } = &mut webhook.update
    {
        *callback_data = None;
    }
    event
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
