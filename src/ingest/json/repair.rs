//! Repairs JSON that serde_json rejects as a whole because of one value.
//!
//! Meta truncates text at UTF-16 code units, so a name can end in half a surrogate pair. JSON's grammar allows
//! that, as well as numbers beyond any float and any nesting depth, but serde_json rejects all three. Invalid
//! UTF-8 and raw control characters violate the grammar, but only within one string. Each of these is replaced.
//! A text with a broken structure, such as a truncated one, stays invalid.
//!
//! Every replacement keeps the length. Offsets into the repaired text are therefore offsets into the received
//! bytes, which delivery keys hash. That is also why one invalid byte becomes `?`: U+FFFD takes three bytes.
//!
//! Existing lenient parsers do not accept all of these: json-syntax replaces half surrogates, qubit-json
//! escapes control characters. A second parser would also differ from serde_json elsewhere. Instead, one linear
//! pass repairs the text after serde_json has rejected it. It does not recurse, and its only state is its
//! position and depth.

use serde::de::IgnoredAny;
use serde_json::Value;

/// Maximum nesting depth that serde_json reads into a `Value`.
pub(super) const MAX_DEPTH: usize = 127;

/// A number with at most this many digits and without an exponent fits a float.
const DIGITS_OF_ANY_FLOAT: usize = 308;

/// Defects of a value that leave the other values readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// `\ud83d` without `\ude00` after it, or the second without the first; read as U+FFFD.
    HalfSurrogate,
    /// Bytes that are not UTF-8; each is read as `?`.
    InvalidUtf8,
    /// A control character that is not escaped; read as a space.
    ControlCharacter,
    /// A backslash that does not start a valid escape; read as `?`.
    InvalidEscape,
    /// A number beyond any float; read as null.
    NumberOutOfRange,
    /// A list or object nested too deeply; read as null.
    NestedTooDeeply,
}

impl Defect {
    const ALL: [Self; 6] = [
        Self::HalfSurrogate,
        Self::InvalidUtf8,
        Self::ControlCharacter,
        Self::InvalidEscape,
        Self::NumberOutOfRange,
        Self::NestedTooDeeply,
    ];

    /// The name of the defect in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HalfSurrogate => "half_surrogate",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::ControlCharacter => "control_character",
            Self::InvalidEscape => "invalid_escape",
            Self::NumberOutOfRange => "number_out_of_range",
            Self::NestedTooDeeply => "nested_too_deeply",
        }
    }
}

/// Number of replaced values by defect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repairs([u64; Defect::ALL.len()]);

impl Repairs {
    /// Each defect found, with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Defect, u64)> {
        let all = Defect::ALL.into_iter().zip(self.0);
        all.filter(|(_, count)| *count > 0)
    }

    fn note(&mut self, defect: Defect) {
        self.0[defect as usize] += 1;
    }
}

/// The text with every unreadable value replaced, and the replacements. The result is not necessarily valid
/// JSON.
pub fn repaired(json: &[u8]) -> (String, Repairs) {
    let mut pass = Pass {
        text: json.to_vec(),
        repairs: Repairs::default(),
    };
    pass.repair_encoding();
    pass.repair_values();
    let text = String::from_utf8(pass.text);
    (
        text.expect("the encoding was repaired, and ASCII replaces whole characters"),
        pass.repairs,
    )
}

/// One pass over a text.
struct Pass {
    text: Vec<u8>,
    repairs: Repairs,
}

impl Pass {
    fn repair_encoding(&mut self) {
        let mut from = 0;
        while let Err(error) = str::from_utf8(&self.text[from..]) {
            let at = from + error.valid_up_to();
            let length = error.error_len().unwrap_or(self.text.len() - at);
            self.replace(at, at + length, b"", b'?');
            self.repairs.note(Defect::InvalidUtf8);
            from = at + length;
        }
    }

