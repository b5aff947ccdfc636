//! The file of `web.config_file` and `webhook.config_file`: TLS, headers, passwords and the rate of
//! requests of one listener, in the format of Prometheus' exporter-toolkit, so that a file that serves
//! another exporter serves this one.
//!
//! Source: <https://prometheus.io/docs/prometheus/latest/configuration/https/> and the toolkit's
//! `docs/web-configuration.md`. What it allows and this program cannot do is refused, not ignored.

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
use super::error::ConfigErrors;
use super::file::File;
use super::flags::Flags;
use super::setting::{Scalar, Setting};
use super::value;
use super::walker::Walker;
use super::yaml::{self, Node};

pub use rate::RateLimit;
pub use tls::{ClientAuth, TlsConfig, TlsVersion};
pub use users::Users;

/// A thousand users take some 80 KiB, an inline chain of certificates 10 KiB.
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

/// What the file says, with the content of the files that it names. `Debug` shows no secret.
#[derive(Clone, Debug)]
pub struct WebFile {
    /// Where it stands, to be read again.
    pub path: PathBuf,
    /// `tls_server_config`; none is plain HTTP.
    pub tls: Option<TlsConfig>,
    /// `http_server_config.http2`; default true, and of use with TLS alone.
    pub http2: bool,
    /// `http_server_config.headers`: names and values to be sent with every answer.
    pub headers: Vec<(&'static str, String)>,
    /// `basic_auth_users`; nobody is asked for a password where it is empty.
    pub users: Users,
    /// `rate_limit`; optional.
    pub rate_limit: Option<RateLimit>,
    /// Of every byte that was read: another one is another configuration.
    pub fingerprint: [u8; 32],
}

impl WebFile {
    /// Reads the file and those that it names.
    ///
    /// # Errors
    /// Everything that is wrong, each with its key in the file.
    pub fn load(path: &Path, environment: &dyn Environment) -> Result<Self, ConfigErrors> {
        // The path is not repeated: a secret may have been put where it belongs.
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
            Err(problem) => {
                errors.add(THE_FILE, problem);
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

/// The texts of a list, where the file has one at `setting`.
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
