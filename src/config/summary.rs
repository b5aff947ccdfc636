//! A summary of the configuration that is safe to share: values as an operator would write them, secrets only as
//! `set` or `not set`.

use std::fmt::{self, Display};

use sha2::{Digest as _, Sha256};

use super::{Config, apps};

impl Config {
    /// One line per setting, `key: value`, without secrets.
    #[must_use]
    pub fn summary(&self) -> impl Display {
        Summary(self)
    }

    /// A hash of the settings that all replicas on one database must share. Listeners, logs and the paths of files can
    /// differ.
    #[must_use]
    pub fn shared_hash(&self) -> String {
        let sections = [
            self.poll.lines(),
            self.metrics.lines(),
            self.templates.lines(),
            self.insights.lines(),
            self.trackers.lines(),
            self.gate.lines(),
            self.relay.lines(),
            self.notify.lines(),
            apps::lines(&self.apps),
        ];
        let mut hash = Sha256::new();
        for line in sections.iter().flatten() {
            hash.update(line.to_string());
            hash.update("\n");
        }
        let hash = hash.finalize();
        let first = hash.first_chunk().expect("a hash has 32 bytes");
        format!("{:016x}", u64::from_be_bytes(*first))
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
            config.otlp.lines(),
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
