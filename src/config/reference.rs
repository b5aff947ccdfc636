//! The table of every setting, for documentation and for checks against it.

use super::Config;
use super::environment::FixedEnvironment;
use super::error::ConfigErrors;
use super::flags::Flags;
use super::setting::Setting;
use super::walker::Walker;
use super::yaml::Node;

/// Every setting, in reading order. It is what the walker asks for when nothing is configured, so a
/// setting that is read cannot be missing from it.
#[must_use]
pub fn reference() -> Vec<Setting> {
    let (flags, environment) = (Flags::default(), FixedEnvironment::default());
    let nothing = Node::Map(Vec::new());
    let mut walker = Walker::new(
        &flags,
        Some(&nothing),
        &environment,
        ConfigErrors::default(),
    );
    Config::read(&mut walker, true);
    walker.into_asked()
}
