//! Every code of Meta's table of errors, and responses without a code.

use serde_json::json;

use super::*;

fn kind(status: u16, body: &Value) -> FailureKind {
    Failure::from_answer(status, body.to_string().as_bytes(), None).kind()
}

#[test]
fn every_documented_code_has_its_kind_with_any_status() {
    let rows: &[(&[i64], FailureKind)] = &[
        (&[0, 190], FailureKind::Token),
        (&[104], FailureKind::AppSecret),
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
        (&[12, 100], FailureKind::InvalidParameter),
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

fn failure(code: i64, message: &str) -> Failure {
    let body = json!({"error": {"code": code, "message": message}});
    Failure::from_answer(400, body.to_string().as_bytes(), None)
}

#[test]
fn a_wrong_proof_is_about_the_app_secret_whatever_the_code() {
    let message = "Invalid appsecret_proof provided in the API argument";
    for code in [1, 100, 104, 190, 999] {
        let failure = failure(code, message);
        assert_eq!(failure.kind(), FailureKind::AppSecret, "{code}");
        let proven = failure.for_request(Endpoint::PhoneNumbers, CredentialKind::TokenWithProof);
        assert!(
            proven
                .to_string()
                .starts_with("the app secret does not belong to the access token's app"),
            "{proven}"
        );
    }
    assert_eq!(failure(104, "").kind(), FailureKind::AppSecret);
}

#[test]
fn a_missing_proof_asks_for_an_app_secret() {
    let message = "API calls from the server require an appsecret_proof argument";
    for code in [100, 104] {
        let failure = failure(code, message);
        let unproven = failure.for_request(Endpoint::Account, CredentialKind::Token);
        assert!(unproven.lacks_proof());
        assert!(
            unproven.to_string().starts_with(
                "Meta requires appsecret_proof for this app; configure the app secret"
            ),
            "{unproven}"
        );
    }
}

#[test]
fn a_refusal_of_the_apps_own_credentials_is_about_its_secret() {
    let failure = failure(190, "Invalid OAuth access token signature.");
    assert_eq!(failure.kind(), FailureKind::Token);
    let as_app = failure.for_request(Endpoint::Subscriptions, CredentialKind::App);
    assert_eq!(as_app.kind(), FailureKind::AppSecret);
}

/// The failure of a request whose response names a field and a type.
fn lacks(endpoint: Endpoint, field: &str, node: &str) -> Failure {
    let message =
        format!("(#100) Tried accessing nonexisting field ({field}) on node type ({node})");
    failure(100, &message).for_request(endpoint, CredentialKind::Token)
}

#[test]
fn an_id_of_another_kind_of_object_is_named() {
    for (endpoint, field, node, text) in [
        (
            Endpoint::Account,
            "currency",
            "Business",
            "this is the id of a business portfolio, not of a WhatsApp Business Account; list the WABA id (code 100)",
        ),
        (
            Endpoint::MessageTemplates,
            "message_templates",
            "business",
            "this is the id of a business portfolio, not of a WhatsApp Business Account; list the WABA id (code 100)",
        ),
        (
            Endpoint::PhoneNumbers,
            "phone_numbers",
            "WhatsAppBusinessPhoneNumber",
            "this is the id of a phone number, not of a WhatsApp Business Account; list the WABA id (code 100)",
        ),
        (
            Endpoint::SubscribedApps,
            "subscribed_apps",
            "Application",
            "this is the id of an app, not of a WhatsApp Business Account; list the WABA id (code 100)",
        ),
        (
            Endpoint::Account,
            "timezone_id",
            "WhatsAppMessageTemplate",
            "this is the id of a message template, not of a WhatsApp Business Account; list the WABA id (code 100)",
        ),
        (
            Endpoint::Account,
            "currency",
            "Page",
            "this is the id of a Graph node of type Page, not of a WhatsApp Business Account; list the WABA id (code 100)",
        ),
        (
            Endpoint::OwnedAccounts,
            "owned_whatsapp_business_accounts",
            "WhatsAppBusinessAccount",
            "this is the id of a WhatsApp Business Account, not of a business portfolio; list the portfolio's id in apps[].businesses (code 100)",
        ),
        (
            Endpoint::Subscriptions,
            "subscriptions",
            "User",
            "this is the id of a Graph node of type User, not of an app; set apps[].app_id to the id of the app (code 100)",
        ),
    ] {
        let failure = lacks(endpoint, field, node);
        assert_eq!(failure.kind(), FailureKind::WrongNode, "{endpoint:?}");
        assert_eq!(failure.to_string(), text);
    }
}

#[test]
fn a_field_of_the_right_kind_of_object_is_only_a_field() {
    for (endpoint, field, node) in [
        (Endpoint::Account, "currency", "WhatsApp Business Account"),
        (
            Endpoint::PhoneNumbers,
            "status",
            "WhatsAppBusinessPhoneNumber",
        ),
        (Endpoint::PhoneNumbers, "status", "Business"),
        (Endpoint::Account, "link", "Application"),
        (
            Endpoint::MessageTemplates,
            "message_templates",
            "whatsappbusinessaccount",
        ),
    ] {
        let failure = lacks(endpoint, field, node);
        assert_eq!(failure.kind(), FailureKind::UnknownField, "{endpoint:?}");
        assert_eq!(failure.wrong_node_kind(), None);
    }
    let retired = failure(
        12,
        "(#12) status field is deprecated for versions v26.0 and higher",
    );
    assert_eq!(
        (retired.kind(), retired.field()),
        (FailureKind::UnknownField, Some("status"))
    );
}

#[test]
fn rate_limits_of_apps_and_accounts_are_distinguished() {
    for (code, is_of_app) in [(4, true), (17, true), (80_007, false), (80_008, false)] {
        let failure = failure(code, "");
        assert_eq!(failure.is_rate_limit_of_app(), is_of_app, "{code}");
        let text = failure.to_string();
        assert_eq!(text.contains("the whole app"), is_of_app, "{text}");
    }
}

#[test]
fn the_invalid_cursor_code_applies_to_templates_only() {
    let kind = |endpoint| {
        failure(131_059, "made up")
            .for_request(endpoint, CredentialKind::Token)
            .kind()
    };
    assert_eq!(kind(Endpoint::MessageTemplates), FailureKind::Transient);
    assert_eq!(kind(Endpoint::PhoneNumbers), FailureKind::Other);
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
fn only_the_name_of_an_unknown_field_is_kept_of_the_message() {
    let message = "(#100) Tried accessing nonexisting field (health_status) on node type (WhatsAppBusinessPhoneNumber)";
    let body = json!({"error": {"code": 100, "message": message, "fbtrace_id": "AbC-1_2"}});
    let failure = Failure::from_answer(400, body.to_string().as_bytes(), None);
    assert_eq!(
        (failure.kind(), failure.field()),
        (FailureKind::UnknownField, Some("health_status"))
    );
    assert_eq!(
        failure.to_string(),
        "Meta no longer supports a requested field (code 100, fbtrace_id AbC-1_2)"
    );
}
