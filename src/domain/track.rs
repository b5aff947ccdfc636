//! Events from the business' own applications about their conversations, which Meta does not report.

use super::journey::{JourneyId, Journeys, Progress};
use super::{BusinessHours, ConversationKey, PhoneNumberId, Timestamp};

/// Who sent the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// A program.
    Bot,
    /// A person.
    Agent,
    /// Nobody says.
    Unknown,
}

impl Actor {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bot, Self::Agent, Self::Unknown];

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Agent => "agent",
            Self::Unknown => "unknown",
        }
    }
}

/// An event of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The customer wrote.
    Inbound,
    /// The customer was answered.
    Reply(Actor),
    /// The customer is on a journey.
    OnJourney(JourneyId, Progress),
}

/// The settings of conversation metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trackers {
    /// The second clock for answers.
    pub hours: Option<BusinessHours>,
    /// The journeys that are declared.
    pub journeys: Journeys,
}

/// One event of an application's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Id of the business' phone number.
    pub phone_number_id: PhoneNumberId,
    /// The conversation.
    pub conversation: ConversationKey,
    /// A time that had certainly passed when the event came.
    pub received_at: Timestamp,
    /// The event.
    pub happening: Happening,
}
