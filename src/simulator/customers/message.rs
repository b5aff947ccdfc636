//! A message that the business sends, as far as customers and the expected figures depend on it.

/// A message that Meta accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessMessage {
    /// Its id, which statuses and replies name.
    pub id: String,
    /// The number that sends it.
    pub phone_number_id: String,
    /// The telephone number or the user id of the recipient.
    pub to: String,
    /// The replies that it offers: buttons or rows of a list.
    pub offers: Vec<Offer>,
    /// `biz_opaque_callback_data`.
    pub callback_data: Option<String>,
}

/// A reply that a message offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The id that the business chose.
    pub id: String,
    /// The text that the customer sees.
    pub title: String,
    /// Whether it is a row of a list; otherwise it is a button.
    pub is_row: bool,
}

impl BusinessMessage {
    /// A value of the callback data, whose names need no escaping.
    pub(super) fn mark(&self, key: &str) -> Option<&str> {
        let pairs = self.callback_data.as_deref()?.split('&');
        let mut pairs = pairs.filter_map(|pair| pair.split_once('='));
        pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Whether it offers this reply.
    pub(super) fn offers(&self, id: &str) -> bool {
        self.offers.iter().any(|offer| offer.id == id)
    }
}
