//! The table of every setting, for flags, documentation and checks against it.

use std::sync::LazyLock;

use super::Config;
use super::environment::FixedEnvironment;
use super::error::ConfigErrors;
use super::file::File;
use super::flags::Flags;
use super::setting::Setting;
use super::walker::Walker;

/// Every setting, in reading order. It is what the walker asks for when nothing is configured, so a
/// setting that is read cannot be missing from it.
#[must_use]
pub fn reference() -> Vec<Setting> {
    static REFERENCE: LazyLock<Vec<Setting>> = LazyLock::new(ask);
    REFERENCE.clone()
}

fn ask() -> Vec<Setting> {
    let (flags, environment) = (Flags::default(), FixedEnvironment::default());
    let file = File::none();
    let mut walker = Walker::new(&flags, &file, &environment, ConfigErrors::default());
    Config::read(&mut walker, true);
    walker.into_asked()
}
