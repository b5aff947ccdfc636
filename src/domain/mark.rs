//! The parts of webhooks that journeys need: the data with which the business marks a message, and the message that a
//! customer replies to.

use super::MessageKey;
use super::journey::{Choice, JourneyId};
use super::word::meta_words;

/// The meaning of the `biz_opaque_callback_data` of a message of the business. It contains only declared names, because
/// the text may contain anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The campaign of the message.
    pub campaign: Option<String>,
    /// The place of the message in a journey.
    pub journey: Option<JourneyMark>,
    /// Reason why the text was ignored. `None` if it was not.
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
    /// Whether the message is sent when the goal is reached.
    pub is_goal: bool,
    /// The message. `None` if Meta gives no id.
    pub message: Option<MessageKey>,
}

meta_words! {
    /// Why callback data is ignored. The words are the exporter's own.
    IgnoredMark {
        NoKnownKey = "no_known_key",
        Undeclared = "undeclared",
        Incomplete = "incomplete",
        TooLong = "too_long",
    }
}

/// The context of a customer's message, without its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageContext {
    /// The message of the business that it replies to, if Meta reports it. Read only if journeys are declared.
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
