//! Statuses of sent messages, and their prices.

use super::customer::id;
use super::reader::MessageReader;
use super::{MessageItem, errors};
use crate::domain::Word;
use crate::domain::message::{Category, Price, PricingType, Status, Update};
use crate::ingest::webhook::wire::mark;
use crate::ingest::{MetaObject, ParseWarnings};

/// Keys of a group member: the one that is present distinguishes the statuses of a group's message.
const MEMBER: [&str; 4] = [
    "recipient_participant_user_id",
    "participant_recipient_user_id",
    "recipient_participant_id",
    "participant_recipient_id",
];

impl MessageReader<'_> {
    pub(super) fn status(
        &self,
        status: &MetaObject<'_>,
        warnings: &mut ParseWarnings,
    ) -> Option<MessageItem> {
        status.require("status", warnings)?;
        let word: Status = status.word("status", warnings)?;
        let pricing = status.object("pricing", "pricing", warnings);
        let category = pricing.and_then(|pricing| pricing.word("category", warnings));
        let recipient = id(status, "recipient_id");
        let is_group = status
            .text("recipient_type", warnings)
            .is_some_and(|kind| kind.eq_ignore_ascii_case("group"));
        let (to, recipient) = if is_group {
            (self.hasher.ids(None, [recipient]), None)
        } else {
            let ids = self.customer(id(status, "recipient_user_id"), recipient);
            let recipient = (word == Status::Delivered).then(|| self.recipient(&ids));
            (ids.conversation(self.hasher), recipient.flatten())
        };
        // A group's message has one id and a status for each member.
        let member = MEMBER.iter().find_map(|key| id(status, key));
        let member = member.unwrap_or_default();
        let id = status.text("id", warnings);
        let key = || Some(self.hasher.customers.message(id.as_deref()?));
        let mark = mark::from_status(status, self.declared, key);
        Some(MessageItem {
            at: status.time("timestamp", warnings),
            identity: id.map(|id| format!("{id}\n{}\n{member}", word.as_str())),
            recipient,
            update: Update::Status {
                to,
                status: word,
                category: category.unwrap_or(Category::Unknown),
                errors: errors(status, warnings),
                mark,
            },
        })
    }
}

/// The price in a status. According to Meta's page, it comes with `sent` and with one of `delivered` and `read`; in the
/// page's example, it comes with only one of them. Therefore the message id alone identifies a price.
pub(super) fn price(status: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<MessageItem> {
    let pricing = status.object("pricing", "pricing", warnings)?;
    let id = id(status, "id")?;
    // `status` has reported an unknown category.
    let category = pricing.word("category", &mut ParseWarnings::new())?;
    let pricing_type = pricing.word("type", warnings);
    Some(MessageItem {
        at: status.time("timestamp", warnings),
        identity: Some(format!("{id}\nprice")),
        recipient: None,
        update: Update::Priced(Price {
            category,
            pricing_type: pricing_type.unwrap_or(PricingType::Unknown),
        }),
    })
}
