//! How long Meta serves each version of the Graph API, according to its changelog of November 2026.
//!
//! That changelog has a version of 4 November 2026 whose name it does not show. It is not in the table: a guessed name
//! would be reported as a fact, and an unknown version is reported as unknown.

use crate::domain::Timestamp;

/// The versions with the date on which each ends. `None` if its end is not announced.
const VERSIONS: &[(&str, Option<&str>)] = &[
    ("v19.0", Some("2026-05-21")),
    ("v20.0", Some("2026-09-24")),
    ("v21.0", Some("2027-01-21")),
    ("v22.0", Some("2027-05-20")),
    ("v23.0", Some("2027-10-08")),
    ("v24.0", Some("2028-02-18")),
    ("v25.0", Some("2028-07-29")),
    ("v26.0", None),
];

/// How long a version is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Until this date.
    Until(Timestamp),
    /// Its end is not announced.
    NotAnnounced,
    /// The version is not known to this release of the exporter.
    NotKnown,
}

/// How long this version is served.
#[must_use]
pub fn lifetime(version: &str) -> Lifetime {
    let known = VERSIONS.iter().find(|(known, _)| *known == version);
    match known {
        None => Lifetime::NotKnown,
        Some((_, None)) => Lifetime::NotAnnounced,
        Some((_, Some(day))) => midnight(day).map_or(Lifetime::NotKnown, Lifetime::Until),
    }
}

fn midnight(day: &str) -> Option<Timestamp> {
    let midnight: jiff::Timestamp = format!("{day}T00:00:00Z").parse().ok()?;
    Some(Timestamp::from_millis(midnight.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_but_the_newest_has_an_end_in_ascending_order() {
        let (newest, older) = VERSIONS.split_last().expect("versions");
        assert_eq!(lifetime(newest.0), Lifetime::NotAnnounced);
        let ends: Vec<Timestamp> = older
            .iter()
            .map(|(version, _)| match lifetime(version) {
                Lifetime::Until(end) => end,
                other => panic!("{version}: {other:?}"),
            })
            .collect();
        assert!(ends.is_sorted());
        assert_eq!(ends[0], Timestamp::from_seconds(1_779_321_600));
        for unknown in ["v1.0", "v27.0", "v25", ""] {
            assert_eq!(lifetime(unknown), Lifetime::NotKnown, "{unknown}");
        }
    }
}
