//! The ids of a customer, as keyed hashes.

use super::ConversationKey;

/// Ids that Meta, or an application, gave together for one customer in the conversation with one number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CustomerIds {
    /// The id that lasts longest: the business-scoped user id, else the telephone number. In a group's conversation,
    /// the group.
    pub main: ConversationKey,
    /// The other ids.
    pub others: Vec<ConversationKey>,
}

impl CustomerIds {
    /// The ids, the one that lasts longest first. `None` without any.
    #[must_use]
    pub fn new(ids: impl IntoIterator<Item = ConversationKey>) -> Option<Self> {
        let mut ids = ids.into_iter();
        let main = ids.next()?;
        let mut others: Vec<_> = ids.filter(|other| *other != main).collect();
        others.sort_unstable();
        others.dedup();
        Some(Self { main, others })
    }
}

impl From<ConversationKey> for CustomerIds {
    fn from(main: ConversationKey) -> Self {
        let others = Vec::new();
        Self { main, others }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_id_is_the_main_one_and_none_occurs_twice() {
        let ids = |ids: &[u128]| CustomerIds::new(ids.iter().copied().map(ConversationKey));
        let both = ids(&[1, 3, 1, 2, 3]).expect("it has ids");
        assert_eq!(both.main, ConversationKey(1));
        assert_eq!(both.others, [ConversationKey(2), ConversationKey(3)]);
        assert_eq!(ids(&[7]), Some(ConversationKey(7).into()));
        assert_eq!(ids(&[]), None);
    }
}
