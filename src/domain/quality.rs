//! The quality rating of phone numbers and templates.

use super::word::meta_words;

meta_words! {
    /// Quality rating. Meta's spec lists `NA` on one page where another has `UNKNOWN`: one and the same.
    QualityRating {
        Green = "GREEN",
        Yellow = "YELLOW",
        Red = "RED",
        Unknown = "UNKNOWN" | "NA",
    }
}

impl QualityRating {
    /// The rating as a number that sorts: 3 GREEN, 2 YELLOW, 1 RED, none where it is not known.
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
