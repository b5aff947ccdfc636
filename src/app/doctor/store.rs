//! Checks that the exporter can write to its store.

use super::{Finding, database};
use crate::app::settings;
use crate::config::Config;
use crate::store::Location;

const CHECK: &str = "store";

pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let finding = match settings::location(config) {
        Location::Memory => Finding::problem(
            CHECK,
            "in memory: every restart loses all counters and the history",
            "Set store.url to `sqlite:` and a path on a persistent disk.",
        ),
        Location::Server(options) => return database::check(&options, &config.shared_hash()).await,
        location @ Location::File(_) => match location.writable() {
            Ok(()) => Finding::fine(CHECK, format!("{} is writable", config.store.url)),
            Err((path, error)) => Finding::problem(
                CHECK,
                format!("cannot write to {}: {error}", path.display()),
                "Give the exporter's user write permission, or set store.url to another path.",
            ),
        },
    };
    vec![finding]
}
