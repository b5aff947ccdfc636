//! The apps' part of the summary.

use super::super::kind::{NOT_SET, listed, presence};
use super::super::section::SummaryLine;
use super::super::setting::Setting;
use super::settings::{
    ACCESS_TOKEN, ACCOUNTS, APP_ID, APP_SECRET, APP_SECRET_PREVIOUS, BUSINESSES, DISCOVER_BY_TOKEN,
    EXCLUDE, INCLUDE, NAME, VERIFY_TOKEN,
};
use super::{AppConfig, DiscoveryConfig};

/// One line per key of each app. For secrets and patterns, shows only whether they are set.
pub(in super::super) fn lines(apps: &[AppConfig]) -> Vec<SummaryLine> {
    let apps = apps.iter().enumerate();
    apps.flat_map(|(index, app)| app_lines(index, app))
        .collect()
}

fn app_lines(index: usize, app: &AppConfig) -> Vec<SummaryLine> {
    let AppConfig {
        name,
        app_id,
        access_token,
        app_secret,
        app_secret_previous,
        webhook_verify_token,
        accounts,
        discovery:
            DiscoveryConfig {
                by_token,
                businesses,
                include,
                exclude,
            },
    } = app;
    let app_id = app_id.as_ref().map_or(NOT_SET, |id| id.as_str());
    let values: [(&Setting, String); 11] = [
        (&NAME, name.clone()),
        (&APP_ID, app_id.to_owned()),
        (&ACCESS_TOKEN.value, presence(Some(access_token))),
        (&APP_SECRET.value, presence(app_secret.as_ref())),
        (
            &APP_SECRET_PREVIOUS.value,
            presence(app_secret_previous.as_ref()),
        ),
        (&VERIFY_TOKEN.value, presence(webhook_verify_token.as_ref())),
        (&ACCOUNTS, listed(accounts)),
        (&DISCOVER_BY_TOKEN, by_token.to_string()),
        (&BUSINESSES, listed(businesses)),
        (&INCLUDE, presence(include.as_ref())),
        (&EXCLUDE, presence(exclude.as_ref())),
    ];
    let values = values.into_iter();
    values
        .map(|(setting, value)| SummaryLine::new(setting.key_of_item(index), value))
        .collect()
}
