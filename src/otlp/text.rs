//! Reads a page in OpenMetrics, as this program writes it. Pure.
//!
//! The text format 0.0.4 is not sufficient: it has no creation timestamps, which OTLP calls start times.

/// Suffix of the line with the creation timestamp.
const CREATED: &str = "_created";

/// The type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Gauge,
    Counter,
    Histogram,
}

/// A metric family.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Family {
    /// Name of the series in Prometheus, with `_total` or `_info`.
    pub name: String,
    pub help: String,
    pub kind: Kind,
    pub samples: Vec<Sample>,
}

/// One line, and the `_created` line after it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    /// What follows the family's name: `_bucket`, `_sum` or `_count` of a histogram, otherwise nothing.
    pub suffix: String,
    pub labels: Vec<(String, String)>,
    pub value: f64,
    /// Time at which the value was 0, in Unix seconds. `None` if unknown.
    pub created: Option<f64>,
}

/// Number of a line that is not in the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnreadableLine(pub usize);

/// Gives each family of a page to `take`, in its order.
///
/// # Errors
/// The first line that is not in the format.
pub(super) fn families(page: &str, mut take: impl FnMut(Family)) -> Result<(), UnreadableLine> {
    let mut current: Option<Family> = None;
    let mut help = String::new();
    let mut family_name = "";
    for (index, line) in page.lines().enumerate() {
        let unreadable = UnreadableLine(index + 1);
        if line == "# EOF" {
            break;
        }
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (_, text) = rest.split_once(' ').ok_or(unreadable)?;
            help = unescaped(text);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or(unreadable)?;
            let (kind, ending) = kind_of(kind).ok_or(unreadable)?;
            let next = Family {
                name: format!("{name}{ending}"),
                help: std::mem::take(&mut help),
                kind,
                samples: Vec::new(),
            };
            family_name = name;
            current.replace(next).into_iter().for_each(&mut take);
        } else if !line.is_empty() {
            let family = current.as_mut().ok_or(unreadable)?;
            let ending = family.name.strip_prefix(family_name).unwrap_or_default();
            let rest = line.strip_prefix(family_name).ok_or(unreadable)?;
            if rest.starts_with(CREATED) {
                let created = sample(rest).ok_or(unreadable)?;
                let last = family.samples.last_mut().ok_or(unreadable)?;
                last.created = Some(created.value);
            } else {
                let rest = rest.strip_prefix(ending).ok_or(unreadable)?;
                family.samples.push(sample(rest).ok_or(unreadable)?);
            }
        }
    }
    current.into_iter().for_each(take);
    Ok(())
}

/// The kind, and the suffix of its series' names after the family's name.
fn kind_of(word: &str) -> Option<(Kind, &'static str)> {
    match word {
        "gauge" => Some((Kind::Gauge, "")),
        "info" => Some((Kind::Gauge, "_info")),
        "counter" => Some((Kind::Counter, "_total")),
        "histogram" => Some((Kind::Histogram, "")),
        _ => None,
    }
}

/// Reads a line after the family's name.
fn sample(rest: &str) -> Option<Sample> {
    let name_end = rest.find(['{', ' '])?;
    let (suffix, rest) = rest.split_at(name_end);
    let (labels, value) = match rest.strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None => (Vec::new(), rest),
    };
    Some(Sample {
        suffix: suffix.to_owned(),
        labels,
        value: value.strip_prefix(' ')?.parse().ok()?,
        created: None,
    })
}

/// The labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once("=\"")?;
        let end = end_of_value(after)?;
        labels.push((name.to_owned(), unescaped(&after[..end])));
        rest = &after[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

/// Position of the quote that is not escaped.
fn end_of_value(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })
}

fn unescaped(text: &str) -> String {
    let mut characters = text.chars();
    let mut read = String::with_capacity(text.len());
    while let Some(one) = characters.next() {
        read.push(match one {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some(other) => other,
                None => '\\',
            },
            other => other,
        });
    }
    read
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(page: &str) -> Result<Vec<Family>, UnreadableLine> {
        let mut all = Vec::new();
        families(page, |family| all.push(family)).map(|()| all)
    }

    fn escaped(text: &str) -> String {
        text.replace('\\', "\\\\")
            .replace('\n', "\\n")
            .replace('"', "\\\"")
    }

    #[test]
    fn families_have_their_samples() {
        let page = "# HELP up 1 if up.\n# TYPE up gauge\nup 1\n# HELP t_total Odd \\\\ text.\n# TYPE t counter\n\
                    t_total{a=\"x,y}\",b=\"\"} 2.5\nt_created{a=\"x,y}\",b=\"\"} 17.5\n# HELP s Seconds.\n# TYPE s histogram\ns_bucket{le=\"+Inf\"} 3\n\
                    s_sum 4\ns_count 3\ns_created 18\n# TYPE b info\nb_info{v=\"1\"} 1\n# EOF\n";
        let families = all(page).expect("the format");
        let kinds: Vec<_> = families
            .iter()
            .map(|it| (it.name.as_str(), it.kind))
            .collect();
        assert_eq!(
            kinds,
            [
                ("up", Kind::Gauge),
                ("t_total", Kind::Counter),
                ("s", Kind::Histogram),
                ("b_info", Kind::Gauge)
            ]
        );
        assert_eq!(families[1].help, "Odd \\ text.");
        let labels = vec![
            ("a".to_owned(), "x,y}".to_owned()),
            ("b".to_owned(), String::new()),
        ];
        assert_eq!(families[1].samples[0].labels, labels);
        let suffixes = families[2].samples.iter().map(|it| it.suffix.as_str());
        assert!(suffixes.eq(["_bucket", "_sum", "_count"]));
        assert_eq!(families[1].samples[0].created, Some(17.5));
        assert_eq!(families[2].samples[2].created, Some(18.0));
    }

    #[test]
    fn a_line_that_is_not_in_the_format_is_named() {
        for (page, line) in [
            ("up 1\n", 1),
            ("# TYPE up gauge\nup{a=\"b\" 1\n", 2),
            ("# TYPE up gauge\nup one\n", 2),
            ("# TYPE up gauge\ndown 1\n", 2),
            ("# TYPE up stateset\n", 1),
            ("# TYPE t counter\nt_created 1\n", 2),
            ("# TYPE t counter\nt 1\n", 2),
        ] {
            assert_eq!(all(page), Err(UnreadableLine(line)), "{page}");
        }
    }

    proptest! {
        #[test]
        fn values_of_labels_and_numbers_are_read_as_written(
            values in prop::collection::vec(any::<String>(), 0..4),
            number in any::<f64>(),
        ) {
            let values: Vec<String> = values.into_iter().map(|text| text.replace('\r', "")).collect();
            let labels: Vec<String> = values
                .iter()
                .map(|value| format!("l=\"{}\"", escaped(value)))
                .collect();
            let page = format!("# TYPE x gauge\nx{{{}}} {number}\n", labels.join(","));
            let read = all(&page).expect("the format");
            let sample = &read[0].samples[0];
            let found: Vec<&String> = sample.labels.iter().map(|(_, value)| value).collect();
            prop_assert_eq!(found, values.iter().collect::<Vec<_>>());
            prop_assert!(sample.value == number || number.is_nan() && sample.value.is_nan());
        }
    }
}
