//! Phone numbers with two spellings, because the national numbering plan has changed.
//!
//! The Graph API and webhooks may spell the same number differently: for Ivory Coast, the Graph API returns
//! `+225 07 68 12 34 56`, and webhooks contain `22568123456`.

use super::DisplayDigits;

/// Number of trailing digits that are the same in every spelling.
const SUBSCRIBER_DIGITS: usize = 7;

/// Confidence that two spellings mean the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Equivalence {
    /// The numbering plan assigns both to the same subscriber.
    Certain,
    /// They may be two subscribers: in Argentina a mobile number and a landline differ only by the 9.
    Likely,
}

/// A spelling variant: digits after the country code that only the longer spelling has.
struct Variant {
    country: &'static str,
    /// Number of digits between the country code and the extra digits (an area code).
    area: usize,
    /// Possible extra digits of the longer spelling.
    extra: &'static [&'static str],
    /// Number of digits after the extra digits.
    rest: usize,
    /// Possible first digits after the extra digits.
    first: &'static str,
    equivalence: Equivalence,
}

const ANY: &str = "0123456789";

const VARIANTS: &[Variant] = &[
    // Ivory Coast, since 2021: the operator's prefix before the former eight digits.
    Variant {
        country: "225",
        area: 0,
        extra: &["01", "05", "07", "21", "25", "27"],
        rest: 8,
        first: ANY,
        equivalence: Equivalence::Certain,
    },
    // Benin, since November 2024.
    Variant {
        country: "229",
        area: 0,
        extra: &["01"],
        rest: 8,
        first: ANY,
        equivalence: Equivalence::Certain,
    },
    // Mexico dropped the 1 before mobile numbers in 2019.
    Variant {
        country: "52",
        area: 0,
        extra: &["1"],
        rest: 10,
        first: ANY,
        equivalence: Equivalence::Certain,
    },
    // Brazil added a 9 before mobile numbers, which begin with 6 to 9. Landlines do not.
    Variant {
        country: "55",
        area: 2,
        extra: &["9"],
        rest: 8,
        first: "6789",
        equivalence: Equivalence::Certain,
    },
    Variant {
        country: "54",
        area: 0,
        extra: &["9"],
        rest: 10,
        first: ANY,
        equivalence: Equivalence::Likely,
    },
];

impl Variant {
    /// The shorter spelling, if these digits match either spelling.
    fn shorter(&self, digits: &str) -> Option<String> {
        let national = digits.strip_prefix(self.country)?;
        let (area, number) = national.split_at_checked(self.area)?;
        let mut longer = self
            .extra
            .iter()
            .filter_map(|extra| number.strip_prefix(extra));
        let rest = longer
            .find(|rest| rest.len() == self.rest)
            .or(Some(number).filter(|number| number.len() == self.rest))?;
        rest.starts_with(|first| self.first.contains(first))
            .then(|| format!("{}{area}{rest}", self.country))
    }
}

impl DisplayDigits {
    /// Whether these are the long and the short spelling of one number. `None` if they have the same length, or if
    /// no numbering plan relates them.
    #[must_use]
    pub fn equivalence(&self, other: &Self) -> Option<Equivalence> {
        // Two different long spellings are two numbers: they may differ only by the operator's prefix.
        if self.as_str().len() == other.as_str().len() {
            return None;
        }
        let mut variants = VARIANTS.iter();
        let same = variants.find(|variant| {
            let shorter = variant.shorter(self.as_str());
            shorter.is_some() && shorter == variant.shorter(other.as_str())
        });
        same.map(|variant| variant.equivalence)
    }

    /// Whether the trailing digits are equal, which no numbering plan has changed.
    #[must_use]
    pub fn has_subscriber_digits_of(&self, other: &Self) -> bool {
        let last = |digits: &Self| {
            let digits = digits.as_str();
            let start = digits.len().checked_sub(SUBSCRIBER_DIGITS)?;
            Some(digits[start..].to_owned())
        };
        last(self).is_some_and(|own| last(other) == Some(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> DisplayDigits {
        DisplayDigits::parse(text).expect("digits")
    }

    #[test]
    fn national_variants_are_one_number() {
        use Equivalence::{Certain, Likely};
        for (shown, sent, expected) in [
            ("+225 07 68 12 34 56", "22568123456", Some(Certain)),
            ("+225 27 22 48 00 00", "22522480000", Some(Certain)),
            ("+229 01 97 12 34 56", "22997123456", Some(Certain)),
            ("+52 55 1234 5678", "5215512345678", Some(Certain)),
            ("+55 11 96123-4567", "551161234567", Some(Certain)),
            ("+54 11 5555-1234", "5491155551234", Some(Likely)),
            // Different operators, a landline and other countries do not match.
            ("+225 07 68 12 34 56", "2250568123456", None),
            ("+52 1 55 1234 5678", "5215512345678", None),
            ("+55 11 93123-4567", "551131234567", None),
            ("+1 555-010-0199", "115550100199", None),
            ("+49 30 1234567", "4930123456", None),
            ("+52 55 1234 5678", "525512345678", None),
        ] {
            let (shown_digits, told_digits) = (digits(shown), digits(sent));
            assert_eq!(
                shown_digits.equivalence(&told_digits),
                expected,
                "{shown} {sent}"
            );
            assert_eq!(
                told_digits.equivalence(&shown_digits),
                expected,
                "{sent} {shown}"
            );
        }
    }

    #[test]
    fn subscriber_digits_are_the_last_seven() {
        assert!(digits("+43 660 1234567").has_subscriber_digits_of(&digits("6601234567")));
        assert!(!digits("+43 660 1234567").has_subscriber_digits_of(&digits("436601234568")));
        assert!(!digits("123456").has_subscriber_digits_of(&digits("123456")));
    }
}
