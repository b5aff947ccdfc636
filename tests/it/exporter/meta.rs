//! A small world, an exporter that watches it, and functions that read its metrics.

mod changing_file;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use whatsapp_business_exporter::app::{BoundExporter, ConfigSources};
use whatsapp_business_exporter::config::{Config, Flags};
use whatsapp_business_exporter::serve::ReloadRequest;
use whatsapp_business_exporter::simulator::world::{Account, PhoneNumber, Template, World};
use whatsapp_business_exporter::simulator::{Handle, Simulation, SimulationOptions};

pub use changing_file::{CONFIG_FILE, ChangingFile};

pub const WABA: &str = "800100200300400";

pub const NUMBER: &str = "900100200300400";

pub const TEMPLATE: &str = "7001002003004005";

/// Only a failure waits as long as this.
const DEADLINE: Duration = Duration::from_secs(180);

/// Pause between two looks at a condition.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// An interval longer than any test, so later changes come by webhook.
pub const SELDOM: &str = "1h";

/// The shortest interval there is.
pub const OFTEN: &str = "1s";

/// One account with one number and one template, all well.
pub fn small_world() -> World {
    World::empty()
        .with_account(Account::new(WABA, "Fern & Moss"))
        .with_phone_number(
            WABA,
            PhoneNumber::new(NUMBER, "+1 555-010-0199", "Fern & Moss"),
        )
        .with_template(WABA, Template::new(TEMPLATE, "spring_offer"))
}

/// A configuration file that watches these accounts.
pub fn config_file(interval: &str, accounts: &[&str]) -> String {
    format!(
        "poll:\n  numbers_interval: {interval}\n  account_interval: {interval}\n  \
         templates_interval: {interval}\napps:\n  - accounts: [{}]\n",
        accounts.join(", ")
    )
}

