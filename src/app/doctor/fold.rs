//! Keeps the report readable with thousands of accounts: findings that are fine become a count, all others are
//! listed up to a limit.

use std::borrow::Cow;

use super::{Finding, Verdict};

/// Up to this many accounts, every finding is listed, which fills a page or two.
const LISTED_ACCOUNTS: usize = 25;

/// Maximum number of listed findings with more accounts. Beyond it, most findings share one cause.
const MAX_LISTED: usize = 50;

/// Folds the findings about `accounts` accounts. The findings with counts get `about` as their subject.
pub(super) fn fold(findings: Vec<Finding>, accounts: usize, about: Option<&str>) -> Vec<Finding> {
    if accounts <= LISTED_ACCOUNTS {
        return findings;
    }
    let (fine, mut others): (Vec<_>, Vec<_>) = findings.into_iter().partition(Finding::is_fine);
    // A stable sort: accounts keep their order, and problems come before unknown findings.
    others.sort_by_key(|finding| finding.verdict != Verdict::Problem);
    let more = others.split_off(others.len().min(MAX_LISTED));
    let counted = |(check, verdict, count): (Cow<'static, str>, Verdict, usize)| {
        let is_fine = verdict == Verdict::Fine;
        Finding {
            check,
            about: about.map(str::to_owned),
            verdict,
            message: if is_fine {
                format!("as expected for {count} of {accounts} accounts")
            } else {
                format!("{count} more accounts are not listed")
            },
            cure: (!is_fine).then(|| NOT_LISTED.to_owned()),
        }
    };
    let fine = counts(&fine).into_iter().map(counted);
    let more = counts(&more).into_iter().map(counted);
    fine.chain(others).chain(more).collect()
}

const NOT_LISTED: &str = "Fix the listed findings, then run `doctor` again.";

/// The number of findings by check and verdict, in order of first appearance.
fn counts(findings: &[Finding]) -> Vec<(Cow<'static, str>, Verdict, usize)> {
    let mut counts: Vec<(Cow<'static, str>, Verdict, usize)> = Vec::new();
    for finding in findings {
        let known = counts
            .iter_mut()
            .find(|(check, verdict, _)| *check == finding.check && *verdict == finding.verdict);
        match known {
            Some((_, _, count)) => *count += 1,
            None => counts.push((finding.check.clone(), finding.verdict, 1)),
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fine(account: usize) -> Finding {
        Finding::fine("account", "can be read").about(account.to_string())
    }

    fn problem(account: usize) -> Finding {
        Finding::problem("account", "cannot be read", "Check it.").about(account.to_string())
    }

    fn unknown(account: usize) -> Finding {
        Finding::unknown("last_webhook", "none", "Wait.").about(account.to_string())
    }

    #[test]
    fn a_few_accounts_are_listed() {
        let findings: Vec<Finding> = (0..LISTED_ACCOUNTS).map(fine).collect();
        assert_eq!(fold(findings.clone(), LISTED_ACCOUNTS, None), findings);
    }

    #[test]
    fn with_many_accounts_fine_findings_are_counted_and_problems_come_first() {
        let (accounts, listed) = (10_000, MAX_LISTED);
        let findings = (0..accounts).flat_map(|account| match account % 100 {
            0 => vec![problem(account), unknown(account)],
            _ => vec![fine(account)],
        });
        let folded = fold(findings.collect(), accounts, Some("shop"));
        assert_eq!(folded.len(), 1 + listed + 2);
        assert_eq!(folded[0].message, "as expected for 9900 of 10000 accounts");
        assert_eq!(folded[0].about.as_deref(), Some("shop"));
        assert!(folded[1..=listed].iter().all(|finding| {
            finding.verdict == Verdict::Problem && finding.message == "cannot be read"
        }));
        assert_eq!(folded[2].about.as_deref(), Some("100"), "in their order");
        let rest = &folded[1 + listed..];
        assert_eq!(
            (rest[0].check.as_ref(), rest[0].verdict),
            ("account", Verdict::Problem)
        );
        assert_eq!(rest[0].message, "50 more accounts are not listed");
        assert_eq!(
            (rest[1].check.as_ref(), rest[1].verdict),
            ("last_webhook", Verdict::Unknown)
        );
        assert_eq!(rest[1].message, "100 more accounts are not listed");
        assert!(rest.iter().all(|finding| finding.cure.is_some()));
    }
}
