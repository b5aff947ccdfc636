//! The table of every setting, for flags, documentation and checks against it.

use std::sync::LazyLock;

use super::Config;
use super::environment::FixedEnvironment;
use super::error::ConfigErrors;
use super::file::File;
use super::flags::Flags;
use super::setting::Setting;
use super::walker::Walker;

/// Every setting, in the order of reading. These are the settings that the walker requests for an empty
/// configuration, so no setting that is read can be missing.
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
