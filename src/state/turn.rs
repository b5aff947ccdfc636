//! The parts of one customer's conversation that journeys need from webhooks: who wrote, and which step a message asks
//! or answers.

use serde::{Deserialize, Serialize};

use super::redate::dated;
use super::saved::Saved;
use crate::domain::journey::Journeys;
use crate::domain::mark::{JourneyMark, MessageContext};
use crate::domain::message::Kind;
use crate::domain::{MessageKey, Timestamp};

/// A message of the conversation. The order breaks ties, because Meta's times are whole seconds: the customer comes
/// first, as in the measurement of response times.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Turn {
    /// The customer wrote.
    Wrote {
        /// The type of the message.
        #[serde(with = "Saved")]
        kind: Kind,
        /// The context of the message.
        context: MessageContext,
    },
    /// The business sent a message that is not part of a journey. The name in the stored text is that of older
    /// versions.
    #[serde(rename = "Spoke")]
    Unmarked,
    /// The business sent a message that is part of a journey.
    Sent {
        /// The place of its step in the journey, which orders steps sent in the same second.
        place: usize,
        /// The mark that the sender gave it.
        mark: JourneyMark,
    },
}

impl Turn {
    /// A message with this mark.
    #[must_use]
    pub fn sent(mark: JourneyMark, journeys: &Journeys) -> Self {
        let step = mark.step.as_deref();
        let found = step.and_then(|step| journeys.find_step(&mark.id, step));
        let place = found.map_or(usize::MAX, |(place, _)| place);
        Self::Sent { place, mark }
    }
}

/// A turn with its time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TimedTurn {
    /// Time of the message.
    pub at: Timestamp,
    /// The message.
    pub turn: Turn,
}

dated! { TimedTurn: at }

impl TimedTurn {
    /// The message of the business that the customer's message names.
    fn replies_to(&self) -> Option<MessageKey> {
        match &self.turn {
            Turn::Wrote { context, .. } => context.replies_to,
            Turn::Unmarked | Turn::Sent { .. } => None,
        }
    }

    fn message(&self) -> Option<MessageKey> {
        match &self.turn {
            Turn::Sent { mark, .. } => mark.message,
            Turn::Wrote { .. } | Turn::Unmarked => None,
        }
    }
}

/// Index of the turn that counts first among these sorted turns. Within one second, a reply comes right after the
/// message that it names.
#[must_use]
pub fn first(turns: &[TimedTurn]) -> Option<usize> {
    let at = turns.first()?.at;
    let at_once = turns.partition_point(|turn| turn.at == at);
    let at_once = &turns[..at_once];
    let is_sent =
        |message: &MessageKey| at_once.iter().any(|turn| turn.message() == Some(*message));
    let is_first = |turn: &TimedTurn| {
        let wrote = matches!(turn.turn, Turn::Wrote { .. });
        wrote && !turn.replies_to().as_ref().is_some_and(is_sent)
    };
    let of_business = |turn: &TimedTurn| !matches!(turn.turn, Turn::Wrote { .. });
    let first = at_once.iter().position(is_first);
    first.or_else(|| at_once.iter().position(of_business))
}
