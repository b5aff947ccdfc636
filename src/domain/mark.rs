//! What webhooks say about the steps of journeys: the data with which the business marks a message, and what a
//! customer's message replies to.

use super::MessageKey;
use super::journey::{Choice, JourneyId};
use super::word::meta_words;

/// What `biz_opaque_callback_data` says about a message of the business. Only declared names: the text may contain
/// anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The campaign of the message.
    pub campaign: Option<String>,
    /// The place of the message in a journey.
    pub journey: Option<JourneyMark>,
    /// Why the text says nothing about the message. `None` if it does.
    pub ignored: Option<IgnoredMark>,
}

/// The place of a message in a journey.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JourneyMark {
    /// The journey.
    pub id: JourneyId,
    /// The step that the message asks.
    pub step: Option<String>,
    /// The variant of the session, if it starts here.
    pub variant: Option<String>,
    /// Whether the message tells the customer that the goal is reached.
    pub is_goal: bool,
    /// The message. `None` if Meta gives no id.
    pub message: Option<MessageKey>,
}

meta_words! {
    /// Why callback data says nothing about its message. The words are the exporter's own.
    IgnoredMark {
        NoKnownKey = "no_known_key",
        Undeclared = "undeclared",
        Incomplete = "incomplete",
        TooLong = "too_long",
    }
}

/// What a customer's message follows. Without its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageContext {
    /// The message of the business that it replies to, if Meta says so. Read only if journeys are declared.
    pub replies_to: Option<MessageKey>,
    /// The offered reply that the customer chose. `None` for any other message. Read only if journeys are declared.
    pub choice: Option<Choice>,
    /// Where the customer came from.
    pub entry_point: EntryPoint,
}

#[expect(
    clippy::derivable_impls,
    reason = "the macro of the words derives none"
)]
impl Default for EntryPoint {
    fn default() -> Self {
        Self::None
    }
}

meta_words! {
    /// `referral.source_type`: where a customer came from; `none` without a referral.
    EntryPoint {
        Ad = "ad",
        Post = "post",
        None = "none",
    }
}
