//! The made-up customers and their ids.
//!
//! Since 2026 a customer has a business-scoped user id, and possibly no telephone number that the business can see.
//! See <https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids>.

use serde_json::{Value, json};

/// Number of customers.
pub(super) const CUSTOMERS: u32 = 20;
/// First of the fictitious numbers 555-01xx of each block. A customer who changes number moves to the next block.
const NUMBER_BLOCKS: [u32; 3] = [80, 60, 40];
/// One customer in five has a username and hides the telephone number.
const HIDDEN_EVERY: u32 = 5;
/// One customer in ten also hides the number, but the business has it and sends to it.
const KNOWN_EVERY: u32 = 10;
const KNOWN_REMAINDER: u32 = 3;

/// One customer, with the number of id changes so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Customer {
    index: u32,
    changes: u32,
}

impl Customer {
    pub(super) fn new(index: u32, changes: u32) -> Self {
        Self {
            index: index % CUSTOMERS,
            changes,
        }
    }

    pub(super) fn index(self) -> u32 {
        self.index
    }

    /// The same customer with new ids.
    pub(super) fn changed(self) -> Self {
        Self {
            changes: self.changes + 1,
            ..self
        }
    }

    /// Whether messages of the customer contain the telephone number.
    pub(super) fn tells_number(self) -> bool {
        self.index % HIDDEN_EVERY != HIDDEN_EVERY - 1 && !self.is_known()
    }

    /// Whether the business sends to the telephone number; otherwise it sends to the user id.
    pub(super) fn is_sent_to_number(self) -> bool {
        self.tells_number() || self.is_known()
    }

    fn is_known(self) -> bool {
        self.index % KNOWN_EVERY == KNOWN_REMAINDER
    }

    pub(super) fn wa_id(self) -> String {
        let block = self.changes as usize % NUMBER_BLOCKS.len();
        format!("155501001{:02}", NUMBER_BLOCKS[block] + self.index)
    }

    pub(super) fn user_id(self) -> String {
        format!("US.130000000000{:04}{:04}", self.index, self.changes)
    }

    /// The entry of `contacts[]`. `with_number` includes the telephone number.
    pub(super) fn contact(self, with_number: bool) -> Value {
        let mut contact = json!({"profile": {"name": "Customer"}, "user_id": self.user_id()});
        if with_number {
            contact["wa_id"] = self.wa_id().into();
        }
        if !self.tells_number() {
            contact["profile"]["username"] = format!("customer.{}", self.index).into();
        }
        contact
    }
}
