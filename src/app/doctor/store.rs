//! Can the exporter keep what it learns?

use super::Finding;
use crate::app::settings;
use crate::config::Config;
use crate::store::Location;

const CHECK: &str = "store";

pub(super) fn writable(config: &Config) -> Finding {
    match settings::location(config) {
        Location::Memory => Finding::problem(
            CHECK,
            "kept in memory: every restart forgets all counters and the history",
            "Set store.url to sqlite: and a path on a disk that outlives the process.",
        ),
        location @ Location::File(_) => match location.writable() {
            Ok(()) => Finding::fine(CHECK, format!("{} can be written", config.store.url)),
            Err((path, error)) => Finding::problem(
                CHECK,
                format!("cannot write to {}: {error}", path.display()),
                "Let the exporter's user write there, or set store.url to another path.",
            ),
        },
    }
}
