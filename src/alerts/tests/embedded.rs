//! The alerts of this exporter: their defaults and placeholders.

use proptest::prelude::*;

use super::*;

/// The keys of all placeholders: an alert's own, if it has one, or else the global one.
fn keys_in_use(set: &AlertSet<'_>, values: &Values) -> BTreeSet<String> {
    let known: BTreeSet<&str> = values.keys().collect();
    let mut used = BTreeSet::new();
    let mut use_all = |alert: Option<&str>, text: &str| {
        for name in names(text).expect("well-formed placeholders") {
            let own = alert.map(|alert| format!("alerts.{alert}.{name}"));
            let own = own.filter(|key| known.contains(key.as_str()));
            used.insert(own.unwrap_or_else(|| name.to_owned()));
        }
    };
    let phrases = Phrases::parse(set.phrases).expect("well-formed phrases");
    let expanded = |text: &str| {
        let text = functions::expand(text).expect("well-formed calls");
        phrases.expand(&text).expect("well-formed phrases")
    };
    use_all(None, &expanded(set.alertmanager));
    for (_, template) in set.rules {
        for piece in RulesTemplate::new(&expanded(template)).pieces(|_| true) {
            use_all(piece.alert, piece.text);
        }
    }
    used
}

#[test]
fn our_templates_use_every_default_and_every_placeholder_has_one() {
    let set = AlertSet::embedded();
    let values = set.defaults().expect("valid defaults");
    // Every alert can be disabled.
    let placeholders = values.keys().filter(|key| !key.ends_with(".enabled"));
    let known: BTreeSet<String> = placeholders.map(str::to_owned).collect();
    let used = keys_in_use(&set, &values);
    let unused: Vec<&String> = known.difference(&used).collect();
    let undefined: Vec<&String> = used.difference(&known).collect();
    assert_eq!(
        (unused, undefined),
        (vec![], vec![]),
        "unused values, placeholders without value"
    );
}

/// A chart can apply the values to the parsed templates.
#[test]
fn our_rule_templates_are_yaml_before_they_are_rendered_and_have_the_same_alerts() {
    for (name, template) in AlertSet::embedded().rules {
        let blocks = RulesTemplate::new(template);
        let blocks: Vec<&str> = blocks.alerts().map(|(alert, _)| alert).collect();
        assert_eq!(blocks, alerts(template), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Every subset of the alerts can be disabled.
    #[test]
    fn what_is_enabled_is_rendered_and_nothing_else(seed in proptest::collection::vec(any::<bool>(), 200)) {
        let set = AlertSet::embedded();
        let placeholders = set.placeholders();
        let is_enabled: BTreeMap<&str, bool> = placeholders.keys().map(String::as_str).zip(seed).collect();
        let mut text = "alerts:\n".to_owned();
        for (alert, enabled) in &is_enabled {
            text += &format!("  {alert}: {{enabled: {enabled}}}\n");
        }
        let files = files(&set, &text);
        for (name, template) in set.rules {
            let expected: Vec<String> = alerts(template).into_iter().filter(|alert| is_enabled[alert.as_str()]).collect();
            prop_assert_eq!(alerts(&files[*name]), expected);
        }
    }
}
