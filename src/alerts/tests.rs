//! The set as a whole: an operator's values change the files as intended. Most tests use a small set of their own.

mod embedded;
mod errors;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::functions;
use super::phrases::Phrases;
use super::placeholder::names;
use super::template::RulesTemplate;
use super::*;

const VALUES: &str = "\
selector: ''
identity_labels: [job]
runbook_url: https://example.com/runbooks.md
alertmanager:
  timezone: UTC
  business_start: '08:00'
alerts:
  WhatsAppOne:
    severity: warning
    for: 5m
    after: 3600
  WhatsAppTwo:
    severity: critical
    keep_firing_for: 1h
";

const TEMPLATE: &str = r#"# The file.
groups:
  # The group.
  - name: one
    rules:
      # Fires ${after} seconds later.
      - alert: WhatsAppOne
        expr: max by (${identity_labels}, waba_id) (last_over_time(whatsapp_one{state="A",${selector}}[5m])) > ${after}
        for: ${for}
        labels:
          severity: ${severity}
        annotations:
          summary: '{{ with printf `whatsapp_info{id="%s",${selector}}` $labels.id | query }}{{ end }}'
          runbook_url: '${runbook_url}#whatsappone'

      - alert: WhatsAppTwo
        expr: whatsapp_two{${selector}} > 0
        keep_firing_for: ${keep_firing_for}
        labels:
          severity: ${severity}
        annotations:
          runbook_url: '${runbook_url}#whatsapptwo'
  - name: recorded
    rules:
      - record: job:whatsapp_one:sum
        expr: sum by (${identity_labels}) (whatsapp_one{${selector}})
"#;

const ALERTMANAGER: &str = "\
time_intervals:
  - times: [{ start_time: '${alertmanager.business_start}', end_time: '18:00' }]
    location: ${alertmanager.timezone} # of the office
";

const PHRASES: &str = "\
name: '{{ $labels.name }} (${selector})'
greeting: 'Hello, ${name}'
";

/// A set of one rule file.
const SMALL: AlertSet<'static> = AlertSet {
    values: VALUES,
    rules: &[("one.yml", TEMPLATE)],
    alertmanager: ALERTMANAGER,
    phrases: PHRASES,
};

/// The files of the small set with an operator's values, by path.
fn rendered(text: &str) -> BTreeMap<String, String> {
    files(&SMALL, text)
}

fn files(set: &AlertSet<'_>, text: &str) -> BTreeMap<String, String> {
    let values = set.with_values(text).expect(text);
    let files = set.render(&values).expect(text).into_iter();
    files.map(|file| (file.path, file.text)).collect()
}

fn alerts(text: &str) -> Vec<String> {
    let file: RuleFile = serde_saphyr::from_str(text).expect(text);
    let rules = file.groups.into_iter().flat_map(|group| group.rules);
    rules.filter_map(|rule| rule.alert).collect()
}

#[test]
fn defaults_fill_every_placeholder_and_an_empty_selector_leaves_no_trace() {
    let files = rendered("");
    let paths: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "alertmanager.yml",
            "kubernetes/prometheus-rule.yaml",
            "one.yml"
        ]
    );
    let one = &files["one.yml"];
    for line in [
        "      # Fires 3600 seconds later.\n",
        "max by (job, waba_id) (last_over_time(whatsapp_one{state=\"A\"}[5m])) > 3600\n",
        "        for: 5m\n",
        "          severity: warning\n",
        "`whatsapp_info{id=\"%s\"}`",
        "          runbook_url: 'https://example.com/runbooks.md#whatsapptwo'\n",
        "        expr: whatsapp_two > 0\n        keep_firing_for: 1h\n        labels:\n          severity: critical\n",
        "        expr: sum by (job) (whatsapp_one)\n",
    ] {
        assert!(one.contains(line), "{line}{one}");
    }
    assert!(files["alertmanager.yml"].contains("    location: UTC # of the office\n"));
}

