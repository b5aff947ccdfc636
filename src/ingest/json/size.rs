//! Counts the values of a text before it is parsed: in memory, a value takes many times its bytes.

use super::repair::MAX_DEPTH;

/// Whether the text has more values than `most`, not counting those nested too deeply to be read. It takes one pass,
/// does not recurse and stops early.
#[must_use]
pub fn has_more_values_than(most: usize, json: &[u8]) -> bool {
    let (mut values, mut depth) = (0_usize, 0_usize);
    let (mut in_text, mut is_escaped) = (false, false);
    for byte in json {
        if in_text {
            in_text = is_escaped || *byte != b'"';
            is_escaped = !is_escaped && *byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'[' | b'{' => {
                depth += 1;
                values += usize::from(depth <= MAX_DEPTH);
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => values += usize::from(depth <= MAX_DEPTH),
            _ => {}
        }
        if values > most {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 1_000;

    #[test]
    fn the_smallest_values_count_in_any_structure() {
        for value in ["1,", "{},", "[],", r#"{"a":1},"#, r#""\\","#, r#""[\"","#] {
            let few = format!("[{}]", value.repeat(MOST / 4));
            assert!(!has_more_values_than(MOST, few.as_bytes()), "{value}");
            let many = format!("[{}]", value.repeat(MOST));
            assert!(has_more_values_than(MOST, many.as_bytes()), "{value}");
        }
    }

    #[test]
    fn punctuation_in_strings_and_values_nested_too_deeply_do_not_count() {
        let marks = format!(r#"["{}"]"#, "[{,\\\"".repeat(MOST * 2));
        assert!(!has_more_values_than(MOST, marks.as_bytes()));
        let deep = format!("{}{}", "[".repeat(MOST * 2), "]".repeat(MOST * 2));
        assert!(!has_more_values_than(MOST, deep.as_bytes()));
        // Brackets within a string add no depth.
        let after = format!(r#"["{}",{}]"#, "[".repeat(MOST), "1,".repeat(MOST));
        assert!(has_more_values_than(MOST, after.as_bytes()));
    }
}
