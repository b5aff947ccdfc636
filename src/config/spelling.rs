//! Derives the flag and the variable of a setting from its key at compile time: `poll.numbers_interval` becomes
//! `--poll.numbers-interval` and `WHATSAPP_EXPORTER_POLL_NUMBERS_INTERVAL`.

/// Rules for deriving a name from a key.
pub(super) struct NameRules {
    prefix: &'static str,
    dot: u8,
    underscore: u8,
    is_upper_case: bool,
}

pub(super) const FLAG: NameRules = NameRules {
    prefix: "--",
    dot: b'.',
    underscore: b'-',
    is_upper_case: false,
};

pub(super) const VARIABLE: NameRules = NameRules {
    prefix: "WHATSAPP_EXPORTER_",
    dot: b'_',
    underscore: b'_',
    is_upper_case: true,
};

impl NameRules {
    /// Length of the name in bytes.
    pub(super) const fn length(&self, key: &str) -> usize {
        self.prefix.len() + key.len()
    }

    /// The name, which has [`Self::length`] bytes.
    pub(super) const fn spell<const LENGTH: usize>(&self, key: &str) -> [u8; LENGTH] {
        let (prefix, key) = (self.prefix.as_bytes(), key.as_bytes());
        let mut name = [0; LENGTH];
        let mut at = 0;
        // Constant functions do not support `for` loops.
        while at < LENGTH {
            name[at] = if at < prefix.len() {
                prefix[at]
            } else {
                match key[at - prefix.len()] {
                    b'.' => self.dot,
                    b'_' => self.underscore,
                    letter if self.is_upper_case => letter.to_ascii_uppercase(),
                    letter => letter,
                }
            };
            at += 1;
        }
        name
    }
}

/// The name of a key, derived by the rules of `FLAG` or `VARIABLE`, as a constant.
macro_rules! spelled {
    ($spelling:ident, $key:expr) => {{
        const LENGTH: usize = $crate::config::spelling::$spelling.length($key);
        const NAME: [u8; LENGTH] = $crate::config::spelling::$spelling.spell($key);
        match std::str::from_utf8(&NAME) {
            Ok(name) => name,
            Err(_) => panic!("keys are ASCII"),
        }
    }};
}

pub(super) use spelled;

/// A doc comment as one sentence without its full stop.
pub(super) const fn sentence(comment: &'static str) -> &'static str {
    let text = comment.trim_ascii();
    match text.as_bytes() {
        [sentence @ .., b'.'] => match std::str::from_utf8(sentence) {
            Ok(sentence) => sentence,
            Err(_) => panic!("a full stop is a character"),
        },
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_spelled_as_a_flag_and_as_a_variable() {
        const KEY: &str = "poll.numbers_interval";
        assert_eq!(spelled!(FLAG, KEY), "--poll.numbers-interval");
        assert_eq!(
            spelled!(VARIABLE, KEY),
            "WHATSAPP_EXPORTER_POLL_NUMBERS_INTERVAL"
        );
    }

    #[test]
    fn a_help_sentence_has_no_margin_and_no_full_stop() {
        assert_eq!(
            sentence(" How often. Default 1.5."),
            "How often. Default 1.5"
        );
        assert_eq!(sentence(" How often"), "How often");
    }
}
