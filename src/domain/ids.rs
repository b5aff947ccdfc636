//! Meta's ids, and the digits of a business number.
//!
//! Ids become label values, so their shape is checked where they enter: digits only, bounded.

use std::fmt;
use std::sync::Arc;

/// Longest id accepted. Meta's have up to 17 digits today; twice that is no id.
const MAX_ID_DIGITS: usize = 32;

/// Fewest and most digits of a telephone number, country code included (ITU-T E.164 says at most 15;
/// Meta's own test numbers and short codes stay inside these).
const DISPLAY_DIGITS: std::ops::RangeInclusive<usize> = 4..=20;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id, if `text` is one: 1 to 32 ASCII digits.
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
    /// A WhatsApp Business Account.
    WabaId
}
id! {
    /// A business phone number's node, not its digits.
    PhoneNumberId
}
id! {
    /// One message template in one language.
    TemplateId
}
id! {
    /// A Meta app.
    AppId
}
id! {
    /// A business portfolio.
    BusinessId
}

/// A business number reduced to its digits: the only form that Meta's three spellings share, and the
/// key by which management webhooks, which carry no id, find their number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DisplayDigits(Arc<str>);

impl DisplayDigits {
    /// The digits in `text` (`+1 555-010-0199` is `15550100199`), if they can be a number.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        DISPLAY_DIGITS
            .contains(&digits.len())
            .then(|| Self(digits.into()))
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