#[test]
fn values_are_merged_key_by_key() {
    let files = rendered(
        "selector: cluster=\"eu-1\"\n\
         identity_labels: [job, cluster]\n\
         alertmanager: {timezone: Europe/Amsterdam}\n\
         alerts: {WhatsAppOne: {after: 7200}}\n",
    );
    let one = &files["one.yml"];
    for line in [
        "max by (job, cluster, waba_id) (last_over_time(whatsapp_one{state=\"A\",cluster=\"eu-1\"}[5m])) > 7200\n",
        "        for: 5m\n",
        "`whatsapp_info{id=\"%s\",cluster=\"eu-1\"}`",
        "        expr: whatsapp_two{cluster=\"eu-1\"} > 0\n",
        "        expr: sum by (job, cluster) (whatsapp_one{cluster=\"eu-1\"})\n",
    ] {
        assert!(one.contains(line), "{line}{one}");
    }
    let alertmanager = &files["alertmanager.yml"];
    assert!(alertmanager.contains("start_time: '08:00'"));
    assert!(alertmanager.contains("location: Europe/Amsterdam #"));
    let rule = &files["kubernetes/prometheus-rule.yaml"];
    assert!(rule.contains("kind: PrometheusRule\n"), "{rule}");
    assert!(
        rule.contains("whatsapp_two{cluster=\"eu-1\"} > 0"),
        "{rule}"
    );
}

#[test]
fn an_alert_takes_its_own_value_before_the_global_one() {
    let files = rendered(
        "alerts: {WhatsAppTwo: {runbook_url: https://wiki.example.com/two, enabled: true}}\n",
    );
    let one = &files["one.yml"];
    assert!(one.contains("'https://example.com/runbooks.md#whatsappone'"));
    assert!(one.contains("'https://wiki.example.com/two#whatsapptwo'"));
}

#[test]
fn a_disabled_alert_is_in_no_file() {
    let files = rendered("alerts: {WhatsAppOne: {enabled: false}}\n");
    assert_eq!(alerts(&files["one.yml"]), ["WhatsAppTwo"]);
    let manifest = &files["kubernetes/prometheus-rule.yaml"];
    assert!(!manifest.contains("WhatsAppOne") && manifest.contains("WhatsAppTwo"));
    let files = rendered("alerts: {WhatsAppOne: {enabled: false}, WhatsAppTwo: {enabled: false}}");
    assert!(!files["one.yml"].contains("The group."));
    assert!(files["one.yml"].contains("      - record: "));
}

#[test]
fn sections_without_keys_change_nothing() {
    for text in [
        "",
        "# x\n",
        "alerts:\nalertmanager:\n",
        "alerts: {WhatsAppOne: }",
        VALUES,
    ] {
        assert_eq!(rendered(text), rendered(""), "{text}");
    }
}

#[test]
fn phrases_are_expanded_before_values_and_may_use_each_other() {
    let phrases = Phrases::parse(PHRASES).expect("well-formed");
    let expanded = phrases
        .expand("${greeting}: ${for} ${1}")
        .expect("well-formed");
    let expected = "Hello, {{ $labels.name }} (${selector}): ${for} ${1}";
    assert_eq!(expanded, expected);
    assert!(Phrases::parse("name: [a]").is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// A text is refused, or changes one value without changing the structure.
    #[test]
    fn no_text_breaks_a_file(timezone in "[ -~éß\t\n]{0,12}", host in "[ -~]{1,12}", label in "[ -~]{0,8}") {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let selector = format!("cluster=\"{label}\"");
        let text = format!(
            "selector: {}\nrunbook_url: {}\nalertmanager: {{timezone: {}}}\n",
            quoted(&selector), quoted(&format!("https://{host}")), serde_json::to_string(&timezone).expect("a text"),
        );
        let Ok(values) = SMALL.with_values(&text) else { return Ok(()) };
        let files = SMALL.render(&values).expect("values are checked");
        let one: RuleFile = serde_saphyr::from_str(&files[0].text).expect("YAML");
        let rules: Vec<&Rule> = one.groups.iter().flat_map(|group| &group.rules).collect();
        prop_assert_eq!(rules.len(), 3);
        prop_assert_eq!(&rules[1].expr, &format!("whatsapp_two{{{selector}}} > 0"));
        prop_assert_eq!(rules[1].annotation("runbook_url"), format!("https://{host}#whatsapptwo"));
        let alertmanager: BTreeMap<String, Vec<BTreeMap<String, serde_json::Value>>> =
            serde_saphyr::from_str(&files[1].text).expect("YAML");
        let location = &alertmanager["time_intervals"][0]["location"];
        prop_assert!(location == &timezone || timezone.parse::<f64>().is_ok() || !location.is_string(), "{location}");
    }
}
