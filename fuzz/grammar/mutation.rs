//! One change to a delivery: to one value of it, or to the text it is written as.

use serde_json::{Value, json};

use super::super::draw::Draw;

/// The delivery with the mutation.
pub struct Mutated {
    pub body: Vec<u8>,
    /// Whether the body may not be JSON any more.
    pub may_break: bool,
    /// As it must be read where strict JSON refuses it; none where that is open.
    pub reads_as: Option<Value>,
}

/// Kinds of changes to a value, and to the text.
const OF_VALUES: usize = 20;
const OF_TEXTS: usize = 9;

pub fn apply(original: &Value, draw: &mut Draw<'_>) -> Mutated {
    let kind = draw.below(OF_VALUES + OF_TEXTS);
    if kind >= OF_VALUES {
        return of_text(original, kind - OF_VALUES, draw);
    }
    let mut changed = original.clone();
    let mut place = draw.below(count(original));
    change_one(&mut changed, &mut place, &|value| of_value(value, kind));
    Mutated {
        body: changed.to_string().into_bytes(),
        may_break: false,
        reads_as: None,
    }
}

/// Values in a tree, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(map) => map.values().map(count).sum(),
        _ => 0,
    }
}

/// Changes the value at this place of the tree. Returns whether the place exists.
fn change_one(value: &mut Value, place: &mut usize, change: &dyn Fn(&Value) -> Value) -> bool {
    if *place == 0 {
        *value = change(value);
        return true;
    }
    *place -= 1;
    match value {
        Value::Array(list) => list
            .iter_mut()
            .any(|value| change_one(value, place, change)),
        Value::Object(map) => map
            .values_mut()
            .any(|value| change_one(value, place, change)),
        _ => false,
    }
}

fn of_value(value: &Value, kind: usize) -> Value {
    let text = value.as_str().unwrap_or_default();
    match kind {
        0 => value.clone(),
        1 => Value::Null,
        2 => json!(true),
        3 => json!(7),
        4 => json!("x"),
        5 => json!([value]),
        6 => json!([null, value]),
        7 => json!({}),
        8 => json!([]),
        9 => json!(1.5),
        10 => json!(-1),
        11 => json!(u64::MAX),
        12 => json!("ä".repeat(300)),
        13 => json!(""),
        14 => text
            .parse::<u64>()
            .map_or_else(|_| json!(value.to_string()), |number| json!(number)),
        15 => json!(text.to_ascii_lowercase()),
        16 => json!(format!(" {text} ")),
        17 => json!([value, value]),
        18 => json!({ "data": value }),
        _ => json!("SOMETHING_NEW"),
    }
}

fn of_text(original: &Value, kind: usize, draw: &mut Draw<'_>) -> Mutated {
    let text = original.to_string();
    let pretty = || serde_json::to_string_pretty(original).expect("it is JSON");
    let within = |piece: &[u8], draw: &mut Draw<'_>| insert(&text, "\"", piece, draw);
    let as_key = |piece: &str, draw: &mut Draw<'_>| insert(&text, "{", piece.as_bytes(), draw);
    let deep = format!("\"deep\":{}{},", "[".repeat(200), "]".repeat(200));
    let (body, may_break, is_beside) = match kind {
        0 => (pretty().into_bytes(), false, true),
        1 => (twice(&text, draw), false, false),
        // Within a string or between two values: the one is repaired, the other is no JSON.
        2 => (within(b"\\ud83d", draw), true, false),
        3 => (within(b"\xff", draw), true, false),
        4 => (within(b"\x07", draw), true, false),
        5 => (
            text.as_bytes()[..draw.below(text.len())].to_vec(),
            true,
            false,
        ),
        6 => (as_key(&deep, draw), true, true),
        7 => (as_key("\"number\":1e999,", draw), true, true),
        _ => (as_key("\"unknown\":{\"a\":[1,{}]},", draw), true, true),
    };
    Mutated {
        body,
        may_break,
        reads_as: is_beside.then(|| original.clone()),
    }
}

/// Puts a piece behind one of the places where `mark` stands.
fn insert(text: &str, mark: &str, piece: &[u8], draw: &mut Draw<'_>) -> Vec<u8> {
    let places: Vec<usize> = text
        .match_indices(mark)
        .map(|(at, _)| at + mark.len())
        .collect();
    let at = places[draw.below(places.len())];
    [&text.as_bytes()[..at], piece, &text.as_bytes()[at..]].concat()
}

/// Writes a key a first time with another value: the last counts.
fn twice(text: &str, draw: &mut Draw<'_>) -> Vec<u8> {
    let places: Vec<usize> = text.match_indices("{\"").map(|(at, _)| at + 1).collect();
    let at = places[draw.below(places.len())];
    let key = text[at..].split(':').next().unwrap_or_default();
    format!("{}{key}:7,{}", &text[..at], &text[at..]).into_bytes()
}
