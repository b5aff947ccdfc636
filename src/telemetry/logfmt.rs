//! Fields of a text log line as logfmt: `name=value`, with texts in quotation marks and JSON's escapes, so that Loki
//! and other readers of logfmt get every value back. `Debug` would escape marks of Hindi, Thai or emoji in a way that
//! they cannot read.

use std::fmt::{self, Debug};

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

/// The name of the field with the constant text of the line.
const MESSAGE: &str = "message";

/// Formats fields as logfmt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logfmt;

impl<'writer> FormatFields<'writer> for Logfmt {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = Visitor {
            writer,
            is_first: true,
            result: Ok(()),
        };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct Visitor<'writer> {
    writer: Writer<'writer>,
    is_first: bool,
    result: fmt::Result,
}

impl Visitor<'_> {
    fn write(&mut self, field: &Field, value: &str) {
        let result = self.try_write(field.name(), value);
        self.result = self.result.and(result);
        self.is_first = false;
    }

    fn try_write(&mut self, name: &str, value: &str) -> fmt::Result {
        if !self.is_first {
            self.writer.write_char(' ')?;
        }
        if name == MESSAGE {
            return self.writer.write_str(value);
        }
        let name = name.trim_start_matches("r#");
        if self.writer.has_ansi_escapes() {
            // Italic name, dimmed sign.
            write!(
                self.writer,
                "\u{1b}[3m{name}\u{1b}[0m\u{1b}[2m=\u{1b}[0m{value}"
            )
        } else {
            write!(self.writer, "{name}={value}")
        }
    }
}

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            MESSAGE => self.record_debug(field, &format_args!("{value}")),
            _ => self.write(field, &quoted(value)),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        match field.name() {
            // One line, without escape sequences for a terminal.
            MESSAGE => self.write(field, &text.replace(char::is_control, " ")),
            _ if is_plain(&text) => self.write(field, &text),
            _ => self.write(field, &quoted(&text)),
        }
    }
}

/// Whether logfmt needs no quotation marks around the value.
fn is_plain(text: &str) -> bool {
    let is_special = |character: char| {
        character.is_whitespace() || character.is_control() || matches!(character, '=' | '"')
    };
    !(text.is_empty() || text.contains(is_special))
}

/// The text as a JSON string.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
