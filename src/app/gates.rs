//! The gates of both listeners: their settings, and the files that can change at run time, such as renewed
//! certificates.

use std::future::pending;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rustix::system::uname;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::RunningSources;
use crate::config::{ClientAuth, Config, Environment, TlsConfig, TlsVersion, WebFile};
use crate::serve::gate::{
    ClientCertificates, Gate, PROBES, Paths, Prepared, SiteNames, Terms, TlsTerms, TlsVersions,
};
use crate::serve::public::OPEN_TO_ALL;
use crate::telemetry::Telemetry;

/// Interval at which the files are checked, and so the longest delay until a renewed certificate is used.
const CHECK_EVERY: Duration = Duration::from_secs(5);

/// The gates of both listeners.
#[derive(Clone)]
pub(super) struct Gates {
    pub web: Arc<Gate>,
    pub webhook: Arc<Gate>,
}

/// Validated settings for both listeners.
pub(super) struct BothPrepared {
    web: Prepared,
    webhook: Prepared,
}

impl Gates {
    /// Creates both gates with the settings of this configuration.
    ///
    /// # Errors
    /// If the TLS settings cannot be used.
    pub fn new(config: &Config, telemetry: &Arc<Telemetry>) -> anyhow::Result<Self> {
        let gate = |listener| Arc::new(Gate::open(listener, Arc::clone(telemetry)));
        let gates = Self {
            web: gate("web"),
            webhook: gate("webhook"),
        };
        gates.install(prepare(config)?);
        Ok(gates)
    }

    /// Applies the settings to new connections and requests.
    pub fn install(&self, prepared: BothPrepared) {
        self.web.install(prepared.web);
        self.webhook.install(prepared.webhook);
    }
}

/// Validates the TLS settings of this configuration.
///
/// # Errors
/// The invalid setting, with its file.
pub(super) fn prepare(config: &Config) -> anyhow::Result<BothPrepared> {
    let say_where = |file: Option<&WebFile>, terms: &Terms| {
        let path = file.map_or_else(String::new, |file| file.path.display().to_string());
        Prepared::new(terms).with_context(|| path)
    };
    Ok(BothPrepared {
        web: say_where(config.web.config_file.as_ref(), &web_terms(config))?,
        webhook: say_where(config.webhook.config_file.as_ref(), &webhook_terms(config))?,
    })
}

/// The settings of the operator listener. If some of its routes need no client certificate (open probes, or public
/// routes on the same port), the handshake must not require one.
fn web_terms(config: &Config) -> Terms {
    let terms = config.web.config_file.as_ref();
    Terms {
        names: SiteNames {
            allowed: config.web.allowed_hosts.clone(),
            external_origin: config
                .web
                .external_url
                .as_ref()
                .map(|url| url.origin().ascii_serialization()),
            machine: machine_name(),
        },
        lifecycle: config.web.enable_lifecycle,
        paths: web_paths(config),
        ..terms.map_or_else(Terms::default, |file| web_file_terms(config, file))
    }
}

/// The paths of the operator listener. Without a route prefix, a proxy may strip the path of the external URL or not.
fn web_paths(config: &Config) -> Paths {
    let (web, webhook) = (&config.web, &config.webhook.path);
    Paths {
        prefix: web.prefix().to_owned(),
        without_prefix: web.route_prefix.is_none(),
        webhook: webhook.as_str().to_owned(),
    }
}

/// The machine's host name, which may also be a name in the public DNS.
pub(super) fn machine_name() -> Option<String> {
    let name = uname().nodename().to_str().ok()?.to_ascii_lowercase();
    (!name.is_empty()).then_some(name)
}

fn web_file_terms(config: &Config, file: &WebFile) -> Terms {
    let open_paths: &[&str] = if config.web.open_probes { &PROBES } else { &[] };
    let is_shared = config.webhook.enabled && config.webhook.listen_address.is_none();
    let is_for_all = !is_shared && open_paths.is_empty();
    let asked = file.tls.as_ref().map(|tls| tls.client_auth);
    Terms {
        users: file.users.0.clone(),
        certificate_required: asked.is_some_and(ClientAuth::is_required),
        open_paths,
        tls: file.tls.as_ref().map(|tls| {
            let clients =
                (tls.client_auth != ClientAuth::NoClientCert).then(|| ClientCertificates {
                    required: is_for_all && tls.client_auth.is_required(),
                    authority: tls
                        .client_ca
                        .clone()
                        .filter(|_| tls.client_auth.is_verified()),
                    allowed_sans: tls.client_allowed_sans.clone(),
                    common_name: None,
                });
            tls_terms(tls, file.http2, clients)
        }),
        ..shared_terms(file)
    }
}

/// The gate of the public listener, if it is separate. Applications that send events authenticate with a token, not
/// with Meta's certificate.
fn webhook_terms(config: &Config) -> Terms {
    let paths = Paths {
        webhook: config.webhook.path.as_str().to_owned(),
        ..Paths::default()
    };
    let Some(file) = &config.webhook.config_file else {
        return Terms {
            paths,
            ..Terms::default()
        };
    };
    let client_ca = config.webhook.client_ca_file.as_ref();
    Terms {
        certificate_required: client_ca.is_some(),
        open_paths: &OPEN_TO_ALL,
        paths,
        tls: file.tls.as_ref().map(|tls| {
            let clients = client_ca.map(|client_ca| ClientCertificates {
                required: false,
                authority: Some(client_ca.0.clone()),
                allowed_sans: Vec::new(),
                common_name: Some(config.webhook.client_common_name.clone()),
            });
            tls_terms(tls, file.http2, clients)
        }),
        ..shared_terms(file)
    }
}

