//! The selection of a scrape: groups of families, and a part of the accounts.
//!
//! Invariant: if the accounts are divided into parts, no two parts have a series in common, and together they have all
//! series of the page.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::domain::WabaId;
use crate::state::{Account, Accounts};

/// Families that a scrape selects together: those of one noun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyGroup {
    /// Phone numbers.
    Numbers,
    /// Likely causes of falling ratings.
    Causes,
    /// Messages and conversations.
    Traffic,
    /// Journeys of customers.
    Journeys,
    /// Declared campaigns.
    Campaigns,
    /// Declared experiments.
    Experiments,
    /// Templates, and their totals.
    Templates,
    /// Daily figures of templates and phone numbers.
    Insights,
    /// Business accounts.
    Accounts,
    /// Messaging limits of business portfolios.
    Portfolios,
    /// Access tokens and subscriptions of the apps.
    Access,
    /// The exporter and its process.
    Exporter,
}

impl FamilyGroup {
    /// Every group, in the order of the page.
    pub const ALL: [Self; 12] = [
        Self::Numbers,
        Self::Causes,
        Self::Traffic,
        Self::Journeys,
        Self::Campaigns,
        Self::Experiments,
        Self::Templates,
        Self::Insights,
        Self::Accounts,
        Self::Portfolios,
        Self::Access,
        Self::Exporter,
    ];

    /// Its name in the parameter `collect[]`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Numbers => "numbers",
            Self::Causes => "causes",
            Self::Traffic => "traffic",
            Self::Journeys => "journeys",
            Self::Campaigns => "campaigns",
            Self::Experiments => "experiments",
            Self::Templates => "templates",
            Self::Insights => "insights",
            Self::Accounts => "accounts",
            Self::Portfolios => "portfolios",
            Self::Access => "access",
            Self::Exporter => "exporter",
        }
    }

    /// Whether each of its series is about one account, so that parts divide the group. A series that sums over
    /// accounts, or is about an app, a portfolio or the exporter, belongs to the first part.
    fn is_by_account(self) -> bool {
        match self {
            Self::Numbers
            | Self::Causes
            | Self::Traffic
            | Self::Journeys
            | Self::Templates
            | Self::Accounts
            | Self::Insights => true,
            Self::Campaigns
            | Self::Experiments
            | Self::Portfolios
            | Self::Access
            | Self::Exporter => false,
        }
    }

    fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// Maximum number of parts. Each part is a target of Prometheus. With 64 parts of ten thousand accounts, a scrape takes
/// milliseconds.
const MAX_PARTS: u16 = 64;

/// One of several equal parts of the accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// Its number, from 1.
    number: u16,
    /// The number of parts.
    of: u16,
}

impl Part {
    /// Parses `2/4`. The error says what to write instead.
    ///
    /// # Errors
    /// Text of another form, a part that does not exist, and too many parts.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "part: {text:?} is not a part; give its number and the number of parts, such as 1/4, with at most \
                 {MAX_PARTS} parts"
            )
        };
        let (number, of) = text.split_once('/').ok_or_else(wrong)?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(number) || !digits(of) {
            return Err(wrong());
        }
        let number = number.parse().map_err(|_| wrong())?;
        let of = of.parse().map_err(|_| wrong())?;
        let exists = (1..=of).contains(&number) && of <= MAX_PARTS;
        exists.then_some(Self { number, of }).ok_or_else(wrong)
    }

    /// Whether the account belongs to this part. The assignment depends only on the id, so that a restart or an
    /// additional account moves no account to another target.
    fn has(self, account: &WabaId) -> bool {
        let hash = Sha256::digest(account.as_str());
        let hash = hash
            .iter()
            .take(8)
            .fold(0, |hash: u64, byte| hash << 8 | u64::from(*byte));
        hash % u64::from(self.of) == u64::from(self.number - 1)
    }
}

/// The selection of a scrape. The default selects everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selection {
    /// Bits of the selected groups; 0 selects all.
    groups: u16,
    part: Option<Part>,
}

