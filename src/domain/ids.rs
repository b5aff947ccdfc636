//! Meta's ids, and the digits of a business number.
//!
//! Ids become label values, so their format is checked on entry: only digits, with a bounded length. Meta's ids are
//! short enough to be stored inline; otherwise, millions of objects would need an allocation each.

use std::fmt;

use compact_str::CompactString;

/// Maximum length of an id. Meta's have up to 17 digits today; a text twice as long is not an id.
const MAX_ID_DIGITS: usize = 32;

/// Minimum and maximum number of digits of a telephone number, including the country code (ITU-T E.164 allows at most
/// 15; Meta's own test numbers and short codes are within these bounds).
const DISPLAY_DIGITS: std::ops::RangeInclusive<usize> = 4..=20;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(CompactString);

        impl $name {
            /// The id, if `text` consists of 1 to 32 ASCII digits.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let fits = (1..=MAX_ID_DIGITS).contains(&text.len());
                (fits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| Self(text.into()))
            }

            /// The digits.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

id! {
    /// Id of a WhatsApp Business Account.
    WabaId
}
id! {
    /// Id of a business phone number's node, not its digits.
    PhoneNumberId
}
id! {
    /// Id of one message template in one language.
    TemplateId
}
id! {
    /// Id of a Meta app.
    AppId
}
id! {
    /// Id of a Flow.
    FlowId
}
id! {
    /// Id of a business portfolio.
    BusinessId
}

/// The digits of a business number. Meta has three spellings of a number, which have only the digits in common.
/// Management webhooks contain no id, so they are matched to their number by these digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DisplayDigits(CompactString);

impl DisplayDigits {
    /// The digits in `text` (`+1 555-010-0199` is `15550100199`), if their number is plausible.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: CompactString = text.chars().filter(char::is_ascii_digit).collect();
        DISPLAY_DIGITS
            .contains(&digits.len())
            .then_some(Self(digits))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DisplayDigits {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("DisplayDigits(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_digits() {
        assert_eq!(
            WabaId::parse("800100200300400")
                .map(|id| id.to_string())
                .as_deref(),
            Some("800100200300400")
        );
        for bad in ["", "12a", "1 2", "-5", "٣٤", &"1".repeat(33)] {
            assert_eq!(WabaId::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn three_spellings_of_a_number_are_one() {
        let spellings = ["+1 555-010-0199", "15550100199", "+1 (555) 010 0199"];
        let digits: Vec<_> = spellings
            .iter()
            .filter_map(|text| DisplayDigits::parse(text))
            .collect();
        assert!(digits.len() == 3 && digits.iter().all(|one| one.as_str() == "15550100199"));
        assert_eq!(DisplayDigits::parse("n/a"), None);
    }
}
