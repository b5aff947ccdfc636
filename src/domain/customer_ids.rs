//! The ids of a customer, as keyed hashes.

use super::{ConversationKey, RecipientKey};

/// Ids that Meta, or an application, gave together for one customer. There is at least one. `K` is the scope of the
/// hashes: by default, the conversation with one number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CustomerIds<K = ConversationKey> {
    /// The business-scoped user id, which lasts longest.
    user_id: Option<K>,
    /// All others: the telephone number in its spellings, earlier ids, and ids of an unknown kind. In a group's
    /// conversation, the group.
    others: Vec<K>,
}

/// Ids of one customer that are the same for all numbers of the business.
pub type RecipientIds = CustomerIds<RecipientKey>;

impl<K: Copy + PartialEq> CustomerIds<K> {
    /// These ids. `None` without any.
    #[must_use]
    pub fn new(user_id: Option<K>, others: impl IntoIterator<Item = K>) -> Option<Self> {
        let mut known: Vec<K> = Vec::new();
        for other in others {
            if Some(other) != user_id && !known.contains(&other) {
                known.push(other);
            }
        }
        (user_id.is_some() || !known.is_empty()).then_some(Self {
            user_id,
            others: known,
        })
    }

    /// The user id.
    #[must_use]
    pub fn user_id(&self) -> Option<K> {
        self.user_id
    }

    /// The other ids.
    #[must_use]
    pub fn others(&self) -> &[K] {
        &self.others
    }

    /// All ids, the one that lasts longest first.
    pub fn all(&self) -> impl Iterator<Item = K> + '_ {
        self.user_id.into_iter().chain(self.others.iter().copied())
    }
}

impl<K> From<K> for CustomerIds<K> {
    fn from(id: K) -> Self {
        Self {
            user_id: None,
            others: vec![id],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_occurs_twice_and_there_is_at_least_one() {
        let ids = |user_id: Option<u128>, others: &[u128]| {
            let others = others.iter().copied().map(ConversationKey);
            let ids = CustomerIds::new(user_id.map(ConversationKey), others)?;
            Some(ids.all().map(|id| id.0).collect::<Vec<_>>())
        };
        assert_eq!(ids(Some(1), &[3, 1, 2, 3]), Some(vec![1, 3, 2]));
        assert_eq!(ids(None, &[3, 3]), Some(vec![3]));
        assert_eq!(ids(Some(1), &[]), Some(vec![1]));
        assert_eq!(ids(None, &[]), None);
    }
}
