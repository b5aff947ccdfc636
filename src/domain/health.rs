//! `health_status`: whether an account or number can send messages, and which entity prevents it.

use super::word::meta_words;

meta_words! {
    /// Whether messages can be sent.
    CanSendMessage {
        Available = "AVAILABLE",
        Limited = "LIMITED",
        Blocked = "BLOCKED",
    }
}

meta_words! {
    /// The kind of node that a health entity describes.
    HealthEntity {
        PhoneNumber = "PHONE_NUMBER",
        MessageTemplate = "MESSAGE_TEMPLATE",
        Waba = "WABA",
        Business = "BUSINESS",
        App = "APP",
    }
}

/// The health of one entity within a node's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntityHealth {
    /// The kind of entity.
    pub kind: HealthEntity,
    /// Whether the entity allows sending.
    pub can_send_message: CanSendMessage,
}

/// The health of a node with respect to *messages*.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Health {
    /// The lowest value among the entities. Meta's own total may be about calls instead, as in its example.
    pub can_send_message: CanSendMessage,
    /// The entities, sorted.
    pub entities: Vec<EntityHealth>,
}

impl Health {
    /// Applies Meta's rule to the entities. `total` counts only if Meta sent no entities.
    #[must_use]
    pub fn new(mut entities: Vec<EntityHealth>, total: Option<CanSendMessage>) -> Option<Self> {
        entities.sort();
        entities.dedup();
        let words = || entities.iter().map(|entity| entity.can_send_message);
        let worst = if entities.is_empty() {
            total?
        } else if words().any(|word| word == CanSendMessage::Blocked) {
            CanSendMessage::Blocked
        } else if words().any(|word| word == CanSendMessage::Limited) {
            CanSendMessage::Limited
        } else if words().any(|word| word == CanSendMessage::Other) {
            CanSendMessage::Other
        } else {
            CanSendMessage::Available
        };
        Some(Self {
            can_send_message: worst,
            entities,
        })
    }

    /// The entities that restrict sending.
    pub fn in_the_way(&self) -> impl Iterator<Item = &EntityHealth> {
        self.entities
            .iter()
            .filter(|entity| entity.can_send_message != CanSendMessage::Available)
    }
}
