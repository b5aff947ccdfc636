//! Every code of Meta's table, and answers that have none.

use serde_json::json;

use super::*;

fn kind(status: u16, body: &Value) -> FailureKind {
    Failure::from_answer(status, body.to_string().as_bytes(), None).kind()
}

#[test]
fn every_code_of_the_table_has_its_kind_whatever_the_status() {
    let rows: &[(&[i64], FailureKind)] = &[
        (&[0, 190, 104], FailureKind::Token),
        (&[3, 10, 200, 299], FailureKind::Permission),
        (
            &[1, 2, 131_000, 131_016, 131_045, 131_057],
            FailureKind::Transient,
        ),
        (
            &[4, 17, 32, 613, 80_007, 80_008, 80_012],
            FailureKind::RateLimit,
        ),
        (
            &[130_429, 131_048, 131_056, 131_064],
            FailureKind::RateLimit,
        ),
        (
            &[
                131_026, 131_047, 131_049, 131_050, 132_015, 132_069, 133_016,
            ],
            FailureKind::Other,
        ),
        (&[33, 803], FailureKind::NotFoundOrHidden),
        (&[368, 131_031, 130_497], FailureKind::Blocked),
        (&[100], FailureKind::InvalidParameter),
        (&[999_999], FailureKind::Other),
    ];
    for (codes, expected) in rows {
        for (code, status) in codes
            .iter()
            .flat_map(|code| [400, 403, 429, 500].map(|status| (code, status)))
        {
            assert_eq!(
                kind(status, &json!({"error": {"code": code}})),
                *expected,
                "{code} {status}"
            );
            assert_eq!(
                kind(status, &json!({"error": {"code": code.to_string()}})),
                *expected,
                "{code} as text"
            );
        }
    }
    assert_eq!(
        kind(400, &json!({"error": {"code": 100, "error_subcode": 33}})),
        FailureKind::NotFoundOrHidden
    );
    assert_eq!(
        kind(400, &json!({"error": {"code": 7, "is_transient": true}})),
        FailureKind::Transient
    );
}

#[test]
fn a_wrong_proof_is_about_the_token_whichever_way_it_is_told() {
    let message = "Invalid appsecret_proof provided in the API argument";
    let body = json!({"error": {"code": 100, "message": message}});
    assert_eq!(kind(400, &body), FailureKind::Token);
}

#[test]
fn a_body_without_a_graph_error_is_judged_by_its_status() {
    let html = b"<html>502</html>";
    for (status, expected) in [
        (502, FailureKind::Transient),
        (429, FailureKind::RateLimit),
        (401, FailureKind::Malformed),
        (403, FailureKind::Malformed),
        (302, FailureKind::Malformed),
        (404, FailureKind::Malformed),
    ] {
        assert_eq!(
            Failure::from_answer(status, html, None).kind(),
            expected,
            "{status}"
        );
    }
}

#[test]
fn the_unknown_fields_name_is_found_and_nothing_else_of_the_message_is_kept() {
    let message = "(#100) Tried accessing nonexisting field (health_status) on node type (WhatsAppBusinessPhoneNumber)";
    let body = json!({"error": {"code": 100, "message": message, "fbtrace_id": "AbC-1_2"}});
    let failure = Failure::from_answer(400, body.to_string().as_bytes(), None);
    assert_eq!(
        (failure.kind(), failure.field()),
        (FailureKind::UnknownField, Some("health_status"))
    );
    assert_eq!(
        failure.to_string(),
        "Meta no longer knows a field that was asked for (code 100, fbtrace_id AbC-1_2)"
    );
}
