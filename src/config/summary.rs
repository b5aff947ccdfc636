//! A summary of the configuration that is safe to share: values as an operator would write them, secrets only as
//! `set` or `not set`.

use std::fmt::{self, Display};

use super::{Config, apps};

impl Config {
    /// One line per setting, `key: value`, without secrets.
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
            config.metrics.lines(),
            config.templates.lines(),
            config.insights.lines(),
            config.trackers.lines(),
            config.gate.lines(),
            config.relay.lines(),
            config.notify.lines(),
            config.log.lines(),
            apps::lines(&config.apps),
        ];
        for (index, line) in sections.iter().flatten().enumerate() {
            if index > 0 {
                out.write_str("\n")?;
            }
            write!(out, "{line}")?;
        }
        Ok(())
    }
}
