//! Meta's enums as open words: known values by name, all others as `OTHER`.
//!
//! Meta adds and renames values, and its pages contradict each other, so no list here is treated as complete. Parsing
//! cannot fail; the parser counts `OTHER`.

use std::fmt;

/// A closed set of labels for one of Meta's open enums.
pub trait Word: Copy + Ord + fmt::Debug + Send + Sync + 'static {
    /// Every value, `OTHER` last: the state set of this enum.
    const ALL: &'static [Self];

    /// Meta's spelling, used in label values.
    fn as_str(self) -> &'static str;

    /// The value for one of Meta's words, in any case; `OTHER` for a word that this version does not know.
    fn parse(word: &str) -> Self;

    /// Whether this is the value for unknown words.
    fn is_other(self) -> bool;

    /// Position in [`Word::ALL`], for counters in arrays.
    fn index(self) -> usize;
}

/// Declares an enum of Meta's words with its spellings; `| "alias"` adds another spelling.
macro_rules! meta_words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal $(| $alias:literal)*),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = concat!("`", $word, "`")] $variant,)+
            /// A word that this version does not know.
            Other,
        }

        impl $crate::domain::Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)+ Self::Other];

            fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other => "OTHER",
                }
            }

            fn parse(word: &str) -> Self {
                $(if word.eq_ignore_ascii_case($word) $(|| word.eq_ignore_ascii_case($alias))* {
                    return Self::$variant;
                })+
                Self::Other
            }

            fn is_other(self) -> bool {
                matches!(self, Self::Other)
            }

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}
pub(crate) use meta_words;

#[cfg(test)]
mod tests {
    use crate::domain::{QualityRating, Word};

    #[test]
    fn a_word_is_read_in_any_case_and_an_unknown_one_is_other() {
        assert_eq!(QualityRating::parse("green"), QualityRating::Green);
        assert_eq!(QualityRating::parse("NA"), QualityRating::Unknown);
        assert_eq!(QualityRating::parse("ULTRAVIOLET"), QualityRating::Other);
    }

    #[test]
    fn every_word_round_trips_and_has_its_index() {
        for (place, rating) in QualityRating::ALL.iter().copied().enumerate() {
            assert_eq!(QualityRating::parse(rating.as_str()), rating);
            assert_eq!(rating.index(), place);
        }
    }
}
