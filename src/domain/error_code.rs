//! Error codes of messages. Meta adds some every month, so every number is accepted; the table only explains known
//! codes.

use std::fmt;

/// Maximum number of codes that are counted separately for one phone number. Further ones are counted as `OTHER`.
pub const MAX_ERROR_CODES: usize = 64;

/// An error code of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorCode {
    /// Meta's number.
    Number(u32),
    /// Not a number, or beyond the codes that are counted separately.
    Other,
}

/// A code with its meaning.
#[derive(Clone, Copy, Debug)]
pub struct KnownErrorCode {
    /// Meta's number.
    pub number: u32,
    /// Whether its counter starts at 0, so that the first occurrence is an increase.
    pub starts_at_zero: bool,
    /// The meaning in a few words.
    pub meaning: &'static str,
}

const fn known(number: u32, starts_at_zero: bool, meaning: &'static str) -> KnownErrorCode {
    KnownErrorCode {
        number,
        starts_at_zero,
        meaning,
    }
}

/// The codes that this version can explain, sorted.
pub const KNOWN_ERROR_CODES: &[KnownErrorCode] = &[
    known(80_007, true, "Rate limit of the account reached"),
    known(130_403, false, "The business has blocked the customer"),
    known(130_429, true, "Throughput of the phone number reached"),
    known(
        130_472,
        true,
        "The customer is part of an experiment of Meta",
    ),
    known(
        130_497,
        true,
        "The business may not message customers in this country",
    ),
    known(131_000, true, "Unknown error at Meta"),
    known(131_005, true, "Permission missing"),
    known(131_008, true, "Required parameter missing"),
    known(131_009, true, "Parameter invalid"),
    known(131_016, true, "Service temporarily unavailable"),
    known(131_020, false, "Group error"),
    known(131_021, true, "Sender and recipient are the same"),
    known(
        131_026,
        true,
        "Undeliverable: no WhatsApp account, an old app version, or terms not accepted",
    ),
    known(131_030, false, "Recipient not in the list of a test number"),
    known(131_031, true, "Account locked"),
    known(131_037, true, "Display name not approved"),
    known(131_041, false, "Group error"),
    known(131_042, true, "Payment problem"),
    known(131_044, false, "Payment problem, for calls"),
    known(131_045, true, "Certificate of the phone number invalid"),
    known(
        131_047,
        true,
        "More than 24 hours since the customer's last message",
    ),
    known(131_048, true, "Spam limit of the phone number reached"),
    known(
        131_049,
        true,
        "Not delivered to protect the customer from too many marketing messages",
    ),
    known(131_050, true, "The customer has stopped marketing messages"),
    known(131_051, true, "Message type not supported"),
    known(131_052, true, "Media of a received message not downloaded"),
    known(131_053, true, "Media of a sent message not uploaded"),
    known(131_055, false, "Message kind not allowed on this API"),
    known(
        131_056,
        true,
        "Too many messages to one customer in a short time",
    ),
    known(131_057, true, "Account in maintenance"),
    known(131_062, false, "Message cannot be sent to a user id"),
    known(
        131_063,
        true,
        "Marketing templates are switched off for the Cloud API",
    ),
    known(
        131_064,
        true,
        "Limit after violations of template categories",
    ),
    known(
        131_065,
        false,
        "Maximum price not available in this country",
    ),
    known(
        131_214,
        false,
        "Group creation off after too much marketing",
    ),
    known(
        132_000,
        true,
        "Number of template parameters does not match",
    ),
    known(132_001, true, "Template does not exist"),
    known(132_005, true, "Template too long"),
    known(132_007, true, "Template violates a policy"),
    known(132_008, true, "Template parameter has the wrong format"),
    known(132_012, true, "Template format does not match"),
    known(132_015, true, "Template paused"),
    known(132_016, true, "Template disabled"),
    known(132_018, false, "Template parameter invalid"),
    known(132_068, true, "Flow blocked"),
    known(132_069, true, "Flow throttled"),
    known(
        134_100,
        false,
        "Marketing Messages API: not a marketing template",
    ),
    known(
        134_101,
        false,
        "Marketing Messages API: template still syncing",
    ),
    known(
        134_102,
        false,
        "Marketing Messages API: template not available",
    ),
    known(135_000, false, "Generic error"),
    known(137_000, false, "Identity key does not match"),
    known(139_200, false, "Direct Send blocked"),
];

impl ErrorCode {
    /// Parses a code. A text that is not a number is `OTHER`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        text.parse().map_or(Self::Other, Self::Number)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(out, "{number}"),
            Self::Other => out.write_str("OTHER"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_codes_are_sorted_and_fit_the_limit() {
        assert!(KNOWN_ERROR_CODES.is_sorted_by(|one, next| one.number < next.number));
        let at_zero = KNOWN_ERROR_CODES.iter().filter(|code| code.starts_at_zero);
        assert!(at_zero.count() < MAX_ERROR_CODES);
    }

    #[test]
    fn a_code_is_its_number() {
        for (text, shown) in [
            ("131026", "131026"),
            ("0", "0"),
            ("999999", "999999"),
            ("-1", "OTHER"),
            ("99999999999", "OTHER"),
            ("(#131026)", "OTHER"),
            ("", "OTHER"),
        ] {
            assert_eq!(ErrorCode::parse(text).to_string(), shown);
            assert_eq!(ErrorCode::parse(shown).to_string(), shown);
        }
    }
}