/// An exporter and its simulated Meta, which run until this is dropped.
pub struct Exporter {
    pub meta: Handle,
    pub url: String,
    /// Where webhooks are received. The same as `url` if both share a listener.
    pub public_url: String,
    pub file: ChangingFile,
    pub http: reqwest::Client,
    flags: Flags,
    reloads: tokio::sync::mpsc::Sender<ReloadRequest>,
    stop: CancellationToken,
    app: Option<JoinHandle<()>>,
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Exporter {
    /// Where `/metrics` is served.
    pub fn address(&self) -> SocketAddr {
        let address = self.url.trim_start_matches("http://");
        address.parse().expect("the URL of a listener")
    }

    /// An exporter that watches the world's accounts, polling so often; returns when each has been
    /// polled by every collector.
    pub async fn watching(world: World, interval: &str) -> Self {
        let accounts: Vec<String> = world.accounts.keys().cloned().collect();
        let listed: Vec<&str> = accounts.iter().map(String::as_str).collect();
        let exporter = Self::configured(world, &config_file(interval, &listed)).await;
        for waba_id in &listed {
            for collector in ["numbers", "account", "templates"] {
                exporter.until_polled(waba_id, collector).await;
            }
        }
        exporter
    }

    /// An exporter with this configuration file; returns when it serves.
    pub async fn configured(world: World, file: &str) -> Self {
        Self::stored(world, file, "sqlite::memory:").await
    }

    /// The same, with a store that outlives it.
    pub async fn stored(world: World, file: &str, store_url: &str) -> Self {
        Self::with_files(world, file, store_url, &[]).await
    }

    /// The same, with more files that the first one names.
    pub async fn with_files(
        world: World,
        file: &str,
        store_url: &str,
        more: &[(&str, &str)],
    ) -> Self {
        let options = SimulationOptions {
            world: Some(world),
            ..SimulationOptions::default()
        };
        let simulation = Simulation::bind(options).await.expect("a free port");
        let meta = simulation.handle();
        let has_public_address = file.contains("webhook:\n  listen_address");
        let file = meta.look(|world| ChangingFile::new(world, file));
        for (path, text) in more {
            file.write_to(path, text);
        }
        let flags = Flags::default()
            .with_config_file(Some(CONFIG_FILE.into()))
            .with("--web.listen-address", Some("127.0.0.1:0".to_owned()))
            .with("--store.url", Some(store_url.to_owned()))
            .with("--graph.base-url", Some(meta.graph_url().to_owned()));
        let flags = if has_public_address {
            flags
        } else {
            // On the operator's port, so most tests need one address.
            flags.with("--webhook.listen-address", Some("127.0.0.1:0".to_owned()))
        };
        let source = ConfigSources {
            flags: flags.clone(),
            environment: Box::new(file.clone()),
        };
        let config = source.load().expect("a valid configuration");
        let app = BoundExporter::bind(config, source).expect("a free port");
        let url = format!("http://{}", app.operator_address());
        let reloads = app.reload_requests();
        let public = app.public_address();
        let public_url = if public.ip().is_unspecified() {
            format!("http://127.0.0.1:{}", public.port())
        } else {
            format!("http://{public}")
        };
        meta.set_callback_url(Some(format!("{public_url}/webhook")));
        let stop = CancellationToken::new();
        let running = app.run(stop.clone());
        let app = tokio::spawn(async move { running.await.expect("it runs until it is stopped") });
        tokio::spawn(simulation.run(stop.clone()));
        Self {
            meta,
            url,
            public_url,
            file,
            http: reqwest::Client::new(),
            flags,
            reloads,
            stop,
            app: Some(app),
        }
    }

    /// The flags it was started with.
    pub fn flags(&self) -> Flags {
        self.flags.clone()
    }

    /// The configuration of a command for this exporter, with the public address.
    pub fn config(&self) -> Config {
        let callback = format!("{}/webhook", self.public_url);
        let flags = self.flags.clone();
        let flags = flags.with("--webhook.callback-url", Some(callback));
        Config::load(&flags, &self.file).expect("a valid configuration")
    }

    /// Reloads the configuration, as SIGHUP does. Returns 200, or 500 with the errors.
    pub async fn reload(&self) -> (u16, String) {
        let (answer, outcome) = tokio::sync::oneshot::channel();
        self.reloads.send(answer).await.expect("it runs");
        match outcome.await.expect("it answers") {
            Ok(()) => (200, String::new()),
            Err(errors) => (500, errors),
        }
    }

    /// Stops it, and returns when its store is closed.
    pub async fn stopped(mut self) {
        self.stop.cancel();
        let app = self.app.take().expect("it is stopped once");
        app.await.expect("the exporter does not panic");
    }

    pub async fn get(&self, path: &str) -> String {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await;
        answer
            .expect("the exporter answers")
            .text()
            .await
            .expect("text")
    }

    /// The value of a series, written as `/metrics` has it.
    pub async fn value(&self, series: &str) -> Option<f64> {
        value_in(&self.get("/metrics").await, series)
    }

    /// Waits until a series has this value.
    #[track_caller]
    pub fn until(&self, series: impl Into<String>, expected: f64) -> impl Future<Output = ()> {
        let series = series.into();
        async move {
            let what = format!("{series} to be {expected}");
            self.until_metrics(&what, |text| value_in(text, &series) == Some(expected))
                .await;
        }
    }

    /// Waits until a series has a value beyond this.
    pub async fn until_above(&self, series: &str, least: f64) {
        let is_above = |text: &str| value_in(text, series).is_some_and(|value| value > least);
        let what = format!("{series} to be above {least}");
        self.until_metrics(&what, is_above).await;
    }

    /// Waits until the scrape satisfies the condition.
    pub async fn until_metrics(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let began = Instant::now();
        loop {
            let text = self.get("/metrics").await;
            if is_so(&text) {
                return;
            }
            assert!(began.elapsed() < DEADLINE, "timed out waiting for {what}");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    pub async fn until_polled(&self, waba_id: &str, collector: &str) {
        let what = format!("a poll of {collector} of {waba_id}");
        self.until_metrics(&what, |text| is_up(text, waba_id, collector))
            .await;
    }

    /// Posts a body as Meta would, signed with the world's secret.
    pub async fn post_signed(&self, body: Vec<u8>) -> u16 {
        let secret = self.meta.look(|world| world.app.secret.clone());
        let signature =
            whatsapp_business_exporter::simulator::signature::header_value(&secret, &body);
        self.post(body, Some(&signature)).await
    }

    /// Posts a body signed with this secret, and expects that it is accepted.
    pub async fn accept(&self, body: Vec<u8>, secret: &str) {
        let signature =
            whatsapp_business_exporter::simulator::signature::header_value(secret, &body);
        assert_eq!(self.post(body, Some(&signature)).await, 200);
    }

    pub async fn post(&self, body: Vec<u8>, signature: Option<&str>) -> u16 {
        let url = format!("{}/webhook", self.public_url);
        let mut request = self.http.post(url).body(body);
        if let Some(signature) = signature {
            request = request.header("X-Hub-Signature-256", signature);
        }
        request
            .send()
            .await
            .expect("the exporter answers")
            .status()
            .as_u16()
    }
}

/// The present second: the time of a webhook that is newer than every poll so far, and not ahead of the clock.
pub fn this_second() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("a clock after 1970").as_secs()
}

/// Whether the last poll succeeded, by any app.
pub fn is_up(text: &str, waba_id: &str, collector: &str) -> bool {
    let labels = [
        format!(r#"waba_id="{waba_id}""#),
        format!(r#"collector="{collector}""#),
    ];
    let mut polls = text
        .lines()
        .filter(|line| line.starts_with("whatsapp_exporter_poll_up{"));
    polls.any(|line| labels.iter().all(|label| line.contains(label)) && line.ends_with(" 1"))
}

fn value_in(text: &str, series: &str) -> Option<f64> {
    let wanted = labels_of(series);
    let sample = text.lines().find(|line| {
        line.rsplit_once(' ')
            .is_some_and(|(name, _)| labels_of(name) == wanted)
    })?;
    sample.rsplit_once(' ')?.1.parse().ok()
}

/// Name and labels of a series, independent of the order of the labels.
fn labels_of(series: &str) -> BTreeMap<&str, &str> {
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let pairs = labels
        .trim_end_matches('}')
        .split(',')
        .filter_map(|pair| pair.split_once('='));
    pairs.chain([("", name)]).collect()
}
