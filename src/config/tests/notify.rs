//! `notify.webhooks`: what is read, and which mistakes are reported.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::*;
use crate::config::NotifyFormat;
use crate::domain::Severity;

const CHAT: &str = "https://hooks.slack.com/services/T0/B0/secretpath";

fn files() -> FixedEnvironment {
    environment()
        .with_file("/chat", format!("{CHAT}\n"))
        .with_file("/secret", "signing-secret\n")
        .with_file("/words", "two words\n")
}

#[test]
fn receivers_have_defaults_and_files() {
    let yaml = "notify:\n  webhooks:\n    - url: https://events.example.com/hook?key=secretkey\n    - name: chat\n      \
                url_file: /chat\n      format: slack\n      secret_file: /secret\n      severity: warning\n      \
                kinds: [template, phone_number]\n      waba_ids: ['102290129340398']\n      digest: 1m\n";
    let config = good(yaml, files());
    let [plain, chat] = config.notify.webhooks.as_slice() else {
        panic!("{:?}", config.notify)
    };
    assert_eq!(plain.name, "events.example.com");
    assert_eq!(
        (plain.format, plain.severity),
        (NotifyFormat::CloudEvents, Severity::Info)
    );
    assert!(plain.secret.is_none() && plain.kinds.is_empty() && plain.waba_ids.is_empty());
    assert_eq!(plain.digest, None);
    assert_eq!((chat.name.as_str(), chat.url.as_str()), ("chat", CHAT));
    let secret = chat.secret.as_ref().map(ExposeSecret::expose_secret);
    assert_eq!(
        (chat.format, secret),
        (NotifyFormat::Slack, Some("signing-secret"))
    );
    assert_eq!(
        (chat.severity, chat.digest),
        (Severity::Warning, Some(Duration::from_secs(60)))
    );
    assert_eq!((chat.kinds.len(), chat.waba_ids.len()), (2, 1));
    let shown = format!("{config:?}{}", config.summary());
    for secret in ["secretpath", "secretkey", "signing-secret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(
        shown.contains("notify.webhooks[1].url: https://hooks.slack.com/…"),
        "{shown}"
    );
}

#[test]
fn a_changed_secret_is_a_changed_configuration() {
    let yaml = "notify: {webhooks: [{url: 'https://a.example.com/', secret_file: /secret}]}";
    let one = good(yaml, files()).notify;
    assert_eq!(one, good(yaml, files()).notify);
    let other = files().with_file("/secret", "another-secret");
    assert_ne!(one, good(yaml, other).notify);
}

#[test]
fn mistakes_name_their_place_and_repeat_no_value() {
    for (item, expected) in [
        (
            "{name: x}",
            "notify.webhooks[0].url: is missing; give the receiver's URL, or url_file",
        ),
        (
            "{url: 'ftp://EAAG.example.com/'}",
            "notify.webhooks[0].url: is neither https nor http",
        ),
        ("{url: EAAGsecret}", "notify.webhooks[0].url: is not a URL"),
        (
            "{url_file: /none}",
            "notify.webhooks[0].url_file: the file it names",
        ),
        (
            "{url_file: /words}",
            "notify.webhooks[0].url_file: is not a URL",
        ),
        (
            "{url: 'http://a/', url_file: /chat}",
            "notify.webhooks[0].url: is given together with notify.webhooks[0].url_file",
        ),
        (
            "{url: 'http://a/', secret: x, secret_file: /secret}",
            "notify.webhooks[0].secret: is given together with",
        ),
        (
            "{url: 'http://a/', format: EAAGsecret}",
            "notify.webhooks[0].format: is not one of cloudevents, slack",
        ),
        (
            "{url: 'http://a/', severity: EAAGsecret}",
            "notify.webhooks[0].severity: is not one of info, warning, critical",
        ),
        (
            "{url: 'http://a/', kinds: [EAAGsecret]}",
            "notify.webhooks[0].kinds[0]: is not one of account, phone_number, template",
        ),
        (
            "{url: 'http://a/', kinds: template}",
            "notify.webhooks[0].kinds: takes a list of 1 to 3 values",
        ),
        (
            "{url: 'http://a/', waba_ids: [EAAGsecret]}",
            "notify.webhooks[0].waba_ids[0]: is not an id",
        ),
        (
            "{url: 'http://a/', digest: 2h}",
            "notify.webhooks[0].digest: is not a duration from 1s to 1h",
        ),
        (
            "{url: 'http://a/'}, {url: 'http://a/b'}",
            "notify.webhooks[1].name: is the same as that of notify.webhooks[0]",
        ),
        (
            "{url: 'http://a/', sevrity: info}",
            "notify.webhooks[0].sevrity: unknown key; did you mean `severity`?",
        ),
    ] {
        let yaml = format!("notify: {{webhooks: [{item}]}}");
        let errors = load(&yaml, files()).expect_err(item);
        assert!(errors.starts_with(expected), "{item}: {errors}");
        assert!(!errors.contains("EAAGsecret"), "{errors}");
    }
    let many = "{url: 'http://a/'},".repeat(17);
    let errors = load(&format!("notify: {{webhooks: [{many}]}}"), files()).expect_err("too many");
    assert!(
        errors.contains("notify.webhooks: has more than 16 receivers"),
        "{errors}"
    );
}