fn shared_terms(file: &WebFile) -> Terms {
    let rate = file.rate_limit.as_ref();
    Terms {
        headers: file.headers.clone(),
        rate_limit: rate.map(|rate| (rate.interval, rate.burst)),
        ..Terms::default()
    }
}

fn tls_terms(tls: &TlsConfig, http2: bool, clients: Option<ClientCertificates>) -> TlsTerms {
    TlsTerms {
        certificates: tls.certificates.clone(),
        key: tls.key.clone(),
        clients,
        versions: match (tls.min_version, tls.max_version) {
            (TlsVersion::Tls12, TlsVersion::Tls12) => TlsVersions::Only12,
            (TlsVersion::Tls13, _) => TlsVersions::Only13,
            (TlsVersion::Tls12, TlsVersion::Tls13) => TlsVersions::Both,
        },
        cipher_suites: tls.cipher_suites.clone(),
        curves: tls.curve_preferences.clone(),
        prefer_own_suites: tls.prefer_server_cipher_suites,
        http2,
    }
}

/// The current files of both listeners, or the error.
pub(super) type LoadedWebFiles = anyhow::Result<[Option<WebFile>; 2]>;

/// A running check of the files, in a thread.
type FileCheck = Pin<Box<dyn Future<Output = LoadedWebFiles> + Send>>;

/// Detects changes of the files.
pub(super) struct Watch {
    paths: [Option<PathBuf>; 2],
    /// `None` while the files cannot be read.
    last: Option<[Option<[u8; 32]>; 2]>,
    ticks: Interval,
    /// The running check. It outlives a cancelled [`Watch::changed`]; otherwise frequent cancellations would
    /// prevent every check.
    check: Option<FileCheck>,
}

impl Watch {
    /// Starts from the files that the configuration has read.
    pub fn new(config: &Config) -> Self {
        let files = || {
            [
                config.web.config_file.as_ref(),
                config.webhook.config_file.as_ref(),
            ]
        };
        let mut ticks = interval(CHECK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            paths: files().map(|file| file.map(|file| file.path.clone())),
            last: Some(files().map(|file| file.map(|file| file.fingerprint))),
            ticks,
            check: None,
        }
    }

    /// Waits until a file has changed. Never returns if there are no files. Cancel-safe.
    pub async fn changed(&mut self, sources: &RunningSources) -> LoadedWebFiles {
        if self.paths.iter().all(Option::is_none) {
            pending::<()>().await;
        }
        loop {
            if self.check.is_none() {
                self.ticks.tick().await;
            }
            let check = self
                .check
                .get_or_insert_with(|| check(&self.paths, sources));
            let files = check.await;
            self.check = None;
            let fingerprint = |file: &Option<WebFile>| file.as_ref().map(|file| file.fingerprint);
            let now = files.as_ref().ok();
            let now = now.map(|files| files.each_ref().map(fingerprint));
            if now != self.last {
                self.last = now;
                return files;
            }
        }
    }
}

fn check(paths: &[Option<PathBuf>; 2], sources: &RunningSources) -> FileCheck {
    let (paths, environment) = (paths.clone(), Arc::clone(&sources.environment));
    let reader = sources.web_files.clone();
    let read = move |environment: &dyn Environment| read_files(&paths, environment);
    Box::pin(async move {
        let files = reader.read(environment, read).await;
        files.map_err(anyhow::Error::from).flatten()
    })
}

fn read_files(paths: &[Option<PathBuf>; 2], environment: &dyn Environment) -> LoadedWebFiles {
    let [web, webhook] = paths.each_ref().map(|path| {
        let load = |path: &PathBuf| {
            WebFile::load(path, environment).with_context(|| path.display().to_string())
        };
        path.as_ref().map(load).transpose()
    });
    Ok([web?, webhook?])
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::io;
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, mpsc};

    use tokio::time::timeout;

    use super::super::ConfigSources;
    use super::*;
    use crate::config::Flags;

    /// A file that responds only on request, and counts how often it is read.
    struct SlowFile {
        answers: Mutex<mpsc::Receiver<()>>,
        reads: Arc<AtomicUsize>,
    }

    impl Environment for SlowFile {
        fn variable(&self, _name: &str) -> Option<OsString> {
            None
        }

        fn variable_names(&self) -> Vec<String> {
            Vec::new()
        }

        fn read_file(&self, _path: &Path, _limit: usize) -> io::Result<Vec<u8>> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let answers = self.answers.lock().expect("no test panics while it reads");
            answers.recv().map_err(io::Error::other)?;
            Ok(Vec::new())
        }
    }

    #[tokio::test]
    async fn a_cancelled_check_continues() {
        let (answer, answers) = mpsc::channel();
        let reads = Arc::new(AtomicUsize::new(0));
        let sources = RunningSources::new(ConfigSources {
            flags: Flags::default(),
            environment: Box::new(SlowFile {
                answers: Mutex::new(answers),
                reads: Arc::clone(&reads),
            }),
        });
        let mut watch = Watch {
            paths: [Some("web.yml".into()), None],
            last: Some([None, None]),
            ticks: interval(CHECK_EVERY),
            check: None,
        };
        for _ in 0..3 {
            // As if another branch of `select!` had completed.
            let check = timeout(Duration::ZERO, watch.changed(&sources)).await;
            assert!(check.is_err(), "the file does not respond yet");
        }
        answer.send(()).expect("a thread reads");
        let files = watch.changed(&sources).await.expect("it can be read");
        assert!(files[0].is_some() && files[1].is_none());
        assert_eq!(reads.load(Ordering::Relaxed), 1);
    }
}
