//! Reads received messages and echoes.

use super::MessageItem;
use super::customer::{Contacts, NamedIds, NumberHasher, id};
use crate::domain::RecipientIds;
use crate::domain::mark::MessageContext;
use crate::domain::message::Update;
use crate::domain::track::{Actor, Trackers};
use crate::ingest::webhook::wire::mark;
use crate::ingest::{MetaObject, ParseWarnings};

pub(super) struct MessageReader<'a> {
    pub(super) hasher: NumberHasher<'a>,
    /// The declared journeys and campaigns.
    pub(super) declared: &'a Trackers,
    pub(super) contacts: Contacts<'a>,
    /// The sender of echoes.
    pub(super) echoed: Actor,
}

impl MessageReader<'_> {
    pub(super) fn message(
        &self,
        message: &MetaObject<'_>,
        warnings: &mut ParseWarnings,
    ) -> Option<MessageItem> {
        message.require("type", warnings)?;
        let kind = message.word("type", warnings)?;
        let (from, recipient) = match id(message, "group_id") {
            // Members write to the group, and the business answers the group.
            Some(group) => (self.hasher.ids(None, [Some(group)]), None),
            None => {
                let ids = self.customer(id(message, "from_user_id"), id(message, "from"));
                (ids.conversation(self.hasher), self.recipient(&ids))
            }
        };
        Some(MessageItem {
            at: message.time("timestamp", warnings),
            identity: message.text("id", warnings),
            recipient,
            update: Update::Received {
                from,
                kind,
                context: self.context(message, warnings),
            },
        })
    }

    fn context(&self, message: &MetaObject<'_>, warnings: &mut ParseWarnings) -> MessageContext {
        let journeys = &self.declared.journeys;
        let key_of = |id: &str| self.hasher.customers.message(id);
        mark::from_message(message, journeys, key_of, warnings)
    }

    /// A system message about a customer's new id, in addition to the message itself.
    pub(super) fn id_change(
        &self,
        message: &MetaObject<'_>,
        warnings: &mut ParseWarnings,
    ) -> Option<MessageItem> {
        let system = message.object("system", "system", warnings)?;
        let word = system.text("type", warnings)?;
        // The identity check reports something else: `user_identity_changed`.
        let is_change = ["user_changed_number", "user_changed_user_id"];
        if !is_change
            .iter()
            .any(|change| word.eq_ignore_ascii_case(change))
        {
            return None;
        }
        // Meta does not say whether the sender's ids are the old ones or the new ones.
        let others = vec![
            id(&system, "wa_id"),
            id(&system, "previous_user_id"),
            id(message, "from_user_id"),
            id(message, "from"),
        ];
        let named = NamedIds {
            user_id: id(&system, "user_id"),
            others,
        };
        let ids = named.conversation(self.hasher)?;
        let identity = message.text("id", warnings);
        Some(MessageItem {
            at: message.time("timestamp", warnings),
            identity: identity.map(|id| format!("{id}\nid change")),
            recipient: self.recipient(&named),
            update: Update::IdChanged(ids),
        })
    }

    pub(super) fn echo(
        &self,
        echo: &MetaObject<'_>,
        warnings: &mut ParseWarnings,
    ) -> Option<MessageItem> {
        echo.require("type", warnings)?;
        let kind = echo.word("type", warnings)?;
        let to = match id(echo, "group_id") {
            Some(group) => self.hasher.ids(None, [Some(group)]),
            None => {
                let ids = self.customer(
                    id(echo, "to_user_id").or_else(|| id(echo, "recipient_user_id")),
                    id(echo, "to").or_else(|| id(echo, "recipient_id")),
                );
                ids.conversation(self.hasher)
            }
        };
        Some(MessageItem {
            at: echo.time("timestamp", warnings),
            identity: echo.text("id", warnings),
            recipient: None,
            update: Update::Echo {
                to,
                kind,
                actor: self.echoed,
            },
        })
    }

    /// The customer with these ids, and with those of the contact that belongs to them. A parent id is none of them:
    /// several portfolios share it.
    pub(super) fn customer(&self, user_id: Option<String>, telephone: Option<String>) -> NamedIds {
        let contact = self.contacts.find(user_id.as_deref(), telephone.as_deref());
        let [contact_user_id, contact_telephone] = contact;
        NamedIds {
            user_id: user_id.or(contact_user_id),
            others: vec![telephone, contact_telephone],
        }
    }

    pub(super) fn recipient(&self, ids: &NamedIds) -> Option<RecipientIds> {
        ids.recipient(self.hasher.customers)
    }
}
