//! The reference is complete and correct.

use std::collections::BTreeSet;

use super::super::reference;
use super::*;

#[test]
fn each_row_is_complete_and_unique() {
    let rows = reference();
    let unique = |names: Vec<&str>| names.iter().collect::<BTreeSet<_>>().len() == names.len();
    assert!(unique(rows.iter().filter_map(|row| row.key).collect()));
    assert!(unique(rows.iter().filter_map(|row| row.flag).collect()));
    assert!(unique(rows.iter().filter_map(|row| row.variable).collect()));
    for row in &rows {
        assert!(
            row.key.or(row.flag).is_some() && !row.meaning.ends_with('.'),
            "{row:?}"
        );
    }
}

#[test]
fn no_secret_is_a_flag() {
    let flags: Vec<&str> = reference().iter().filter_map(|row| row.flag).collect();
    assert!(
        !flags
            .iter()
            .any(|flag| flag.contains("token") || flag.contains("secret"))
    );
}

#[test]
fn every_key_has_its_line_in_the_summary() {
    let config = good(
        "relay: {upstreams: [{url: 'https://app.example.com/path'}]}\n\
         notify: {webhooks: [{url: 'https://app.example.com/path'}]}\n\
         trackers: {journeys: [{name: booking, steps: [date], variants: [A, B]}], experiments: [{name: short, journey: \
         booking, variants: [A, B], metric: completion, smallest_effect: 5%}]}",
        environment(),
    );
    let summary = config.summary().to_string();
    assert!(!summary.contains("/path"), "{summary}");
    for key in reference()
        .iter()
        .filter_map(|row| row.key)
        .filter(|key| !key.ends_with("_file"))
    {
        let line = format!("{}: ", key.replace("[]", "[0]"));
        assert!(summary.lines().any(|one| one.starts_with(&line)), "{key}");
    }
}

#[test]
fn defaults_written_out_change_nothing() {
    let rows = reference();
    let mut yaml = String::new();
    let defaults = rows.iter().filter_map(|row| Some((row.key?, row.default?)));
    for (key, default) in defaults.filter(|(key, _)| !key.contains("[]")) {
        let (section, name) = key.split_once('.').expect("every key is in a section");
        if !yaml.contains(&format!("{section}:\n")) {
            yaml += &format!("{section}:\n");
        }
        yaml += &format!("  {name}: \"{default}\"\n");
    }
    let defaults = Config::load(&Flags::default(), &environment()).expect("enough");
    assert_eq!(
        good(&yaml, environment()).summary().to_string(),
        defaults.summary().to_string()
    );
}
