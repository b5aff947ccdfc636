//! The figures of the simulated customers, as the series that the exporter must show.

use std::collections::BTreeMap;

use whatsapp_business_exporter::simulator::customers::Figure;

use super::meta::Meta;

/// The patterns of answers with a star in the configuration of the page.
const PATTERNS: [&str; 2] = ["date_", "time_"];

pub(super) fn shown(text: &str, is_wanted: impl Fn(&str) -> bool) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let samples = lines.filter_map(|line| line.rsplit_once(' '));
    let wanted = samples.filter(|(series, _)| is_wanted(series));
    wanted
        .map(|(series, value)| (series.to_owned(), value.parse().expect("a number")))
        .collect()
}

/// Whether the test compares this series.
fn is_compared(series: &str) -> bool {
    let is_time = series.contains("_bucket{") || series.contains(r#"reason="slow""#);
    let prefixes = [
        "whatsapp_journey_",
        "whatsapp_conversations_started_total",
        "whatsapp_callback_data_ignored_total",
    ];
    !is_time && prefixes.iter().any(|prefix| series.starts_with(prefix))
}

pub(super) fn differences(truth: &BTreeMap<String, f64>, text: &str) -> Vec<String> {
    let shown = shown(text, is_compared);
    let value = |of: &BTreeMap<String, f64>, series: &str| of.get(series).copied();
    let all = truth.keys().chain(shown.keys());
    let wrong = all.filter(|series| {
        let (expected, shown) = (value(truth, series), value(&shown, series));
        (shown.unwrap_or(f64::NAN) - expected.unwrap_or_default()).abs() > 0.001 || shown.is_none()
    });
    let said = |series: &String| {
        let (expected, shown) = (value(truth, series), value(&shown, series));
        format!("{series}: {shown:?}, not {expected:?}")
    };
    wrong.map(said).collect()
}

/// The true value of each series.
pub(super) fn truth(meta: &Meta) -> BTreeMap<String, f64> {
    let mut series: BTreeMap<String, f64> = BTreeMap::new();
    for (figure, value) in meta.handle.customer_figures() {
        let mut add = |name: &str, labels: &str| {
            let text = format!("whatsapp_{name}{{{labels}}}");
            *series.entry(text).or_default() += value as f64;
        };
        let labels = labels(meta, &figure);
        match figure.name {
            "conversations_started" => add("conversations_started_total", &labels),
            "step_seconds" => add("journey_step_seconds_sum", &labels),
            name => add(&format!("journey_{name}_total"), &labels),
        }
        if figure.name == "step_answered" {
            add("journey_step_seconds_count", &labels);
        }
    }
    series
}

fn labels(meta: &Meta, figure: &Figure) -> String {
    let number = &figure.phone_number_id;
    let place = meta.numbers.iter().position(|known| known == number);
    let waba = &meta.accounts[place.expect("a number of the world")];
    let answer = match figure.detail.as_str() {
        "" => "other".to_owned(),
        id => {
            let pattern = PATTERNS.iter().find(|pattern| id.starts_with(**pattern));
            pattern.map_or(id.to_owned(), |pattern| format!("{pattern}*"))
        }
    };
    let Figure {
        journey,
        version,
        variant,
        step,
        detail,
        ..
    } = figure;
    let number = format!(r#"waba_id="{waba}",phone_number_id="{number}""#);
    let session =
        format!(r#"{number},journey="{journey}",version="{version}",variant="{variant}""#);
    match figure.name {
        "conversations_started" => format!(r#"{number},entry_point="{detail}""#),
        name if name.starts_with("sessions_") => session,
        "step_confused" => format!(r#"{session},step="{step}",reason="{detail}""#),
        "step_answers" => format!(r#"{session},step="{step}",answer="{answer}""#),
        _ => format!(r#"{session},step="{step}""#),
    }
}
