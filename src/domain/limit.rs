//! Messaging limits, which Meta writes as tier words, numbers and numeric text.

/// How many unique customers the business may message in 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessagingLimit {
    /// Up to this number.
    Customers(u64),
    /// No limit.
    Unlimited,
}

impl MessagingLimit {
    /// Parses `TIER_250`, `TIER_2K`, `250`, `UNLIMITED`, `-1` and similar forms, in any case.
    ///
    /// Returns `Ok(None)` for words that mean there is no tier (`TIER_NOT_SET`, `UNTIERED`).
    ///
    /// # Errors
    /// For any other text.
    pub fn parse(text: &str) -> Result<Option<Self>, UnknownLimit> {
        let word = text.trim().to_ascii_uppercase();
        let amount = word.strip_prefix("TIER_").unwrap_or(&word);
        match amount {
            "UNLIMITED" | "-1" => Ok(Some(Self::Unlimited)),
            "NOT_SET" | "UNTIERED" | "NONE" => Ok(None),
            _ => amount_of(amount)
                .map(|customers| Some(Self::Customers(customers)))
                .ok_or(UnknownLimit),
        }
    }

    /// The limit as a gauge value: customers per 24 hours, `+Inf` for no limit.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^53")]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Customers(customers) => customers as f64,
            Self::Unlimited => f64::INFINITY,
        }
    }
}

/// The text is not a limit that this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownLimit;

/// Parses `250`, `2K` or `1M`, so that a new tier of Meta's needs no release.
fn amount_of(text: &str) -> Option<u64> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'K' => (&text[..text.len() - 1], 1_000),
        b'M' => (&text[..text.len() - 1], 1_000_000),
        _ => (text, 1),
    };
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !all_digits {
        return None;
    }
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::MessagingLimit::{self, Customers, Unlimited};

    #[test]
    fn every_known_spelling_is_parsed() {
        for (text, limit) in [
            ("TIER_50", Customers(50)),
            ("TIER_250", Customers(250)),
            ("TIER_1K", Customers(1_000)),
            ("TIER_2K", Customers(2_000)),
            ("TIER_10K", Customers(10_000)),
            ("tier_100k", Customers(100_000)),
            ("TIER_UNLIMITED", Unlimited),
            ("UNLIMITED", Unlimited),
            ("-1", Unlimited),
            ("10000", Customers(10_000)),
        ] {
            assert_eq!(MessagingLimit::parse(text), Ok(Some(limit)), "{text}");
        }
        assert_eq!(MessagingLimit::parse("TIER_NOT_SET"), Ok(None));
        assert_eq!(MessagingLimit::parse("UNTIERED"), Ok(None));
    }

    #[test]
    fn other_text_is_not_a_limit() {
        for text in [
            "",
            "TIER_",
            "K",
            "-2",
            "+5",
            "2.5K",
            "18446744073709551615K",
            "é",
        ] {
            assert!(MessagingLimit::parse(text).is_err(), "{text}");
        }
    }
}
