//! The ids of customers in a change, and their hashes.

use crate::domain::{CustomerIds, PhoneNumberId, RecipientIds};
use crate::ingest::{CustomerHasher, MetaObject, text_or_number};

/// Hashes the customers of one number.
#[derive(Clone, Copy)]
pub(super) struct NumberHasher<'a> {
    pub(super) customers: &'a CustomerHasher,
    pub(super) number: &'a PhoneNumberId,
}

impl NumberHasher<'_> {
    /// The hashes of these ids: the user id, and all others.
    pub(super) fn ids(
        self,
        user_id: Option<String>,
        others: impl IntoIterator<Item = Option<String>>,
    ) -> Option<CustomerIds> {
        let hash = |id: String| self.customers.conversation(self.number, &id);
        let others = others.into_iter().flatten();
        CustomerIds::new(user_id.map(hash), others.map(hash))
    }
}

/// The ids of one customer, before they are hashed.
#[derive(Clone)]
pub struct NamedIds {
    pub user_id: Option<String>,
    pub others: Vec<Option<String>>,
}

impl NamedIds {
    pub(super) fn conversation(&self, hasher: NumberHasher<'_>) -> Option<CustomerIds> {
        hasher.ids(self.user_id.clone(), self.others.clone())
    }

    /// The customer, independent of the number.
    pub fn recipient(&self, customers: &CustomerHasher) -> Option<RecipientIds> {
        let hash = |id: &String| customers.recipient(id);
        let others = self.others.iter().flatten();
        RecipientIds::new(self.user_id.as_ref().map(hash), others.map(hash))
    }
}

/// The contacts of a change. They have both ids of a customer, whichever of them the message has.
pub(super) struct Contacts<'a> {
    pub(super) contacts: Vec<MetaObject<'a>>,
    /// Whether the change has only one message or status, so that a single contact is its customer's.
    pub(super) is_of_one: bool,
}

impl Contacts<'_> {
    /// The user id and the telephone number of the contact with one of these ids.
    pub(super) fn find(
        &self,
        user_id: Option<&str>,
        telephone: Option<&str>,
    ) -> [Option<String>; 2] {
        let is_single = self.is_of_one && self.contacts.len() == 1;
        for contact in &self.contacts {
            let ids = [id(contact, "user_id"), id(contact, "wa_id")];
            let is_another = |ours: Option<&str>, theirs: &Option<String>| {
                ours.is_some() && theirs.is_some() && ours != theirs.as_deref()
            };
            let is_same = |ours: Option<&str>, theirs: &Option<String>| {
                ours.is_some() && ours == theirs.as_deref()
            };
            // The telephone number may be spelled in another way in `wa_id`.
            let matches = is_same(user_id, &ids[0])
                || !is_another(user_id, &ids[0]) && (is_same(telephone, &ids[1]) || is_single);
            if matches {
                return ids;
            }
        }
        [None, None]
    }
}

/// A non-empty id. Meta sends empty ones beside the other id of a customer.
pub(super) fn id(object: &MetaObject<'_>, key: &str) -> Option<String> {
    let text = object.get(key).and_then(text_or_number);
    text.filter(|text| !text.is_empty())
}