impl Selection {
    /// Reads the parameters of a scrape: `collect[]`, any number of times, and `part`, once. Others are ignored.
    ///
    /// # Errors
    /// A text for the client: what was given, and what to give instead.
    pub fn parse<'a>(parameters: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let mut selection = Self::default();
        for (name, value) in parameters {
            match name {
                "collect[]" => selection.groups |= group(value)?.bit(),
                "part" if selection.part.is_some() => {
                    return Err("part: is given twice; give it once".to_owned());
                }
                "part" => selection.part = Some(Part::parse(value)?),
                _ => {}
            }
        }
        Ok(selection)
    }

    /// Whether the scrape has families of this group.
    pub(super) fn has(self, group: FamilyGroup) -> bool {
        let is_selected = self.groups == 0 || self.groups & group.bit() != 0;
        let is_here = self.part.is_none_or(|part| part.number == 1);
        is_selected && (group.is_by_account() || is_here)
    }

    /// The accounts of the selected part, in pieces of this many.
    pub(super) fn accounts(self, all: &Accounts, at_once: usize) -> Vec<Accounts> {
        let is_here = |id: &WabaId| self.part.is_none_or(|part| part.has(id));
        let here: Vec<_> = all.iter().filter(|(id, _)| is_here(id)).collect();
        let pieces = here.chunks(at_once);
        let piece = |some: &[(&WabaId, &Arc<Account>)]| {
            let some = some.iter();
            some.map(|(id, one)| ((*id).clone(), Arc::clone(one)))
                .collect()
        };
        pieces.map(piece).collect()
    }
}

fn group(name: &str) -> Result<FamilyGroup, String> {
    let mut groups = FamilyGroup::ALL.into_iter();
    groups.find(|group| group.as_str() == name).ok_or_else(|| {
        let known = FamilyGroup::ALL.map(FamilyGroup::as_str).join(", ");
        format!("collect[]: {name:?} is not known; give any of {known}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts(count: u64) -> impl Iterator<Item = WabaId> {
        let ids = (0..count).map(|number| (800_100_200_300_000 + number).to_string());
        ids.map(|id| WabaId::parse(&id).expect("digits"))
    }

    #[test]
    fn each_account_is_in_one_part_and_parts_are_of_similar_size() {
        for of in [1, 2, 3, 4, 64] {
            let mut sizes = vec![0_u64; usize::from(of)];
            for account in accounts(6_400) {
                let parts = (1..=of).map(|number| Part { number, of });
                let having: Vec<Part> = parts.filter(|part| part.has(&account)).collect();
                let [part] = having[..] else {
                    panic!("{account:?} is in {having:?}");
                };
                sizes[usize::from(part.number - 1)] += 1;
            }
            let even = 6_400 / u64::from(of);
            assert!(
                sizes.iter().all(|size| size.abs_diff(even) <= even / 2),
                "{sizes:?}"
            );
        }
    }

    /// Another assignment would move every series to another target at an upgrade.
    #[test]
    fn the_assignment_does_not_change() {
        let parts: Vec<u16> = accounts(8)
            .map(|account| {
                let mut numbers = 1..=4;
                let here = numbers.find(|number| {
                    Part {
                        number: *number,
                        of: 4,
                    }
                    .has(&account)
                });
                here.expect("a part")
            })
            .collect();
        assert_eq!(parts, [4, 3, 2, 2, 1, 3, 2, 3]);
    }

    #[test]
    fn a_wrong_parameter_names_what_to_give() {
        let parse = |name, value| Selection::parse([(name, value)].into_iter());
        for text in [
            "", "1", "0/4", "5/4", "1/0", "1/65", "+1/4", "1/4/2", "a/b", "1/99999",
        ] {
            let error = parse("part", text).expect_err(text);
            assert!(
                error.contains("such as 1/4, with at most 64 parts"),
                "{error}"
            );
        }
        let twice = [("part", "1/2"), ("part", "2/2")];
        assert!(Selection::parse(twice.into_iter()).is_err());
        let error = parse("collect[]", "number").expect_err("it is misspelt");
        assert_eq!(
            error,
            "collect[]: \"number\" is not known; give any of numbers, causes, traffic, journeys, campaigns, \
             experiments, templates, insights, accounts, portfolios, access, exporter"
        );
    }
}
