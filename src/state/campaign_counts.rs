//! Counters of declared campaigns.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::redate::{Dated, Redating, dated};
use super::{Counts, FailureCounts};
use crate::domain::campaign::{CampaignStage, Campaigns, MAX_CAMPAIGNS};
use crate::domain::{ErrorCode, Timestamp};

/// Maximum number of campaigns of a number whose counters are kept: the declared ones, and as many that were declared
/// earlier. Beyond this, counters of campaigns that are no longer declared are removed.
const MAX_KEPT: usize = 2 * MAX_CAMPAIGNS;

/// Counters of one campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignCount {
    /// Number of messages, and of reactions of their customers, by stage.
    pub stages: Counts<CampaignStage>,
    /// Errors of failed messages by code.
    pub failures: FailureCounts,
}

/// Campaigns of one number, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CampaignCounts(BTreeMap<String, CampaignCount>);

dated! { CampaignCount: failures }

impl Dated for CampaignCounts {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.0.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        self.0.redate(to);
    }
}

impl CampaignCounts {
    /// The counters of each campaign.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &CampaignCount)> {
        let counts = self.0.iter();
        counts.map(|(name, counts)| (name.as_str(), counts))
    }

    /// Counts a stage.
    pub(super) fn count(&mut self, name: &str, stage: CampaignStage, declared: &Campaigns) {
        self.get_or_add(name, declared).stages.increment(stage);
    }

    /// Counts the errors of a failed message.
    pub(super) fn fail(
        &mut self,
        name: &str,
        errors: &[ErrorCode],
        at: Timestamp,
        declared: &Campaigns,
    ) {
        let failures = &mut self.get_or_add(name, declared).failures;
        errors
            .iter()
            .for_each(|error| failures.increment(*error, at));
    }

    fn get_or_add(&mut self, name: &str, declared: &Campaigns) -> &mut CampaignCount {
        if self.0.len() >= MAX_KEPT && !self.0.contains_key(name) {
            let names = declared.names();
            self.0.retain(|known, _| names.contains(known.as_str()));
        }
        self.0.entry(name.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::campaign::CallbackData;

    #[test]
    fn campaigns_that_are_no_longer_declared_make_room() {
        let declared = |names: std::ops::Range<usize>| {
            let mut campaigns = Campaigns::default();
            for name in names {
                let value = CallbackData::new(&name.to_string()).expect("short");
                campaigns.declare(value, &format!("campaign {name}"));
            }
            campaigns
        };
        let mut counts = CampaignCounts::default();
        let mut names = 0..0;
        for _ in 0..5 {
            names = names.end..names.end + MAX_CAMPAIGNS;
            for name in names.clone() {
                let name = format!("campaign {name}");
                counts.count(&name, CampaignStage::Sent, &declared(names.clone()));
            }
        }
        assert!(counts.iter().count() <= MAX_KEPT);
        for name in names {
            let name = format!("campaign {name}");
            assert!(counts.iter().any(|(known, _)| known == name), "{name}");
        }
        let saved = serde_json::to_string(&counts).expect("plain data");
        let read: CampaignCounts = serde_json::from_str(&saved).expect("its own text");
        assert_eq!(read, counts);
    }
}
