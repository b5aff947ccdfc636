//! Hashes that identify webhook changes, which have no id, and customers and messages, whose ids must not be stored.

/// 128 bits of a hash over the parts that identify a webhook change, because Meta gives deliveries no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey(pub u128);

/// 128 bits of a keyed hash of a customer. It identifies a conversation, but not the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationKey(pub u128);

/// 128 bits of a keyed hash of a customer, the same for all numbers of the business. It does not identify the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecipientKey(pub u128);

/// 128 bits of a keyed hash of a message's id. Meta's ids of messages contain the customer's telephone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey(pub u128);
