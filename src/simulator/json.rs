//! JSON as Meta writes it: ASCII only, with `\/` for a slash and `\u00e4` for everything else.
//!
//! Meta signs this form, so a receiver that parses and rewrites a body before it verifies the signature fails. See
//! <https://developers.facebook.com/docs/graph-api/webhooks/getting-started>.

use std::io;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

/// Serializes `value` like the Graph API, as in recorded calls.
#[must_use]
pub fn graph_text(value: &Value) -> String {
    write(
        value,
        MetaFormatter {
            escapes_at_sign: false,
        },
    )
}

/// Serializes `value` like Meta's webhooks: as [`graph_text`], with `@` escaped as well.
#[must_use]
pub fn webhook_text(value: &Value) -> String {
    write(
        value,
        MetaFormatter {
            escapes_at_sign: true,
        },
    )
}

fn write(value: &Value, formatter: MetaFormatter) -> String {
    let mut bytes = Vec::new();
    value
        .serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
        .expect("a JSON value has text keys and a vector takes every write");
    String::from_utf8(bytes).expect("the formatter writes ASCII")
}

#[derive(Clone, Copy)]
struct MetaFormatter {
    escapes_at_sign: bool,
}

impl Formatter for MetaFormatter {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for character in fragment.chars() {
            match character {
                '/' => writer.write_all(b"\\/")?,
                '@' if self.escapes_at_sign => writer.write_all(b"\\u0040")?,
                ascii if ascii.is_ascii() => writer.write_all(&[ascii as u8])?,
                other => {
                    for unit in other.encode_utf16(&mut [0; 2]) {
                        write!(writer, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn non_ascii_slash_and_at_sign_are_escaped_and_read_back_unchanged() {
        let value = json!({"a/b": "Café 🌿 @home \"x\"\n"});
        let text = webhook_text(&value);
        assert_eq!(
            text,
            r#"{"a\/b":"Caf\u00e9 \ud83c\udf3f \u0040home \"x\"\n"}"#
        );
        assert_eq!(
            serde_json::from_str::<Value>(&text).expect("valid JSON"),
            value
        );
        assert!(graph_text(&value).contains('@'));
    }
}
