//! One customer of a phone number: the conversation, the sessions of journeys, the last campaign, and the ids.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::campaign_contact::CampaignContact;
use super::conversation::{Conversation, SESSION};
use super::experiment_progress::ExperimentProgress;
use super::journey_sessions::JourneySessions;
use super::redate::dated;
use crate::domain::{ConversationKey, Timestamp};

/// How long the ids of a customer who has written are remembered. For 30 days after a message, Meta includes the
/// telephone number in each webhook, so that both ids are seen together again.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3600);

/// Maximum number of remembered ids of a customer. The oldest is forgotten.
const MAX_IDS: usize = 8;

/// The state of one customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    pub(super) conversation: Conversation,
    #[serde(rename = "trips")]
    pub(super) journey_sessions: JourneySessions,
    /// Whether the main id is a business-scoped user id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    has_user_id: bool,
    /// The ids that were seen together with the main one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    other_ids: Vec<KnownId>,
    /// Time of the last message from the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wrote_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<ThreadOwner>,
    /// The last campaign.
    #[serde(default, skip_serializing_if = "CampaignContact::is_empty")]
    pub(super) campaign: CampaignContact,
    /// The experiments of which the customer is a user.
    #[serde(default, skip_serializing_if = "ExperimentProgress::is_empty")]
    pub(super) experiments: ExperimentProgress,
}

/// An id of a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KnownId {
    pub id: ConversationKey,
    /// Time at which it was last seen together with the main id.
    pub seen_at: Timestamp,
}

/// The application that controls the conversation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct ThreadOwner {
    since: Timestamp,
    role: String,
}

dated! { KnownId: seen_at }
dated! { ThreadOwner: since }
dated! { Customer: conversation journey_sessions other_ids wrote_at owner campaign experiments }

impl Customer {
    /// Time at which the next event or session must be settled.
    pub(super) fn first_due(&self) -> Option<Timestamp> {
        let conversation = self.conversation.first_unsettled();
        conversation
            .into_iter()
            .chain(self.journey_sessions.first_due())
            .chain(self.campaign.first_unsettled())
            .chain(self.experiments.first_due())
            .min()
    }

    /// Time of the last message or event.
    pub(super) fn last_at(&self) -> Timestamp {
        self.conversation
            .last_at()
            .max(self.journey_sessions.last_at())
    }

    /// Whether there is a conversation, or may prove to be one.
    pub(super) fn is_conversation(&self) -> bool {
        self.conversation.is_conversation() || !self.journey_sessions.is_empty()
    }

    /// Ends the conversation; the other data of the customer is kept.
    pub(super) fn end(&mut self) {
        self.conversation = Conversation::default();
        self.journey_sessions = JourneySessions::default();
    }

    /// Notes that the customer wrote.
    pub(super) fn note_writing(&mut self, at: Timestamp) {
        self.wrote_at = self.wrote_at.max(Some(at));
    }

    /// The role of the application that controls the conversation, if Meta has reported it.
    pub(super) fn owner(&self) -> Option<&str> {
        self.owner.as_ref().map(|owner| owner.role.as_str())
    }

    /// Notes who controls the conversation. The newest report counts.
    pub(super) fn note_owner(&mut self, since: Timestamp, role: &str) {
        let role = role.to_owned();
        let owner = Some(ThreadOwner { since, role });
        self.owner = self.owner.take().max(owner);
    }

    /// Time until which a customer without a conversation is remembered. `None` if nothing is known.
    pub(super) fn remembered_until(&self) -> Option<Timestamp> {
        self.ids_remembered_until()
            .max(self.campaign.remembered_until())
            .max(self.experiments.remembered_until())
    }

    /// Time until which the ids and the owner are remembered without a conversation.
    fn ids_remembered_until(&self) -> Option<Timestamp> {
        let seen = self.other_ids.iter().map(|known| known.seen_at);
        let seen_at = seen
            .chain(self.owner.iter().map(|owner| owner.since))
            .max()?;
        // Many recipients of a campaign never have a conversation, so their ids are kept only as long as a conversation
        // would be.
        let written = self.wrote_at.map(|at| at.plus(REMEMBERED));
        Some(seen_at.plus(SESSION)).max(written)
    }

