//! Errors in the operator's values, and in templates.

use super::*;

fn errors(text: &str) -> String {
    let errors = SMALL.with_values(text).expect_err(text);
    errors.to_string()
}

#[test]
fn all_errors_are_reported_with_their_lines() {
    let text = "\
selectr: a=\"b\"
alerts:
  WhatsAppOn: {severity: info}
  WhatsAppOne:
    severity: page
    for: 5 minutes
    keep_firing_for: 5m
  Nothing: {}
alertmanager:
  zone: UTC
  timezone: [UTC]
identity_labels: job
";
    assert_eq!(
        errors(text).lines().collect::<Vec<_>>(),
        [
            "line 1: selectr: unknown key; did you mean `selector`?",
            "line 3: alerts.WhatsAppOn: unknown alert; did you mean `WhatsAppOne`?",
            "line 5: alerts.WhatsAppOne.severity: \"page\" is not a severity; give critical, warning, info or none",
            "line 6: alerts.WhatsAppOne.for: \"5 minutes\" is not a duration of Prometheus; write it like 30s, 5m, 1h30m or 7d",
            "line 7: alerts.WhatsAppOne.keep_firing_for: unknown key; remove it (known here: after, enabled, for, identity_labels, runbook_url, selector, severity)",
            "line 8: alerts.Nothing: unknown alert; remove it (`alerts --print-values` lists all alerts)",
            "line 10: alertmanager.zone: unknown key; remove it (known here: business_start, timezone)",
            "line 11: alertmanager.timezone: takes one value, not a list",
            "line 12: identity_labels: takes a list, such as `[a, b]`",
        ]
    );
}

#[test]
fn misplaced_keys_say_where_they_belong() {
    for (text, message) in [
        (
            "alertmanager.timezone: UTC",
            "line 1: alertmanager.timezone: keys are nested: write `alertmanager:` and, indented below it, `timezone:`",
        ),
        (
            "alerts.WhatsAppOne.for: 5m",
            "line 1: alerts.WhatsAppOne.for: keys are nested: write `alerts:` and, indented below it, `WhatsAppOne:` and, indented below it, `for:`",
        ),
        (
            "WhatsAppOne: {for: 5m}",
            "line 1: WhatsAppOne: is an alert; indent it below `alerts:`",
        ),
        (
            "alerts: [WhatsAppOne]",
            "line 1: alerts: must contain keys, such as `WhatsAppOne:`",
        ),
        (
            "alerts:\n  WhatsAppOne: false",
            "line 2: alerts.WhatsAppOne: must contain keys, such as `severity:`",
        ),
        (
            "alertmanager: UTC",
            "line 1: alertmanager: must contain keys, such as `business_start:`",
        ),
        ("UTC", "line 1: must contain keys, such as `alerts:`"),
        ("a: 1\na: 2", "line 2: the key `a` is given twice"),
    ] {
        assert_eq!(errors(text), message);
    }
}

#[test]
fn a_bug_in_a_template_names_the_file() {
    let without_value = AlertSet {
        rules: &[("two.yml", "groups: # ${unknown}\n")],
        ..SMALL
    };
    let broken = AlertSet {
        rules: &[("two.yml", "groups: [\n")],
        ..SMALL
    };
    for (set, beginning) in [
        (
            without_value,
            "the template of two.yml: `${unknown}` has no value; this is a bug",
        ),
        (broken, "two.yml is not valid with these values: "),
    ] {
        let error = set
            .render(&set.defaults().expect("valid"))
            .expect_err("a bug");
        assert!(error.to_string().starts_with(beginning), "{error}");
    }
}
