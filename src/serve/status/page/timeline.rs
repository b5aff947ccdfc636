//! Thirty days as a small SVG without style or script, with the same information as text.

use maud::{Markup, html};

use crate::serve::status::level::Level;
use crate::serve::status::timeline::Segment;
use crate::serve::status::words::{minute, span};

/// Width in the drawing's own units; the page scales it.
const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 20.0;

/// Minimum width, so that minutes of thirty days are visible.
const MIN_WIDTH: f64 = 4.0;

/// Gap between two segments, which separates neighbours of the same colour.
const GAP: f64 = 1.0;

/// Maximum number of values in the text; earlier ones are summarized.
const MAX_DESCRIBED: usize = 6;

/// Maximum number of drawn segments.
const MAX_DRAWN: usize = 60;

/// Draws `what` with the level of each of its values.
pub(super) fn draw(what: &str, segments: &[Segment], level: impl Fn(&str) -> Level) -> Markup {
    let newest = &segments[segments.len().saturating_sub(MAX_DRAWN)..];
    html! {
        @if !segments.is_empty() {
            svg role="img" class="timeline" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none"
                aria-label={ (what) ", 30 days: " (story(segments)) } {
                @for (segment, (x, width)) in newest.iter().zip(places(newest)) {
                    (bar(segment, x, width, &level))
                }
            }
        }
    }
}

fn bar(segment: &Segment, x: f64, width: f64, level: &impl Fn(&str) -> Level) -> Markup {
    let (class, height) = match segment.value.as_deref().map(level) {
        Some(level) => (level.as_str(), height(level)),
        None => ("unknown", 1.0),
    };
    let (x, y, width) = (rounded(x), HEIGHT - height, rounded(width - GAP));
    html! {
        rect class=(class) x=(x) y=(y) width=(width) height=(height) {
            title { (value(segment)) ", " (minute(segment.since)) " to " (minute(segment.until)) " UTC" }
        }
    }
}

/// Height of a segment: the worse, the taller. Colour is additional.
fn height(level: Level) -> f64 {
    match level {
        Level::Critical => HEIGHT,
        Level::Warning => 13.0,
        Level::Fine => 7.0,
        Level::Neutral => 4.0,
    }
}

fn rounded(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}

/// Left edge and width of each segment: the minimum width, and a share of the rest by time.
fn places(segments: &[Segment]) -> Vec<(f64, f64)> {
    let lengths: Vec<f64> = segments.iter().map(|one| seconds(one) as f64).collect();
    let total: f64 = lengths.iter().sum();
    let for_all = MIN_WIDTH * segments.len() as f64;
    let by_time = (WIDTH - for_all) / total.max(1.0);
    let mut x = 0.0;
    let place = |length: &f64| {
        let width = MIN_WIDTH + length * by_time;
        x += width;
        (x - width, width)
    };
    lengths.iter().map(place).collect()
}

fn seconds(segment: &Segment) -> u64 {
    segment.until.0.since(segment.since.0).as_secs()
}

fn value(segment: &Segment) -> &str {
    segment.value.as_deref().unwrap_or("unknown")
}

/// `GREEN for 21 days, then YELLOW since 2026-11-03 17:05 (3 days)`.
fn story(segments: &[Segment]) -> String {
    let Some((present, past)) = segments.split_last() else {
        return String::new();
    };
    let left_out = past.len().saturating_sub(MAX_DESCRIBED);
    let mut text = String::new();
    if left_out > 0 {
        text = format!("{left_out} earlier values, then ");
    }
    for segment in &past[left_out..] {
        text += &format!("{} for {}, then ", value(segment), span(seconds(segment)));
    }
    let lasted = span(seconds(present));
    if past.is_empty() {
        text + &format!("{} throughout", value(present))
    } else {
        text + &format!(
            "{} since {} UTC ({lasted})",
            value(present),
            minute(present.since)
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{QualityRating, Timestamp, Word};
    use crate::serve::status::value::Moment;

    const DAY_S: i64 = 86_400;

    fn segments(parts: &[(Option<&str>, i64)]) -> Vec<Segment> {
        let mut at = 1_775_001_600 - parts.iter().map(|(_, seconds)| seconds).sum::<i64>();
        let segment = |(value, seconds): &(Option<&str>, i64)| {
            let since = Moment(Timestamp::from_seconds(at));
            at += seconds;
            Segment {
                value: value.map(str::to_owned),
                since,
                until: Moment(Timestamp::from_seconds(at)),
            }
        };
        parts.iter().map(segment).collect()
    }

    fn drawn(parts: &[(Option<&str>, i64)]) -> String {
        let level = |word: &str| QualityRating::parse(word).into();
        let drawing = draw("Quality", &segments(parts), level).into_string();
        drawing.replace('\u{a0}', " ")
    }

    #[test]
    fn thirty_days_are_drawn_and_described() {
        let parts = [
            (None, 5 * DAY_S),
            (Some("GREEN"), 21 * DAY_S),
            (Some("RED"), 4 * DAY_S),
        ];
        assert_eq!(
            drawn(&parts),
            "<svg role=\"img\" class=\"timeline\" viewBox=\"0 0 300 20\" preserveAspectRatio=\"none\" \
             aria-label=\"Quality, 30 days: unknown for 5 days, then GREEN for 21 days, then RED since 2026-03-28 00:00 UTC (4 days)\">\
             <rect class=\"unknown\" x=\"0\" y=\"19\" width=\"51\" height=\"1\"><title>unknown, 2026-03-02 00:00 to 2026-03-07 00:00 UTC</title></rect>\
             <rect class=\"fine\" x=\"52\" y=\"13\" width=\"204.6\" height=\"7\"><title>GREEN, 2026-03-07 00:00 to 2026-03-28 00:00 UTC</title></rect>\
             <rect class=\"critical\" x=\"257.6\" y=\"0\" width=\"41.4\" height=\"20\"><title>RED, 2026-03-28 00:00 to 2026-04-01 00:00 UTC</title></rect>\
             </svg>"
        );
    }

    #[test]
    fn a_constant_value_has_a_short_text_and_no_data_draws_nothing() {
        assert!(drawn(&[(Some("GREEN"), 30 * DAY_S)]).contains("30 days: GREEN throughout"));
        assert_eq!(drawn(&[]), "");
    }

    #[test]
    fn external_text_is_escaped() {
        let drawing = drawn(&[(Some("<script>\"'"), 30 * DAY_S)]);
        assert!(!drawing.contains("<script>"), "{drawing}");
        assert!(drawing.contains("&lt;script&gt;&quot;"), "{drawing}");
    }

    proptest! {
        #[test]
        fn bars_are_adjacent_and_fill_the_width(
            lengths in prop::collection::vec(1_i64..30 * DAY_S, 1..MAX_DRAWN),
        ) {
            let parts: Vec<_> = lengths.iter().map(|seconds| (Some("GREEN"), *seconds)).collect();
            let places = places(&segments(&parts));
            let mut edge = 0.0;
            for (x, width) in places {
                prop_assert!((x - edge).abs() < 0.001 && width >= MIN_WIDTH);
                edge = x + width;
            }
            prop_assert!((edge - WIDTH).abs() < 0.001);
        }
    }
}