    /// Whether the main id is a user id. If not, it may prove to be an id of another customer.
    pub(super) fn has_user_id(&self) -> bool {
        self.has_user_id
    }

    /// Notes that the main id is a user id.
    pub(super) fn note_user_id(&mut self) {
        self.has_user_id = true;
    }

    /// The other ids.
    pub(super) fn other_ids(&self) -> impl Iterator<Item = ConversationKey> + '_ {
        self.other_ids.iter().map(|known| known.id)
    }

    /// Time at which this id was last seen together with the main one.
    pub(super) fn seen_at(&self, id: ConversationKey) -> Option<Timestamp> {
        let known = self.other_ids.iter().find(|known| known.id == id);
        known.map(|known| known.seen_at)
    }

    /// Adds an id, or the time at which it was seen.
    pub(super) fn note_id(&mut self, id: ConversationKey, seen_at: Timestamp) {
        if let Some(known) = self.other_ids.iter_mut().find(|known| known.id == id) {
            known.seen_at = known.seen_at.max(seen_at);
        } else {
            self.other_ids.push(KnownId { id, seen_at });
        }
        self.other_ids
            .sort_by_key(|known| (known.seen_at, known.id));
        if self.other_ids.len() > MAX_IDS {
            self.other_ids.remove(0);
        }
    }

    /// Forgets an id.
    pub(super) fn forget_id(&mut self, id: ConversationKey) {
        self.other_ids.retain(|known| known.id != id);
    }

    /// Takes over the data of another customer who proves to be the same.
    pub(super) fn absorb(&mut self, other: Self) {
        self.conversation.absorb(other.conversation);
        self.journey_sessions.absorb(other.journey_sessions);
        self.wrote_at = self.wrote_at.max(other.wrote_at);
        self.owner = self.owner.take().max(other.owner);
        self.campaign.absorb(other.campaign);
        self.experiments.absorb(other.experiments);
        for known in other.other_ids {
            self.note_id(known.id, known.seen_at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in the stored text are those of the first version, even if a field has been renamed since.
    #[test]
    fn stored_values_of_older_versions_are_read() {
        let stored = concat!(
            r#"{"conversation":{"waiting_since":1775000000000,"last_written_to":null,"has_spoken":true,"#,
            r#""was_answered":false,"last_at":1775000000000,"unsettled":[]},"#,
            r#""trips":{"sessions":[],"assigned":[],"unsettled":[],"last_at":0}}"#,
        );
        let customer: Customer = serde_json::from_str(stored).expect("an older version's text");
        let written = serde_json::to_string(&customer).expect("plain data");
        assert_eq!(written, stored);
    }

    #[test]
    fn ids_and_owner_survive_a_restart() {
        let mut customer = Customer::default();
        for id in 0..10 {
            customer.note_id(
                ConversationKey(id),
                Timestamp::from_seconds(100 - id as i64),
            );
        }
        customer.note_writing(Timestamp::from_seconds(90));
        customer.note_owner(Timestamp::from_seconds(80), "partner");
        customer.note_owner(Timestamp::from_seconds(70), "business");
        let known: Vec<_> = customer.other_ids().collect();
        assert_eq!(
            known,
            [7, 6, 5, 4, 3, 2, 1, 0].map(ConversationKey),
            "the oldest is forgotten"
        );
        let written = serde_json::to_string(&customer).expect("plain data");
        let read: Customer = serde_json::from_str(&written).expect("its own text");
        assert_eq!(read, customer);
        assert_eq!(read.owner(), Some("partner"));
    }

    #[test]
    fn ids_are_remembered_longer_after_a_message_of_the_customer() {
        let at = Timestamp::from_seconds(1_775_000_000);
        let mut customer = Customer::default();
        assert_eq!(customer.remembered_until(), None);
        customer.note_id(ConversationKey(1), at);
        assert_eq!(customer.remembered_until(), Some(at.plus(SESSION)));
        customer.note_writing(at);
        assert_eq!(customer.remembered_until(), Some(at.plus(REMEMBERED)));
    }
}