    fn repair_values(&mut self) {
        let (mut at, mut depth, mut too_deep_from) = (0, 0_usize, 0);
        while let Some(byte) = self.text.get(at) {
            match byte {
                b'"' => at = self.repair_string(at + 1),
                b'-' | b'0'..=b'9' => at = self.repair_number(at),
                b'[' | b'{' => {
                    depth += 1;
                    if depth == MAX_DEPTH + 1 {
                        too_deep_from = at;
                    }
                    at += 1;
                }
                b']' | b'}' => {
                    at += 1;
                    if depth == MAX_DEPTH + 1 {
                        self.drop_container(too_deep_from, at);
                    }
                    depth = depth.saturating_sub(1);
                }
                _ => at += 1,
            }
        }
    }

    /// Repairs the string whose first character is at `at`. Returns the position after its end.
    fn repair_string(&mut self, mut at: usize) -> usize {
        while let Some(byte) = self.text.get(at) {
            match byte {
                b'"' => return at + 1,
                b'\\' => at = self.repair_escape(at),
                0..=0x1f => {
                    self.text[at] = b' ';
                    self.repairs.note(Defect::ControlCharacter);
                    at += 1;
                }
                _ => at += 1,
            }
        }
        at
    }

    /// Repairs the escape whose backslash is at `at`. Returns the position after its end.
    fn repair_escape(&mut self, at: usize) -> usize {
        match self.text.get(at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => return at + 2,
            Some(b'u') => {}
            _ => return self.repair_backslash(at),
        }
        match self.code_unit(at) {
            None => self.repair_backslash(at),
            Some(0xd800..=0xdbff) if matches!(self.code_unit(at + 6), Some(0xdc00..=0xdfff)) => {
                at + 12
            }
            Some(0xd800..=0xdfff) => {
                self.replace(at + 2, at + 6, b"fffd", b' ');
                self.repairs.note(Defect::HalfSurrogate);
                at + 6
            }
            Some(_) => at + 6,
        }
    }

    fn repair_backslash(&mut self, at: usize) -> usize {
        self.text[at] = b'?';
        self.repairs.note(Defect::InvalidEscape);
        at + 1
    }

    /// The code unit of `\uXXXX` at `at`.
    fn code_unit(&self, at: usize) -> Option<u16> {
        let digits = self.text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |unit, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            Some(unit << 4 | u16::try_from(digit).ok()?)
        })
    }

    /// Replaces the number that begins at `at` if no float can hold it. Returns the position after its end.
    fn repair_number(&mut self, at: usize) -> usize {
        let is_part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
        let length = self.text[at..]
            .iter()
            .take_while(|byte| is_part(byte))
            .count();
        let number = &self.text[at..at + length];
        let may_be_large =
            length > DIGITS_OF_ANY_FLOAT || number.iter().any(|byte| b"eE".contains(byte));
        if may_be_large && is_json(number) && serde_json::from_slice::<Value>(number).is_err() {
            self.replace(at, at + length, b"null", b' ');
            self.repairs.note(Defect::NumberOutOfRange);
        }
        at + length
    }

    /// Replaces a list or object that is too deep. Mismatched brackets stay, and parsing fails.
    fn drop_container(&mut self, from: usize, to: usize) {
        if !is_json(&self.text[from..to]) {
            return;
        }
        // A container too short for `null` is empty or contains one digit; nothing reads values at this depth.
        let stand_in: &[u8] = if to - from < b"null".len() {
            b"\"\""
        } else {
            b"null"
        };
        self.replace(from, to, stand_in, b' ');
        self.repairs.note(Defect::NestedTooDeeply);
    }

    /// Overwrites a range with `with`, padded with `filler`.
    fn replace(&mut self, from: usize, to: usize, with: &[u8], filler: u8) {
        let part = &mut self.text[from..to];
        part.fill(filler);
        part[..with.len()].copy_from_slice(with);
    }
}

/// Whether this is one value by JSON's grammar. serde_json skips a value without recursion and without parsing
/// numbers.
fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests;
