//! The quality rating of phone numbers and templates.

use super::word::meta_words;

meta_words! {
    /// Quality rating. Meta's spec uses `NA` on one page and `UNKNOWN` on another for the same value.
    QualityRating {
        Green = "GREEN",
        Yellow = "YELLOW",
        Red = "RED",
        Unknown = "UNKNOWN" | "NA",
    }
}

impl QualityRating {
    /// The rating as a number that sorts: 3 GREEN, 2 YELLOW, 1 RED. `None` if it is unknown.
    #[must_use]
    pub fn score(self) -> Option<u8> {
        match self {
            Self::Green => Some(3),
            Self::Yellow => Some(2),
            Self::Red => Some(1),
            Self::Unknown | Self::Other => None,
        }
    }
}
