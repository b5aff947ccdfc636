//! A running exporter with its simulated Meta, and `doctor` with the same configuration or another one.

use whatsapp_business_exporter::app::ConfigSources;
use whatsapp_business_exporter::app::doctor::{Finding, Report, Verdict, examine};
use whatsapp_business_exporter::config::{FixedEnvironment, Flags};
use whatsapp_business_exporter::simulator::World;
use whatsapp_business_exporter::simulator::change::WorldChange;

use crate::exporter::meta::{Exporter, NUMBER, SELDOM, WABA, config_file, small_world};

/// The configuration file of `doctor`.
const FILE: &str = "doctor.yml";

pub struct Patient {
    pub exporter: Exporter,
    /// Further flags of `doctor`, besides those of every test.
    pub environment: FixedEnvironment,
    pub flags: Flags,
    store: tempfile::TempDir,
}

impl Patient {
    /// A healthy setup that has received a webhook.
    pub async fn healthy() -> Self {
        Self::in_world(small_world()).await
    }

    /// As above, in a larger world. The exporter polls only the small world's account.
    pub async fn in_world(world: World) -> Self {
        let exporter = Exporter::configured(world, &config_file(SELDOM, &[WABA])).await;
        for collector in ["numbers", "account", "templates"] {
            exporter.until_polled(WABA, collector).await;
        }
        let flagged = WorldChange::NumberFlagged {
            phone_number_id: NUMBER.into(),
        };
        exporter
            .meta
            .change(flagged)
            .expect("the world has the number");
        let came = "whatsapp_exporter_webhook_last_received_timestamp_seconds";
        exporter
            .until_metrics("a webhook", |text| text.contains(&format!("\n{came}{{")))
            .await;

        let store = tempfile::tempdir().expect("a temporary folder");
        let flags = flags(&exporter, store.path());
        let callback = format!("{}/webhook", exporter.url);
        let flags = flags.with("--webhook.callback-url", Some(callback));
        let environment = exporter.meta.look(|world| {
            FixedEnvironment::default()
                .with_file(FILE, config_file(SELDOM, &[WABA]))
                .with_variable("WHATSAPP_APP_ID", &world.app.id)
                .with_variable("WHATSAPP_ACCESS_TOKEN", &world.app.token.text)
                .with_variable("WHATSAPP_APP_SECRET", &world.app.secret)
                .with_variable("WHATSAPP_WEBHOOK_VERIFY_TOKEN", &world.app.verify_token)
        });
        Self {
            exporter,
            environment,
            flags,
            store,
        }
    }

    pub fn store_folder(&self) -> &std::path::Path {
        self.store.path()
    }

    pub fn with_flag(mut self, flag: &'static str, value: &str) -> Self {
        self.flags = self.flags.with(flag, Some(value.to_owned()));
        self
    }

    pub fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.environment = self.environment.with_variable(name, value);
        self
    }

    pub fn without_variable(mut self, name: &str) -> Self {
        self.environment = self.environment.without_variable(name);
        self
    }

    pub fn with_file(mut self, text: &str) -> Self {
        self.environment = self.environment.with_file(FILE, text);
        self
    }

    pub fn without_public_address(mut self) -> Self {
        self.flags = flags(&self.exporter, self.store.path());
        self
    }

    pub fn let_happen(&self, change: WorldChange) {
        self.exporter
            .meta
            .change(change)
            .expect("the world has the node");
    }

    pub async fn examined(&self) -> Report {
        let source = ConfigSources {
            flags: self.flags.clone(),
            environment: Box::new(self.environment.clone()),
        };
        examine(&source).await.expect("an examination")
    }

    /// The findings with another configuration file.
    pub async fn examined_with(&self, file: &str) -> Report {
        let source = ConfigSources {
            flags: self.flags.clone(),
            environment: Box::new(self.environment.clone().with_file(FILE, file)),
        };
        examine(&source).await.expect("an examination")
    }

    /// The findings of one check.
    pub async fn found(&self, check: &str) -> Vec<Finding> {
        let findings = self.examined().await.findings.into_iter();
        findings.filter(|finding| finding.check == check).collect()
    }
}

/// The settings of `doctor` in every test, without the public address.
fn flags(exporter: &Exporter, store: &std::path::Path) -> Flags {
    let address = exporter.url.trim_start_matches("http://").to_owned();
    let url = format!("sqlite:{}", store.join("state.db").display());
    Flags::default()
        .with_config_file(Some(FILE.into()))
        .with("--web.listen-address", Some(address))
        .with("--store.url", Some(url))
        .with(
            "--graph.base-url",
            Some(exporter.meta.graph_url().to_owned()),
        )
}

/// Fails unless the check has a finding with this verdict whose message and remedy contain these words.
pub async fn assert_found(
    patient: &Patient,
    check: &str,
    verdict: Verdict,
    words: &str,
    cure: &str,
) {
    assert_among(&patient.found(check).await, verdict, words, cure);
}

/// As [`assert_found`], for given findings.
pub fn assert_among(found: &[Finding], verdict: Verdict, words: &str, cure: &str) {
    let is_it = found.iter().any(|finding| {
        finding.verdict == verdict
            && finding.message.contains(words)
            && finding
                .cure
                .as_deref()
                .is_some_and(|text| text.contains(cure))
    });
    assert!(
        is_it,
        "no {verdict:?} {words:?} with {cure:?} in {found:#?}"
    );
}
