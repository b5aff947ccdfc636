//! Parses tokens and webhook subscriptions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::access::{End, MANAGEMENT_SCOPE, Subscription, Token};
use crate::domain::{AppId, Timestamp, WabaId};
use crate::ingest::{MetaObject, ParseWarnings};

const TOKEN: &str = "debug_token";
const SUBSCRIPTION: &str = "subscription";

/// The object whose subscription matters here; an app may have others.
const WHATSAPP: &str = "whatsapp_business_account";

/// Maximum number of scopes, accounts or fields; Meta does not list more.
const MAX_LISTED: usize = 20_000;

/// Parses the response of `debug_token`.
pub fn token(answer: &Value, warnings: &mut ParseWarnings) -> Token {
    let data =
        MetaObject::new(TOKEN, answer).and_then(|answer| answer.object("data", TOKEN, warnings));
    let Some(data) = data else {
        return Token::default();
    };
    Token {
        is_valid: data.get("is_valid").and_then(Value::as_bool) == Some(true),
        app_id: data.parsed("app_id", AppId::parse, warnings),
        kind: data.text("type", warnings),
        expires: end(&data, "expires_at", warnings),
        data_access_expires: end(&data, "data_access_expires_at", warnings),
        scopes: data.has("scopes").then(|| texts(data.get("scopes"))),
        accounts: accounts(&data, warnings),
    }
}

/// The end of a token's validity; 0 means never.
fn end(data: &MetaObject<'_>, key: &'static str, warnings: &mut ParseWarnings) -> Option<End> {
    let at = data.time(key, warnings)?;
    Some(if at == Timestamp::from_seconds(0) {
        End::Never
    } else {
        End::At(at)
    })
}

/// The accounts to which the management scope applies; a scope without targets applies to all.
fn accounts(data: &MetaObject<'_>, warnings: &mut ParseWarnings) -> Option<BTreeSet<WabaId>> {
    let scopes = data.objects("granular_scopes", TOKEN, warnings);
    let management = scopes
        .into_iter()
        .find(|scope| scope.get("scope").and_then(Value::as_str) == Some(MANAGEMENT_SCOPE))?;
    let targets = management.get("target_ids").filter(|ids| ids.is_array())?;
    let ids = texts(Some(targets)).into_iter();
    Some(ids.filter_map(|id| WabaId::parse(&id)).collect())
}

fn texts(list: Option<&Value>) -> BTreeSet<String> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    let texts = items
        .take(MAX_LISTED)
        .filter_map(crate::ingest::json::text_or_number);
    texts.collect()
}

/// Parses the WhatsApp entry of `/{app}/subscriptions`; without an entry, nothing is subscribed.
pub fn subscription(answer: &Value, warnings: &mut ParseWarnings) -> Subscription {
    let Some(answer) = MetaObject::new(SUBSCRIPTION, answer) else {
        return Subscription::default();
    };
    let entries = answer.objects("data", SUBSCRIPTION, warnings).into_iter();
    let mut ours =
        entries.filter(|entry| entry.get("object").and_then(Value::as_str) == Some(WHATSAPP));
    let Some(entry) = ours.next() else {
        return Subscription::default();
    };
    let fields = entry
        .get("fields")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let named = fields.take(MAX_LISTED).filter_map(field);
    Subscription {
        callback_url: entry.text("callback_url", warnings),
        is_active: entry.get("active").and_then(Value::as_bool) != Some(false),
        fields: named.collect::<BTreeMap<_, _>>(),
    }
}

/// A field as `{"name": …, "version": …}`, or in older responses the name alone.
fn field(field: &Value) -> Option<(String, Option<String>)> {
    if let Some(name) = field.as_str() {
        return Some((name.to_owned(), None));
    }
    let name = field.get("name")?.as_str()?.to_owned();
    let version = field.get("version").and_then(Value::as_str);
    Some((name, version.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_token(answer: &Value) -> Token {
        let mut warnings = ParseWarnings::new();
        let token = token(answer, &mut warnings);
        assert_eq!(warnings, []);
        token
    }

    #[test]
    fn app_expiry_and_scopes_of_a_token_are_read() {
        let token = read_token(&json!({"data": {
            "app_id": "600100", "type": "SYSTEM_USER", "application": "Watch", "is_valid": true,
            "expires_at": 1_780_000_000, "data_access_expires_at": 0, "issued_at": 1_770_000_000,
            "scopes": ["whatsapp_business_management"],
            "granular_scopes": [{"scope": "whatsapp_business_management", "target_ids": ["800100", 800_200]}]
        }}));
        assert!(token.is_valid);
        assert_eq!(token.app_id, AppId::parse("600100"));
        assert_eq!(token.kind.as_deref(), Some("SYSTEM_USER"));
        let end = Timestamp::from_seconds(1_780_000_000);
        assert_eq!(
            (token.expires, token.data_access_expires),
            (Some(End::At(end)), Some(End::Never))
        );
        let missing: Vec<_> = token.needed_scopes().collect();
        assert_eq!(missing, [(MANAGEMENT_SCOPE, false)]);
        let accounts = ["800100", "800200"].map(|id| WabaId::parse(id).expect("digits"));
        assert_eq!(token.accounts, Some(accounts.into()));
    }

    #[test]
    fn a_scope_without_targets_applies_to_all_and_missing_values_are_unknown() {
        let token = read_token(&json!({"data": {"is_valid": true, "scopes": [],
            "granular_scopes": [{"scope": "whatsapp_business_management"}]}}));
        assert_eq!((token.accounts.as_ref(), token.expires), (None, None));
        assert_eq!(
            token.needed_scopes().collect::<Vec<_>>(),
            [(MANAGEMENT_SCOPE, true)]
        );
        let silent = read_token(&json!({"data": {"is_valid": true}}));
        assert_eq!(silent.needed_scopes().count(), 0);
    }

    #[test]
    fn an_unknown_token_is_not_valid() {
        let unknown = json!({"data": {"error": {"code": 190}, "is_valid": false, "scopes": []}});
        assert!(!read_token(&unknown).is_valid);
        assert_eq!(read_token(&json!({})), Token::default());
    }

    #[test]
    fn only_the_whatsapp_subscription_is_read() {
        let answer = json!({"data": [
            {"object": "page", "callback_url": "https://elsewhere.example/", "active": true, "fields": []},
            {"object": "whatsapp_business_account", "callback_url": "https://watch.example/webhook", "active": true,
             "fields": [{"name": "account_update", "version": "v25.0"}, "account_alerts"]}]});
        let mut warnings = ParseWarnings::new();
        let ours = subscription(&answer, &mut warnings);
        assert_eq!(warnings, []);
        assert_eq!(
            ours.callback_url.as_deref(),
            Some("https://watch.example/webhook")
        );
        assert!(ours.is_active);
        let version = Some("v25.0".to_owned());
        let fields = [
            ("account_update".to_owned(), version),
            ("account_alerts".to_owned(), None),
        ];
        assert_eq!(ours.fields, fields.into());
        assert_eq!(
            subscription(&json!({"data": []}), &mut warnings),
            Subscription::default()
        );
    }
}
