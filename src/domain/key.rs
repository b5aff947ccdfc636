//! Hashes that stand for what has no id, or must not be known.

/// 128 bits of a hash over what makes one webhook change that change: Meta gives deliveries no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey(pub u128);

/// 128 bits of a keyed hash of a customer: whose conversation, without who that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationKey(pub u128);
