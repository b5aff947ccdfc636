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

/// One entity's share in a node's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntityHealth {
    /// What it is.
    pub kind: HealthEntity,
    /// Whether it lets messages through.
    pub can_send_message: CanSendMessage,
}

/// The health of a node as far as *messages* go.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Health {
    /// The worst of the entities: Meta's own total may speak of calls instead (its example does).
    pub can_send_message: CanSendMessage,
    /// The entities, sorted.
    pub entities: Vec<EntityHealth>,
}

impl Health {
    /// Meta's rule applied to the entities; `total` counts only where Meta sent no entity.
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

    /// The entities that do not let every message through.
    pub fn in_the_way(&self) -> impl Iterator<Item = &EntityHealth> {
        self.entities
            .iter()
            .filter(|entity| entity.can_send_message != CanSendMessage::Available)
    }
}
