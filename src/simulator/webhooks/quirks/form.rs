//! Edits of JSON that several quirks share. Each returns whether it changed something.

use serde_json::{Number, Value, json};

/// The elements of a list, or none.
pub(super) fn elements<'a>(
    object: &'a mut Value,
    key: &str,
) -> impl Iterator<Item = &'a mut Value> {
    let list = object.get_mut(key).and_then(Value::as_array_mut);
    list.into_iter().flatten()
}

/// Edits each of the items; true if one of them changed.
pub(super) fn each<T>(items: impl IntoIterator<Item = T>, edit: impl Fn(T) -> bool) -> bool {
    let mut has_changed = false;
    for item in items {
        has_changed |= edit(item);
    }
    has_changed
}

/// Removes a key.
pub(super) fn remove(object: &mut Value, key: &str) -> bool {
    let object = object.as_object_mut();
    object.is_some_and(|object| object.remove(key).is_some())
}

/// Moves a value to another key.
pub(super) fn rename(object: &mut Value, before: &str, after: &str) -> bool {
    let Some(object) = object.as_object_mut() else {
        return false;
    };
    let Some(value) = object.remove(before) else {
        return false;
    };
    object.insert(after.to_owned(), value);
    true
}

/// Sets a key that is absent.
pub(super) fn add(object: &mut Value, key: &str, value: Value) -> bool {
    let Some(object) = object.as_object_mut() else {
        return false;
    };
    if object.contains_key(key) {
        return false;
    }
    object.insert(key.to_owned(), value);
    true
}

/// Replaces text by text.
pub(super) fn rewrite(object: &mut Value, key: &str, edit: impl Fn(&str) -> String) -> bool {
    replace(object, key, |value| {
        let before = value.as_str()?;
        let after = edit(before);
        (after != before).then(|| after.into())
    })
}

/// Replaces a value, unless `edit` returns `None`.
pub(super) fn replace(
    object: &mut Value,
    key: &str,
    edit: impl Fn(&Value) -> Option<Value>,
) -> bool {
    let Some(value) = object.get_mut(key) else {
        return false;
    };
    let Some(after) = edit(value) else {
        return false;
    };
    *value = after;
    true
}

/// Text of digits becomes a number.
pub(super) fn to_number(object: &mut Value, key: &str) -> bool {
    replace(object, key, |value| {
        let number: u64 = value.as_str()?.parse().ok()?;
        Some(Value::Number(Number::from(number)))
    })
}

/// A number becomes text.
pub(super) fn to_text(object: &mut Value, key: &str) -> bool {
    replace(object, key, |value| {
        Some(value.as_number()?.to_string().into())
    })
}

/// A list of one element becomes that element.
pub(super) fn to_single(object: &mut Value, key: &str) -> bool {
    replace(object, key, |value| match value.as_array()?.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    })
}

/// Text becomes a list of that text.
pub(super) fn to_list(object: &mut Value, key: &str) -> bool {
    replace(object, key, |value| {
        value.is_string().then(|| json!([value]))
    })
}

/// `15550100102` becomes `+1 555-010-0102`, as the Graph API writes it.
pub(super) fn to_displayed(object: &mut Value, key: &str) -> bool {
    rewrite(object, key, |digits| {
        match (digits.is_ascii(), digits.len()) {
            (true, 11) => format!(
                "+{} {}-{}-{}",
                &digits[..1],
                &digits[1..4],
                &digits[4..7],
                &digits[7..]
            ),
            _ => digits.to_owned(),
        }
    })
}
