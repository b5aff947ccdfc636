//! The settings of one experiment.

use crate::config::setting::Setting;
use crate::domain::journey::FIRST_VERSION;

pub(super) const NAME: Setting = Setting::new(
    "trackers.experiments[].name",
    "Name of the experiment; give a changed experiment another name, because its users are counted anew",
);

pub(super) const JOURNEY: Setting = Setting::new(
    "trackers.experiments[].journey",
    "Name of the declared journey",
);

pub(super) const VERSION: Setting = Setting::new(
    "trackers.experiments[].version",
    "Version of the journey whose variants are compared",
)
.default(FIRST_VERSION);

pub(super) const VARIANTS: Setting = Setting::new(
    "trackers.experiments[].variants",
    "Declared variants that are compared, as a list of 2 to 10; the first one is the control",
);

pub(super) const VERSIONS: Setting = Setting::new(
    "trackers.experiments[].versions",
    "Two declared versions that are compared instead of variants, as a list: before and after a change",
);

pub(super) const METRIC: Setting = Setting::new(
    "trackers.experiments[].metric",
    "What counts as a success: completion, step_answered, confusion, read, reply, opt_out or first_response",
);

pub(super) const STEP: Setting = Setting::new(
    "trackers.experiments[].step",
    "The step of the metric step_answered or confusion; without it, confusion is that of any step",
);

pub(super) const WITHIN: Setting = Setting::new(
    "trackers.experiments[].within",
    "The time within which the business must respond, for the metric first_response",
);

pub(super) const SMALLEST_EFFECT: Setting = Setting::new(
    "trackers.experiments[].smallest_effect",
    "The smallest difference between two rates that matters: with 5%, a rate of 65% differs from one of 60%",
);

pub(super) const SIGNIFICANCE: Setting = Setting::new(
    "trackers.experiments[].significance",
    "The maximum probability of a wrong verdict, over all looks and variants",
)
.default("5%");

pub(super) const POWER: Setting = Setting::new(
    "trackers.experiments[].power",
    "The probability that a difference of smallest_effect is detected once the needed number of users is reached",
)
.default("80%");

pub(super) const EXPECTED_RATE: Setting = Setting::new(
    "trackers.experiments[].expected_rate",
    "The expected success rate of the control; the needed users are planned with it until enough users are counted",
)
.default("50%");

pub(super) const SPLIT: Setting = Setting::new(
    "trackers.experiments[].split",
    "The share of users of each variant, as a list; the default is equal shares",
);

pub(super) const SETTINGS: [Setting; 13] = [
    NAME,
    JOURNEY,
    VERSION,
    VARIANTS,
    VERSIONS,
    METRIC,
    STEP,
    WITHIN,
    SMALLEST_EFFECT,
    SIGNIFICANCE,
    POWER,
    EXPECTED_RATE,
    SPLIT,
];
