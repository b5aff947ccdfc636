//! Validates the structure of the file against the known keys: unknown keys, and values where a section is expected.
//! Sections validate their own values. Contains no key names.

use std::collections::BTreeSet;

use super::error::{ConfigErrors, shown_key};
use crate::suggestion;
use crate::yaml::Node;

/// Text with fewer characters is not a secret, so an error may quote it.
const SHORTEST_SECRET: usize = 8;

/// Text shown instead of a key that is not printed.
const HIDDEN: &str = "…";

/// Adds an error for every key of `file` that is not in `known`. A known key is a dotted path; `apps[].name` is the
/// key `name` of each item of the list `apps`.
pub(super) fn check(file: &Node, known: &[&str], errors: &mut ConfigErrors) {
    Shape { known, errors }.map(file, "", "");
}

struct Shape<'a> {
    known: &'a [&'a str],
    errors: &'a mut ConfigErrors,
}

impl Shape<'_> {
    /// Checks the keys below a section. `pattern` is its path among the known keys and `place` its
    /// path in the file; both end in a dot, or are empty at the top.
    fn map(&mut self, node: &Node, pattern: &str, place: &str) {
        let Node::Map(entries) = node else {
            let example = self.names(pattern).next().unwrap_or_default().to_owned();
            let message = format!("must contain keys, such as `{example}:`");
            self.errors.add(place.trim_end_matches('.'), message);
            return;
        };
        for (entry, number) in entries.iter().zip(1..) {
            self.entry((&entry.key, number), &entry.node, pattern, place);
        }
    }

    /// Checks one key, the `number`th of its section.
    fn entry(&mut self, (name, number): (&str, usize), value: &Node, pattern: &str, place: &str) {
        let shown = self.shown(name, pattern);
        let (path, here) = (format!("{pattern}{name}"), format!("{place}{shown}"));
        let unknown = |shape: &Self| match shown.as_str() {
            HIDDEN => shape.unknown_and_hidden(number, pattern),
            shown => shape.unknown(name, shown, pattern),
        };
        let starts = |prefix: &str| self.known.iter().any(|key| key.starts_with(prefix));
        if name.contains(['.', '[']) {
            self.errors.add(here, unknown(self));
        } else if self.known.contains(&path.as_str()) {
            // The section that read the list has checked its items.
        } else if starts(&format!("{path}[].")) {
            self.list(value, &format!("{path}[]."), &here);
        } else if starts(&format!("{path}.")) && *value == Node::Empty {
            // A section whose keys are all commented out.
        } else if starts(&format!("{path}.")) {
            self.map(value, &format!("{path}."), &format!("{here}."));
        } else {
            self.errors.add(here, unknown(self));
        }
    }

    fn list(&mut self, node: &Node, pattern: &str, place: &str) {
        match node {
            Node::Empty => {}
            Node::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.map(item, pattern, &format!("{place}[{index}]."));
                }
            }
            Node::Text(_) | Node::Map(_) => {
                self.errors
                    .add(place, "takes a list: begin each item with `- `");
            }
        }
    }

    /// The printable form of the key. Case variants of known keys (`accessToken`, `ACCESS_TOKEN`) are not
    /// secrets.
    fn shown(&self, name: &str, pattern: &str) -> String {
        let plain = |name: &str| name.replace('_', "").to_lowercase();
        let (is_key, looks_like) = (self.known.contains(&name), plain(name));
        if is_key || self.names(pattern).any(|known| plain(known) == looks_like) {
            return name.to_owned();
        }
        // Lower-case text may be a secret too. It is shown only if it is similar to a known key, or too short for a
        // secret.
        let shown = shown_key(name);
        let word = shown.trim_end_matches(HIDDEN);
        if name.len() < SHORTEST_SECRET || self.nearest(word, pattern).is_some() {
            shown
        } else {
            HIDDEN.to_owned()
        }
    }

    fn unknown(&self, name: &str, shown: &str, pattern: &str) -> String {
        if self.known.contains(&name) {
            let nested = name.replacen('.', ":` and, indented below it, `", 1);
            return format!("keys are nested: write `{nested}:`");
        }
        match self.nearest(shown.trim_end_matches(HIDDEN), pattern) {
            Some(best) => format!("unknown key; did you mean `{best}`?"),
            None => format!("unknown key; remove it (known here: {})", self.all(pattern)),
        }
    }

    fn unknown_and_hidden(&self, number: usize, pattern: &str) -> String {
        format!(
            "key {number} here is unknown, and not shown because it may be a secret; write `key: value` \
             with a space after the colon, or remove it (known here: {})",
            self.all(pattern)
        )
    }

    /// The known name closest to `word`.
    fn nearest(&self, word: &str, pattern: &str) -> Option<&str> {
        suggestion::nearest(word, self.names(pattern))
    }

    fn all(&self, pattern: &str) -> String {
        let names: BTreeSet<&str> = self.names(pattern).collect();
        let names: Vec<&str> = names.into_iter().collect();
        names.join(", ")
    }

    /// The known names directly below `pattern`.
    fn names(&self, pattern: &str) -> impl Iterator<Item = &str> {
        let rest = self
            .known
            .iter()
            .filter_map(move |key| key.strip_prefix(pattern));
        rest.filter_map(|key| key.split(['.', '[']).next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    const KNOWN: &[&str] = &[
        "web.listen_address",
        "apps[].access_token",
        "apps[].accounts",
    ];

    fn errors(text: &str) -> String {
        let mut errors = ConfigErrors::default();
        check(&yaml::parse(text).expect("good YAML"), KNOWN, &mut errors);
        errors.to_string()
    }

    #[test]
    fn known_keys_are_accepted() {
        assert_eq!(
            errors("web: {listen_address: [any, shape]}\napps: [{access_token: x}]"),
            ""
        );
        assert_eq!(errors("web:\napps:\n"), "");
    }

    #[test]
    fn unknown_keys_suggest_the_nearest_key() {
        assert_eq!(errors("wbe: {}"), "wbe: unknown key; did you mean `web`?");
        assert_eq!(errors("Web: {}"), "Web: unknown key; did you mean `web`?");
        assert_eq!(
            errors(r#""": 1"#),
            "\"\": unknown key; remove it (known here: apps, web)"
        );
        assert_eq!(
            errors("x: 1"),
            "x: unknown key; remove it (known here: apps, web)"
        );
        assert_eq!(
            errors("apps: [{}, {acess_token: x}]"),
            "apps[1].acess_token: unknown key; did you mean `access_token`?"
        );
        let hidden = errors("apps: [{my_secret_phrase: x}]");
        assert!(hidden.starts_with("apps[0].…: key 1 here"), "{hidden}");
    }

    #[test]
    fn dotted_keys_suggest_nesting() {
        assert_eq!(
            errors("web.listen_address: x"),
            "web.listen_address: keys are nested: write `web:` and, indented below it, `listen_address:`"
        );
        assert_eq!(
            errors("apps[]: x"),
            "apps…: unknown key; did you mean `apps`?"
        );
    }

    #[test]
    fn a_key_that_may_be_a_secret_is_not_shown() {
        assert_eq!(
            errors("web: {listen_address: x, EAAGsecret: x}"),
            "web.…: key 2 here is unknown, and not shown because it may be a secret; write `key: value` \
             with a space after the colon, or remove it (known here: listen_address)"
        );
        assert_eq!(
            errors("apps: [{acess_token:EAAGsecret}]"),
            "apps[0].acess_token…: unknown key; did you mean `access_token`?"
        );
        assert_eq!(
            errors("apps: [{ACCESS_TOKEN: x, accessToken: x}]"),
            "apps[0].ACCESS_TOKEN: unknown key; did you mean `access_token`?\n\
             apps[0].accessToken: unknown key; did you mean `access_token`?"
        );
    }

    #[test]
    fn values_in_place_of_sections_and_lists_are_errors() {
        assert_eq!(
            errors("web: 5"),
            "web: must contain keys, such as `listen_address:`"
        );
        assert_eq!(
            errors("apps: 5"),
            "apps: takes a list: begin each item with `- `"
        );
        assert_eq!(
            errors("apps: [5]"),
            "apps[0]: must contain keys, such as `access_token:`"
        );
    }

    #[test]
    fn a_secret_attached_to_its_key_is_not_shown() {
        assert_eq!(
            errors("apps: [{access_token:EAAGsecret}]"),
            "apps[0].access_token…: unknown key; did you mean `access_token`?"
        );
    }
}
