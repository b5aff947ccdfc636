//! The app node, of which only the name is used.

use serde_json::{Value, json};

use crate::simulator::world::App;

pub(super) const KNOWN_FIELDS: &[&str] = &["category", "id", "link", "name"];

pub(super) fn value(app: &App, field: &str) -> Option<Value> {
    Some(match field {
        "id" => json!(app.id),
        "name" => json!(app.name),
        "link" => json!(format!("https://www.facebook.com/games/?app_id={}", app.id)),
        _ => return None,
    })
}
