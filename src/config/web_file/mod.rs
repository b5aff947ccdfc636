//! The file of `web.config_file` and `webhook.config_file`: TLS, headers, passwords and rate limit of one listener,
//! in the format of Prometheus' exporter-toolkit, so that the file of another exporter can be used.
//!
//! Source: <https://prometheus.io/docs/prometheus/latest/configuration/https/> and the toolkit's
//! `docs/web-configuration.md`. Settings of the format that this program does not support are rejected, not ignored.

mod headers;
mod pem;
mod rate;
mod tls;
mod users;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::environment::{self, Environment};
use super::error::{ConfigErrors, shown_yaml_error};
use super::file::File;
use super::flags::Flags;
use super::setting::{Scalar, Setting};
use super::value;
use super::walker::Walker;
use crate::yaml::{self, Node};

pub use rate::RateLimit;
pub use tls::{ClientAuth, TlsConfig, TlsVersion};
pub use users::Users;

/// A thousand users take some 80 KiB, an inline certificate chain 10 KiB.
const MAX_FILE_BYTES: usize = 256 * 1024;

const THE_FILE: &str = "the file it names";

const HTTP2: Scalar<bool> = Scalar {
    setting: Setting::new(
        "http_server_config.http2",
        "Whether HTTP/2 is offered over TLS",
    )
    .default("true"),
    parse: value::boolean,
};

/// The content of the file and of the files that it names. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct WebFile {
    /// Path of the file, for reading it again.
    pub path: PathBuf,
    /// `tls_server_config`; `None` means plain HTTP.
    pub tls: Option<TlsConfig>,
    /// `http_server_config.http2`; the default is true. It has no effect without TLS.
    pub http2: bool,
    /// `http_server_config.headers`: names and values of headers for every response.
    pub headers: Vec<(&'static str, String)>,
    /// `basic_auth_users`; if empty, no password is required.
    pub users: Users,
    /// `rate_limit`; optional.
    pub rate_limit: Option<RateLimit>,
    /// Hash of all bytes that were read, to detect changes.
    pub fingerprint: [u8; 32],
}

impl WebFile {
    /// Reads the file and the files that it names.
    ///
    /// # Errors
    /// All errors, each with its key in the file.
    pub fn load(path: &Path, environment: &dyn Environment) -> Result<Self, ConfigErrors> {
        // The path is not repeated, because it may be a secret that was set by mistake.
        let mut errors = ConfigErrors::default();
        let text = match environment::read_text(environment, path, MAX_FILE_BYTES) {
            Ok(text) => text,
            Err(problem) => {
                errors.add(THE_FILE, problem);
                return Err(errors);
            }
        };
        let node = match yaml::parse(&text) {
            Ok(Node::Empty) => Node::Map(Vec::new()),
            Ok(map @ Node::Map(_)) => map,
            Ok(_) => {
                let message = "must hold keys, such as `tls_server_config:`";
                errors.add(THE_FILE, message);
                return Err(errors);
            }
            Err(error) => {
                errors.add(THE_FILE, shown_yaml_error(&error));
                return Err(errors);
            }
        };
        let (flags, file) = (Flags::default(), File::from_tree(node));
        let mut walker = Walker::new(&flags, &file, environment, errors);
        let web_file = Self::read(&mut walker, path, &text);
        walker.refuse_unknown_keys();
        walker.finish().map(|_| web_file)
    }

    fn read(walker: &mut Walker<'_>, path: &Path, text: &str) -> Self {
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut seen = Sha256::new();
        seen.update(text);
        Self {
            path: path.to_owned(),
            tls: tls::read(walker, folder, &mut seen),
            http2: walker.scalar(&HTTP2),
            headers: headers::read(walker),
            users: users::read(walker),
            rate_limit: rate::read(walker),
            fingerprint: seen.finalize().into(),
        }
    }
}

/// The texts of the list at `setting`, if the file has one.
pub(super) fn texts(walker: &mut Walker<'_>, setting: &Setting) -> Vec<String> {
    walker.note(setting);
    let place = setting.key.expect("a key of the file");
    let items = match walker.node(place) {
        None | Some(Node::Empty) => return Vec::new(),
        Some(Node::List(items)) => items,
        Some(_) => {
            walker.error(place, "takes a list: begin each item with `- `");
            return Vec::new();
        }
    };
    let texts = items.iter().enumerate().filter_map(|(index, item)| {
        let place = format!("{place}[{index}]");
        walker.node_text(&place, item).map(str::to_owned)
    });
    texts.collect()
}
