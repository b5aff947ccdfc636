//! Response times of one number, by sender.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Histogram;
use super::conversation::BusinessResponse;
use crate::domain::track::Actor;

/// Response times by one clock, by sender of the response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByActor {
    bot: Responses,
    agent: Responses,
    unknown: Responses,
}

impl ByActor {
    /// Response times of this sender.
    #[must_use]
    pub fn by_actor(&self, actor: Actor) -> &Responses {
        match actor {
            Actor::Bot => &self.bot,
            Actor::Agent => &self.agent,
            Actor::Unknown => &self.unknown,
        }
    }

    pub(super) fn observe(&mut self, waited: Duration, answer: &BusinessResponse) {
        let responses = match answer.actor {
            Actor::Bot => &mut self.bot,
            Actor::Agent => &mut self.agent,
            Actor::Unknown => &mut self.unknown,
        };
        if answer.is_first {
            responses.first.observe(waited);
        }
        responses.all.observe(waited);
    }
}

/// Response times.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Responses {
    /// Time from a conversation's first message to its first response.
    pub first: Histogram,
    /// Time from the first unanswered message to its response.
    pub all: Histogram,
}
