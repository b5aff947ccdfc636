//! Pages of the history and their cursors.

use super::*;

#[test]
fn only_written_cursors_are_parsed() {
    let rest = [
        "1",
        "template",
        "2",
        "status",
        "webhook",
        "ümlaut, \"quote\"",
    ];
    let cursor = Cursor(LineKey {
        order_ms: -1,
        rest: rest.map(str::to_owned),
    });
    let text = cursor.to_string();
    assert!(
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    );
    assert_eq!(Cursor::parse(&text), Some(cursor));
    let json = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let long = "A".repeat(MAX_CURSOR_BYTES + 1);
    for other in [
        "",
        "1000",
        "%",
        &json("[1]"),
        &json("[1,[]]"),
        &json("[\"a\",[]]"),
        &long,
    ] {
        assert_eq!(Cursor::parse(other), None, "{other}");
    }
}
