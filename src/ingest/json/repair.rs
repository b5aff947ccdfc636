//! Makes JSON readable that serde_json refuses whole because of one value in it.
//!
//! Meta cuts text at 16 bits, so a name can end in half a surrogate pair; JSON's grammar allows that, a
//! number beyond any float and any depth of nesting, and serde_json refuses all three. A byte that is not
//! UTF-8 and a raw control character break the grammar, but only within one string. Each of these is
//! replaced; a text that is broken in its structure, such as a truncated one, is not JSON and stays so.
//!
//! Every replacement has the length of what it replaces. Offsets into the repaired text are therefore
//! offsets into the bytes received, which is what delivery keys hash. It also means that one invalid byte
//! becomes `?`: U+FFFD takes three.
//!
//! Lenient parsers exist: json-syntax replaces half surrogates, qubit-json escapes control characters and
//! leaves the rest to serde_json. None accepts all of it, and a second parser would disagree with the first
//! one about other things. One linear pass in front of serde_json runs only after serde_json has refused
//! the text. It does not recurse and has no state but its position and its depth.

use serde::de::IgnoredAny;
use serde_json::Value;

/// The deepest nesting that serde_json reads into a `Value`.
const MAX_DEPTH: usize = 127;

/// A number of fewer digits and without an exponent fits a float.
const DIGITS_OF_ANY_FLOAT: usize = 308;

/// What can be wrong with a value that leaves the values beside it readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// `\ud83d` without `\ude00` after it, or the second without the first; read as U+FFFD.
    HalfSurrogate,
    /// Bytes that are not UTF-8; each is read as `?`.
    InvalidUtf8,
    /// A control character that is not escaped; read as a space.
    ControlCharacter,
    /// A backslash with nothing after it that it could escape; read as `?`.
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

    /// Its name in the log.
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

/// How many values were replaced, by defect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repairs([u64; Defect::ALL.len()]);

impl Repairs {
    /// Each defect that was met, with how often it was.
    pub fn iter(&self) -> impl Iterator<Item = (Defect, u64)> {
        let all = Defect::ALL.into_iter().zip(self.0);
        all.filter(|(_, count)| *count > 0)
    }

    fn note(&mut self, defect: Defect) {
        self.0[defect as usize] += 1;
    }
}

/// The text with every unreadable value replaced, and what was replaced. Whether the result is JSON is
/// for serde_json to say.
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

    /// Repairs the string whose first character is at `at`; gives the position after its end.
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

    /// Repairs the escape whose backslash is at `at`; gives the position after its end.
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

    /// What `\uXXXX` at `at` stands for.
    fn code_unit(&self, at: usize) -> Option<u16> {
        let digits = self.text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |unit, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            Some(unit << 4 | u16::try_from(digit).ok()?)
        })
    }

    /// Replaces the number that begins at `at` if no float can hold it; gives the position after its end.
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

    /// Replaces a list or object that is too deep; what has mismatched brackets stays, and is refused.
    fn drop_container(&mut self, from: usize, to: usize) {
        if !is_json(&self.text[from..to]) {
            return;
        }
        // What is too short for `null` is empty or holds one digit; at this depth nobody looks at it.
        let stand_in: &[u8] = if to - from < b"null".len() {
            b"\"\""
        } else {
            b"null"
        };
        self.replace(from, to, stand_in, b' ');
        self.repairs.note(Defect::NestedTooDeeply);
    }

    /// Writes `with`, filled up by `filler`, over a part of the same length or more.
    fn replace(&mut self, from: usize, to: usize, with: &[u8], filler: u8) {
        let part = &mut self.text[from..to];
        part.fill(filler);
        part[..with.len()].copy_from_slice(with);
    }
}

/// Is this one value by JSON's grammar? Skipping a value takes no recursion and looks into no number.
fn is_json(text: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests;
