//! The configuration as an operator may read and share it: every value in the form it is written in,
//! every secret as whether there is one.

use std::fmt::{self, Display};

use super::Config;
use super::apps::{AppConfig, DiscoveryConfig};
use super::kind::{NOT_SET, presence};

impl Config {
    /// One line for each setting, `key: value`; no secret.
    #[must_use]
    pub fn summary(&self) -> impl Display {
        Summary(self)
    }
}

struct Summary<'a>(&'a Config);

impl Display for Summary<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = self.0;
        let sections = [
            config.web.lines(),
            config.webhook.lines_beside(&config.web),
            config.graph.lines(),
            config.poll.lines(),
            config.store.lines(),
            config.templates.lines(),
            config.trackers.lines(),
            config.relay.lines(),
            config.log.lines(),
        ];
        let mut lines = sections.iter().flatten();
        if let Some(first) = lines.next() {
            write!(out, "{first}")?;
        }
        lines.try_for_each(|line| write!(out, "\n{line}"))?;
        let mut apps = config.apps.iter().enumerate();
        apps.try_for_each(|(index, app)| write_app(out, index, app))
    }
}

fn write_app(out: &mut fmt::Formatter<'_>, index: usize, app: &AppConfig) -> fmt::Result {
    let app_id = app.app_id.as_ref().map_or(NOT_SET, |id| id.as_str());
    let accounts: Vec<&str> = app
        .accounts
        .iter()
        .map(|account| account.as_str())
        .collect();
    let verify_token = presence(app.webhook_verify_token.as_ref());
    write!(out, "\napps[{index}].name: {}", app.name)?;
    write!(out, "\napps[{index}].app_id: {app_id}")?;
    write!(out, "\napps[{index}].access_token: set")?;
    write!(
        out,
        "\napps[{index}].app_secret: {}",
        presence(app.app_secret.as_ref())
    )?;
    write!(
        out,
        "\napps[{index}].app_secret_previous: {}",
        presence(app.app_secret_previous.as_ref())
    )?;
    write!(out, "\napps[{index}].webhook_verify_token: {verify_token}")?;
    write!(out, "\napps[{index}].accounts: {}", accounts.join(", "))?;
    let DiscoveryConfig {
        by_token,
        businesses,
        include,
        exclude,
    } = &app.discovery;
    let businesses: Vec<&str> = businesses
        .iter()
        .map(|business| business.as_str())
        .collect();
    write!(out, "\napps[{index}].discover_by_token: {by_token}")?;
    write!(out, "\napps[{index}].businesses: {}", businesses.join(", "))?;
    write!(
        out,
        "\napps[{index}].include: {}",
        presence(include.as_ref())
    )?;
    write!(
        out,
        "\napps[{index}].exclude: {}",
        presence(exclude.as_ref())
    )
}
