//! Declared campaigns: messages that the business has marked with a value of `biz_opaque_callback_data`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::word::meta_words;

/// Maximum length of `biz_opaque_callback_data` at Meta.
const MAX_CALLBACK_DATA: usize = 512;

/// Maximum number of declared values. Each campaign has some twenty series.
pub const MAX_CAMPAIGNS: usize = 100;

/// Error codes with which Meta holds or drops the messages of a campaign: template paused or disabled, spam limit,
/// limit of marketing messages per customer, opt-out, marketing switched off, and limit after category violations.
pub const DROP_CODES: [u32; 7] = [
    131_048, 131_049, 131_050, 131_063, 131_064, 132_015, 132_016,
];

/// A value of `biz_opaque_callback_data`. It may contain anything, so `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallbackData(Arc<str>);

impl CallbackData {
    /// The value. `None` if it is empty or longer than Meta allows.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=MAX_CALLBACK_DATA).contains(&text.chars().count());
        fits.then(|| Self(text.into()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CallbackData {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("CallbackData(…)")
    }
}

/// The declared campaigns: the name of each value. Several values may belong to one campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Campaigns(BTreeMap<CallbackData, Arc<str>>);

impl Campaigns {
    /// Declares a value. Returns whether it is new.
    pub fn declare(&mut self, value: CallbackData, name: &str) -> bool {
        self.0.insert(value, name.into()).is_none()
    }

    /// Number of declared values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no value is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The campaign of a value. `None` if it is not declared.
    #[must_use]
    pub fn name_of(&self, value: &CallbackData) -> Option<&str> {
        self.0.get(value).map(AsRef::as_ref)
    }

    /// This name, if a campaign has it.
    #[must_use]
    pub fn known_name(&self, name: &str) -> Option<&str> {
        let mut names = self.0.values().map(AsRef::as_ref);
        names.find(|known| *known == name)
    }

    /// The names, each once.
    #[must_use]
    pub fn names(&self) -> BTreeSet<&str> {
        self.0.values().map(AsRef::as_ref).collect()
    }
}

meta_words! {
    /// An outcome of a campaign's message, or a reaction of its customer. The words are the exporter's own.
    CampaignStage {
        Sent = "sent",
        Delivered = "delivered",
        Read = "read",
        Failed = "failed",
        Replied = "replied",
        OptedOut = "opted_out",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bounded_and_hidden() {
        assert!(CallbackData::new("").is_none());
        assert!(CallbackData::new(&"ä".repeat(513)).is_none());
        let value = CallbackData::new(&"ä".repeat(512)).expect("it fits");
        assert_eq!(format!("{value:?}"), "CallbackData(…)");
    }

    #[test]
    fn several_values_are_one_campaign() {
        let value = |text| CallbackData::new(text).expect("short");
        let mut campaigns = Campaigns::default();
        assert!(campaigns.declare(value("a"), "spring"));
        assert!(campaigns.declare(value("b"), "spring"));
        assert!(!campaigns.declare(value("b"), "summer"));
        assert_eq!(campaigns.name_of(&value("a")), Some("spring"));
        assert_eq!(campaigns.name_of(&value("c")), None);
        assert_eq!(campaigns.names(), BTreeSet::from(["spring", "summer"]));
    }
}
