//! Events from the business' own applications about their conversations, which Meta does not report.

use super::campaign::Campaigns;
use super::experiment::Experiments;
use super::journey::{JourneyId, Journeys, Progress};
use super::{BusinessHours, CustomerIds, PhoneNumberId, Timestamp};

/// The sender of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// A program.
    Bot,
    /// A person.
    Agent,
    /// The application does not say, or Meta's webhook does not show it.
    Unknown,
}

impl Actor {
    /// All actors.
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
    /// The customer sent a message.
    Inbound,
    /// The business responded.
    Reply(Actor),
    /// The customer made progress on a journey.
    OnJourney(JourneyId, Progress),
}

/// The settings of conversation metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trackers {
    /// The hours of the second clock for response times. `None` if not configured.
    pub hours: Option<BusinessHours>,
    /// The declared journeys.
    pub journeys: Journeys,
    /// Whether webhooks about messages are read.
    pub reads_messages: bool,
    /// The declared campaigns.
    pub campaigns: Campaigns,
    /// The declared experiments.
    pub experiments: Experiments,
}

/// One event from an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppEvent {
    /// Id of the business' phone number.
    pub phone_number_id: PhoneNumberId,
    /// The customer.
    pub customer: CustomerIds,
    /// A time that had certainly passed at the receipt of the event.
    pub received_at: Timestamp,
    /// The event.
    pub happening: Happening,
}
