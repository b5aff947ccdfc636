//! The notation of series in promtool's unit tests.

use regex::Regex;

/// Samples of promtool's notation: `1x3` is four samples, `_` is none, `stale` ends the series.
pub fn samples(values: &str) -> Vec<String> {
    let pattern = r"^(_|stale|-?[\d.]+(?:e\d+)?|[+-]?[Ii]nf|NaN)(?:([+-][\d.]+))?(?:x(\d+))?$";
    let pattern = Regex::new(pattern).expect("a good pattern");
    let mut samples = Vec::new();
    for word in values.split_whitespace() {
        let found = pattern.captures(word).expect(word);
        let times: Option<usize> = found
            .get(3)
            .map(|times| times.as_str().parse().expect(word));
        let step: Option<f64> = found.get(2).map(|step| step.as_str().parse().expect(word));
        let first = &found[1];
        let count = match (first, times) {
            ("_", times) => times.unwrap_or(1),
            (_, times) => times.unwrap_or(0) + 1,
        };
        samples.extend((0..count).map(|index| match step {
            None => first.to_owned(),
            Some(step) => {
                let first: f64 = first.parse().expect(word);
                (first + step * index as f64).to_string()
            }
        }));
    }
    samples
}

/// Samples in promtool's notation.
pub fn notation(samples: &[String]) -> String {
    let runs = samples
        .chunk_by(|one, next| one == next)
        .map(|run| match run[0].as_str() {
            "_" => format!("_x{}", run.len()),
            "stale" => "stale".to_owned(),
            value => format!("{value}x{}", run.len() - 1),
        });
    runs.collect::<Vec<_>>().join(" ")
}
