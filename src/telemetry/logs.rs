//! Logs: text for people or JSON for machines, on standard error, with RFC 3339 times in UTC.
//!
//! Rules for log lines: a constant lower-case message, values as fields, and never a token, a payload or a customer's
//! number.

use std::io::{self, IsTerminal};

use tracing::Dispatch;
use tracing::dispatcher::{self, SetGlobalDefaultError};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::{MakeWriter, fmt};

use super::logfmt::Logfmt;

/// sqlx repeats lines of the file with PostgreSQL's passwords that it cannot parse.
const NO_PASSWORDS: &str = "sqlx_postgres::options::pgpass=off";

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLineFormat {
    /// For people; coloured on a terminal.
    Text,
    /// One JSON object per line, with the fields next to `message` and `timestamp`.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The level is neither a level nor filter directives.
    #[error("the log level is neither a level nor filter directives")]
    Level(#[from] ParseError),
    /// Logging has already been set up in this process.
    #[error("logging was set up before")]
    AlreadySet(#[from] SetGlobalDefaultError),
}

/// Sends the log of the whole process to standard error. `level` is a level (`info`) or `tracing` filter directives
/// (`info,reqwest=debug`).
///
/// # Errors
/// If the level is invalid, or if logging has already been set up.
pub fn init(level: &str, format: LogLineFormat) -> Result<(), LogsError> {
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let dispatch = dispatch(level, format, colours, io::stderr)?;
    Ok(dispatcher::set_global_default(dispatch)?)
}

/// The destination of a log, for [`init`] and for parts of the program with a log of their own.
///
/// # Errors
/// If `level` is neither a level nor filter directives.
pub fn dispatch<W>(
    level: &str,
    format: LogLineFormat,
    colours: bool,
    writer: W,
) -> Result<Dispatch, ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(level)?.add_directive(NO_PASSWORDS.parse()?);
    // The formatter's own clock writes RFC 3339 in UTC with microseconds.
    let lines = fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        // A line that cannot be written is lost. Reporting that on standard error, which is where it could not be written,
        // would panic in the task that logs.
        .log_internal_errors(false)
        .with_writer(writer);
    Ok(match format {
        LogLineFormat::Text => lines.fmt_fields(Logfmt).into(),
        LogLineFormat::Json => lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .into(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// The lines logged so far.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no writer panicked").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: &str, format: LogLineFormat, log_something: fn()) -> String {
        let log = Log::default();
        let writer = log.clone();
        let dispatch = dispatch(level, format, false, move || writer.clone()).expect("a level");
        dispatcher::with_default(&dispatch, log_something);
        let bytes = log.0.lock().expect("no writer panicked").clone();
        String::from_utf8(bytes).expect("text")
    }

    /// Whether it reads `2026-11-23T06:44:00.123456Z`.
    fn is_utc_rfc3339(time: &str) -> bool {
        time.ends_with('Z') && time.parse::<jiff::Timestamp>().is_ok()
    }

    #[test]
    fn text_has_time_level_message_and_fields() {
        let line = logged("info", LogLineFormat::Text, || {
            tracing::info!(port = 10131, "listening");
        });
        let (time, rest) = line.split_once(' ').expect("a line");
        assert!(is_utc_rfc3339(time), "{line}");
        assert!(
            rest.contains("INFO") && rest.ends_with("listening port=10131\n"),
            "{line}"
        );
    }

    #[test]
    fn values_are_quoted_as_logfmt() {
        let line = logged("info", LogLineFormat::Text, || {
            let (name, error) = ("फ़र्न & \"Moss\"\n\u{1b}[31m", "no such file: a=b");
            let (id, absent) = ("8001", None::<&str>);
            tracing::info!(name, error = %error, id = %id, absent, ratio = 0.5, is_on = true, "changed");
        });
        let (_, fields) = line.split_once("changed ").expect("the message");
        assert_eq!(
            fields,
            "name=\"फ़र्न & \\\"Moss\\\"\\n\\u001b[31m\" error=\"no such file: a=b\" id=8001 ratio=0.5 \
             is_on=true\n"
        );
    }

    #[test]
    fn json_is_one_flat_object_per_line() {
        let line = logged("info", LogLineFormat::Json, || {
            tracing::info!(port = 10131, "listening");
        });
        let object: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(object["message"], "listening");
        assert_eq!(
            (&object["level"], &object["port"]),
            (&"INFO".into(), &10131.into())
        );
        assert!(
            object["timestamp"].as_str().is_some_and(is_utc_rfc3339),
            "{line}"
        );
    }

    #[test]
    fn levels_and_directives_filter() {
        let log_both = || {
            tracing::debug!("own");
            tracing::debug!(target: "reqwest", "other");
        };
        assert_eq!(logged("info", LogLineFormat::Text, log_both), "");
        let lines = logged("info,reqwest=debug", LogLineFormat::Text, log_both);
        assert!(lines.contains("other") && !lines.contains("own"), "{lines}");
        let log_password =
            || tracing::warn!(target: "sqlx_postgres::options::pgpass", line = "a:b");
        assert_eq!(logged("trace", LogLineFormat::Text, log_password), "");
        assert!(dispatch("info,reqwest=loud", LogLineFormat::Text, false, io::sink).is_err());
    }
}
