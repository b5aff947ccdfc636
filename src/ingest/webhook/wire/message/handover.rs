//! Changes of the application that controls a conversation.

use super::MessageItem;
use super::customer::{NumberHasher, id};
use crate::domain::message::Update;
use crate::ingest::{MetaObject, ParseWarnings};

/// Maximum length of the role of a thread's owner.
const MAX_ROLE: usize = 64;

/// The new owner of a conversation.
pub(super) fn handover(
    change: &MetaObject<'_>,
    hasher: NumberHasher<'_>,
    warnings: &mut ParseWarnings,
) -> Option<MessageItem> {
    let details = ["control_passed", "control_taken"];
    let details = details
        .iter()
        .find_map(|key| change.object(key, "handover", warnings))?;
    let sender = change.object("sender", "handover", warnings)?;
    let telephone = id(&sender, "phone_number").or_else(|| id(&sender, "wa_id"));
    let of = hasher.ids(id(&sender, "user_id"), [telephone])?;
    let role = details.text("new_owner_role", warnings)?;
    let is_word = |letter: char| letter.is_ascii_alphanumeric() || "_-. ".contains(letter);
    let role: String = role.chars().filter(|letter| is_word(*letter)).collect();
    let role: String = role.chars().take(MAX_ROLE).collect();
    Some(MessageItem {
        at: change.time("timestamp", warnings),
        identity: None,
        recipient: None,
        update: Update::ThreadOwner { of, role },
    })
}
