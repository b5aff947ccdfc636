//! Messaging limits, which Meta writes as tier words, numbers and numeric text.

/// How many unique customers may be written to in 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MessagingLimit {
    /// That many.
    CustomerHasher(u64),
    /// No limit.
    Unlimited,
}

impl MessagingLimit {
    /// Reads `TIER_250`, `TIER_2K`, `250`, `UNLIMITED`, `-1` and their like, in any case.
    ///
    /// `Ok(None)` for the words that say there is no tier (`TIER_NOT_SET`, `UNTIERED`).
    ///
    /// # Errors
    /// For text that is none of these.
    pub fn parse(text: &str) -> Result<Option<Self>, UnknownLimit> {
        let word = text.trim().to_ascii_uppercase();
        let amount = word.strip_prefix("TIER_").unwrap_or(&word);
        match amount {
            "UNLIMITED" | "-1" => Ok(Some(Self::Unlimited)),
            "NOT_SET" | "UNTIERED" | "NONE" => Ok(None),
            _ => amount_of(amount)
                .map(|customers| Some(Self::CustomerHasher(customers)))
                .ok_or(UnknownLimit),
        }
    }

    /// The limit as a gauge: customers in 24 hours, `+Inf` for none.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "limits are far below 2^53")]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::CustomerHasher(customers) => customers as f64,
            Self::Unlimited => f64::INFINITY,
        }
    }
}

/// The text names no limit this version knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownLimit;

/// `250`, `2K`, `1M`: so that a tier Meta invents tomorrow needs no release.
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
    use super::MessagingLimit::{self, CustomerHasher, Unlimited};

    #[test]
    fn every_spelling_in_the_facts_is_read() {
        for (text, limit) in [
            ("TIER_50", CustomerHasher(50)),
            ("TIER_250", CustomerHasher(250)),
            ("TIER_1K", CustomerHasher(1_000)),
            ("TIER_2K", CustomerHasher(2_000)),
            ("TIER_10K", CustomerHasher(10_000)),
            ("tier_100k", CustomerHasher(100_000)),
            ("TIER_UNLIMITED", Unlimited),
            ("UNLIMITED", Unlimited),
            ("-1", Unlimited),
            ("10000", CustomerHasher(10_000)),
        ] {
            assert_eq!(MessagingLimit::parse(text), Ok(Some(limit)), "{text}");
        }
        assert_eq!(MessagingLimit::parse("TIER_NOT_SET"), Ok(None));
        assert_eq!(MessagingLimit::parse("UNTIERED"), Ok(None));
    }

    #[test]
    fn nonsense_is_no_limit() {
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
