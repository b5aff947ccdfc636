//! Detected mistakes of each kind, and valid secrets.

use super::*;

const TOKEN: &str = "EAAGm0PX4ZCpsBAKZC2ZBfJq7ZA";
const HEX: &str = "0123456789abcdef0123456789abcdef";
const ALL: [SecretKind; 4] = [
    SecretKind::AccessToken,
    SecretKind::AppSecret,
    SecretKind::ClientToken,
    SecretKind::Phrase,
];

fn assert_is(kinds: &[SecretKind], texts: &[String], what: &str) {
    for (text, kind) in texts
        .iter()
        .flat_map(|text| kinds.iter().map(move |kind| (text, *kind)))
    {
        let found = mistake(kind, text).unwrap_or("no mistake");
        assert!(found.contains(what), "{kind:?} {text:?}: {found}");
        assert!(!found.contains(TOKEN) && !found.contains(HEX), "{found}");
    }
}

fn around(pairs: &[(&str, &str)]) -> Vec<String> {
    let texts = pairs
        .iter()
        .flat_map(|(before, after)| [TOKEN, HEX].map(|secret| format!("{before}{secret}{after}")));
    texts.collect()
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn valid_secrets_are_accepted() {
    for secret in [
        TOKEN,
        HEX,
        "c2VjcmV0X1NFQ1JFVA==",
        "A_B=",
        "123456|abcDEF_gh-i",
        "EAAGtoken",
        "secret",
        "token",
        "my-token",
        "xxxx",
        "a",
    ] {
        for kind in ALL {
            assert_eq!(mistake(kind, secret), None, "{kind:?} {secret}");
        }
    }
    for phrase in [
        "two words, ümlaut",
        "it's",
        "$ecret",
        "$",
        "<",
        "a<b>",
        "100%",
        "key: words",
        "bearer of update",
        "***",
        "changeme",
        "{curly}",
        "say \"hi\"",
        "a=b",
        "$100",
    ] {
        assert_eq!(mistake(SecretKind::Phrase, phrase), None, "{phrase}");
    }
}

#[test]
fn quotation_marks_are_detected() {
    let quoted = around(&[
        ("\"", "\""),
        ("'", "'"),
        ("`", "`"),
        ("“", "”"),
        ("„", "“"),
        ("«", "»"),
    ]);
    assert_is(&ALL, &quoted, "quotation marks");
    let half = around(&[("\"", ""), ("", "'"), ("“", "")]);
    assert_is(
        &[SecretKind::AccessToken, SecretKind::AppSecret],
        &half,
        "quotation marks",
    );
}

#[test]
fn invisible_characters_are_detected() {
    assert_is(&ALL, &around(&[("\u{feff}", "")]), "byte order mark");
    assert_is(
        &ALL,
        &around(&[
            ("", "\u{feff}"),
            ("\u{200b}", ""),
            ("", "\u{2060}"),
            ("", "\u{ad}"),
        ]),
        "invisible",
    );
}

#[test]
fn a_name_before_the_value_is_detected() {
    let names = around(&[
        ("WHATSAPP_ACCESS_TOKEN=", ""),
        ("export WHATSAPP_APP_SECRET=", ""),
        ("export token=\"", "\""),
        ("set APP_SECRET=", ""),
        ("WHATSAPP_ACCESS_TOKEN = ", ""),
        ("access_token: ", ""),
        ("token=", ""),
        ("TOKEN=", "\nOTHER_TOKEN=x"),
        ("APP_SECRET='", "'"),
        ("export  X=", ""),
    ]);
    assert_is(&ALL, &names, "a name before the value");
}

#[test]
fn placeholders_are_detected() {
    let placeholders = owned(&[
        "${WHATSAPP_ACCESS_TOKEN}",
        "$WHATSAPP_ACCESS_TOKEN",
        "${TOKEN:-}",
        "${TOKEN:?unset}",
        "{{ .Token }}",
        "{{token}}",
        "{{ vault `a` }}",
        "<your token>",
        "<TOKEN>",
        "%TOKEN%",
        "$(cat /run/token)",
        "$env:TOKEN",
        "Bearer ${TOKEN}",
        "\"${TOKEN}\"",
        "TOKEN=${TOKEN}",
    ]);
    assert_is(&ALL, &placeholders, "placeholder");
    let words = owned(&[
        "your_access_token",
        "YOUR-APP-SECRET",
        "your token here",
        "changeme",
        "CHANGE_ME",
        "TODO",
        "[your-token]",
        "$token",
        "paste-token-here",
    ]);
    assert_is(
        &[SecretKind::AccessToken, SecretKind::AppSecret],
        &words,
        "placeholder",
    );
    let masks = owned(&["••••••••", "********", "...", "EAAG••••••", "0123****"]);
    assert_is(
        &[SecretKind::AccessToken, SecretKind::AppSecret],
        &masks,
        "masked",
    );
}

#[test]
fn headers_and_other_formats_are_detected() {
    let headers = around(&[
        ("Bearer ", ""),
        ("bearer ", ""),
        ("Authorization: Bearer ", ""),
        ("OAuth ", ""),
    ]);
    assert_is(
        &[SecretKind::AccessToken, SecretKind::ClientToken],
        &headers,
        "scheme",
    );
    let json = around(&[("{\"access_token\":\"", "\"}"), ("[", "]")]);
    assert_is(
        &[SecretKind::AccessToken, SecretKind::AppSecret],
        &json,
        "JSON",
    );
}

#[test]
fn variables_in_braces_are_found_anywhere() {
    for text in ["${A}", "x${a_1:-b}y", "${A?}", "https://${HOST}/", "$${A}"] {
        assert!(has_variable(text), "{text}");
    }
    for text in ["$A", "${}", "${", "${1}", "a$", "^a{2}$", "${A", "{A}"] {
        assert!(!has_variable(text), "{text}");
    }
}
