//! "Did you mean" for keys of the configuration, and for keys and alerts of a values file.

/// One typing error is tolerated per this many letters of a name.
const LETTERS_PER_SLIP: usize = 4;

/// The name closest to `word`, if it is close enough to be meant.
#[must_use]
pub fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let slips = |name: &str| strsim::damerau_levenshtein(&word, &name.to_lowercase());
    let best = names.min_by_key(|name| (slips(name), *name))?;
    (slips(best) <= best.len().div_ceil(LETTERS_PER_SLIP)).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_similar_name_is_suggested_and_a_stranger_is_not() {
        let nearest = |word| nearest(word, ["severity", "for", "WhatsAppDataStale"].into_iter());
        assert_eq!(nearest("severty"), Some("severity"));
        assert_eq!(nearest("whatsappdatastale"), Some("WhatsAppDataStale"));
        assert_eq!(nearest("fro"), Some("for"));
        assert_eq!(nearest("threshold"), None);
    }
}
