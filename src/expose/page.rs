//! Writes the text of a scrape, as Prometheus 0.0.4 or OpenMetrics 1.0.
//!
//! Entity labels are rendered once ([`EntityLabels`]) and then copied, so a sample costs a few copies of bytes. A family's
//! header is written with its first sample, so no family is empty.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::metric::{Metric, MetricKind};
pub use super::sample_value::SampleValue;
use super::sample_value::{push_time, push_value};
use crate::domain::{StateSets, Timestamp};

/// The supported text formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TextFormat {
    /// Prometheus text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl TextFormat {
    /// The `Content-Type` header.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Ending of the names of info metrics: the labels carry the information, and the value is always 1.
const INFO: &str = "_info";

/// Ending of the metric names of counters.
const TOTAL: &str = "_total";

/// Ending of the last sample of a histogram.
pub(super) const COUNT: &str = "_count";

/// The labels of one entity, rendered: `waba_id="1",phone_number_id="2"`.
#[derive(Clone, Debug, Default)]
pub struct EntityLabels {
    rendered: String,
    /// Time at which the entity's counters were 0, if known.
    created: Option<Timestamp>,
}

impl EntityLabels {
    /// Renders the labels in the given order.
    #[must_use]
    pub fn new(labels: &[(&str, &str)]) -> Self {
        let mut rendered = String::new();
        labels
            .iter()
            .for_each(|(name, value)| push_label(&mut rendered, 0, name, value));
        Self {
            rendered,
            created: None,
        }
    }

    /// Adds the time at which the entity's counters were 0, if it is known.
    #[must_use]
    pub fn created(self, created: Option<Timestamp>) -> Self {
        Self { created, ..self }
    }
}

/// A page being written.
///
/// A family may be continued, so that entities can be written in groups that fit into the processor's cache: each pass
/// over all entities of a large fleet would fetch them from memory again.
#[derive(Debug)]
pub struct Page {
    format: TextFormat,
    /// Which series the states and counters of an entity have.
    pub(super) state_sets: StateSets,
    /// Whether counters and histograms show when they were created.
    has_created: bool,
    /// Each family's text, in the order in which they began.
    texts: Vec<String>,
    /// The place of each family's text.
    places: HashMap<String, usize>,
}

impl Page {
    /// An empty page.
    #[must_use]
    pub fn new(format: TextFormat, state_sets: StateSets) -> Self {
        Self {
            format,
            state_sets,
            has_created: false,
            texts: Vec::new(),
            places: HashMap::new(),
        }
    }

    /// Shows when counters and histograms were created. The text format 0.0.4 has no form for it and stays as it is.
    #[must_use]
    pub fn with_created(mut self) -> Self {
        self.has_created = self.format == TextFormat::OpenMetrics;
        self
    }

    /// Begins a family, or continues it.
    pub fn family<'page>(&'page mut self, metric: &Metric) -> Family<'page> {
        self.family_named(metric.name, metric.kind, metric.help, metric.labels)
    }

    /// As [`Page::family`], for a metric declared elsewhere.
    pub fn family_named<'page>(
        &'page mut self,
        name: &str,
        kind: MetricKind,
        help: &str,
        labels: &'static [&'static str],
    ) -> Family<'page> {
        let place = self.places.get(name).copied().unwrap_or_else(|| {
            self.texts.push(String::new());
            self.places.insert(name.to_owned(), self.texts.len() - 1);
            self.texts.len() - 1
        });
        let text = &mut self.texts[place];
        let header = text
            .is_empty()
            .then(|| header(self.format, name, kind, help));
        Family {
            text,
            has_zeros: self.state_sets.has_zeros(),
            // Of a histogram, the last sample has it.
            created_after: match kind {
                _ if !self.has_created => None,
                MetricKind::Counter => Some(""),
                MetricKind::Histogram => Some(COUNT),
                MetricKind::Gauge => None,
            },
            name: name.to_owned(),
            labels,
            header,
        }
    }

    /// The page's text, with the end marker of its format.
    #[must_use]
    pub fn finish(self) -> String {
        let end = match self.format {
            TextFormat::OpenMetrics => "# EOF\n",
            TextFormat::Text => "",
        };
        let length: usize = self.texts.iter().map(String::len).sum();
        let mut page = String::with_capacity(length + end.len());
        // Each text is freed once it is copied.
        self.texts.into_iter().for_each(|text| page.push_str(&text));
        page.push_str(end);
        page
    }
}

/// OpenMetrics leaves the ending of counters and of information out of the family's name. There is no state set: it
/// demands a label that is named like the family.
fn header(format: TextFormat, name: &str, kind: MetricKind, help: &str) -> String {
    let without = |ending: &str| {
        let is_open_metrics = format == TextFormat::OpenMetrics;
        name.strip_suffix(ending).filter(|_| is_open_metrics)
    };
    let (family, kind) = match kind {
        MetricKind::Counter => (without(TOTAL).unwrap_or(name), kind.as_str()),
        MetricKind::Gauge => match without(INFO) {
            Some(family) => (family, "info"),
            None => (name, kind.as_str()),
        },
        MetricKind::Histogram => (name, kind.as_str()),
    };
    let mut header = format!("# HELP {family} ");
    escape(&mut header, help, format == TextFormat::OpenMetrics);
    let _infallible = write!(header, "\n# TYPE {family} {kind}\n");
    header
}

/// A family whose samples are being written.
#[derive(Debug)]
pub struct Family<'page> {
    text: &'page mut String,
    has_zeros: bool,
    /// Ending of the sample that a `_created` sample follows.
    created_after: Option<&'static str>,
    name: String,
    labels: &'static [&'static str],
    header: Option<String>,
}

impl Family<'_> {
    /// Writes one sample: the entity's labels, then `values` for the last labels of the declaration.
    pub fn sample(&mut self, entity: &EntityLabels, values: &[&str], value: SampleValue) {
        let names = &self.labels[self.labels.len() - values.len()..];
        self.write(
            "",
            entity,
            names.iter().copied().zip(values.iter().copied()),
            value,
        );
    }

    /// Writes one sample of a counter, unless it is 0 and such counters have no series.
    pub fn count(&mut self, entity: &EntityLabels, values: &[&str], count: u64) {
        if count > 0 || self.has_zeros {
            self.sample(entity, values, SampleValue::Whole(count));
        }
    }

    /// Whether counters have a series before their first increment.
    pub fn has_zeros(&self) -> bool {
        self.has_zeros
    }

    /// Writes one sample with a time in the past. OpenMetrics only, which writes seconds.
    pub fn sample_at(
        &mut self,
        entity: &EntityLabels,
        values: &[&str],
        value: SampleValue,
        at: Timestamp,
    ) {
        self.sample(entity, values, value);
        self.text.pop();
        self.text.push(' ');
        push_time(self.text, at);
        self.text.push('\n');
    }

    /// Returns and removes the text written so far, so that a long family need not be held as a whole.
    pub fn take(&mut self) -> String {
        std::mem::take(self.text)
    }

    /// Writes one sample with a name suffix and additional labels, as histograms need.
    pub fn sample_of(
        &mut self,
        suffix: &str,
        entity: &EntityLabels,
        labels: &[(&str, &str)],
        value: SampleValue,
    ) {
        self.write(suffix, entity, labels.iter().copied(), value);
    }

    fn write<'a>(
        &mut self,
        suffix: &str,
        entity: &EntityLabels,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
        value: SampleValue,
    ) {
        let text = &mut *self.text;
        if let Some(header) = self.header.take() {
            text.push_str(&header);
        }
        text.push_str(&self.name);
        text.push_str(suffix);
        let labels_start = text.len();
        text.push('{');
        let start = text.len();
        text.push_str(&entity.rendered);
        labels.for_each(|(name, value)| push_label(text, start, name, value));
        if text.len() == start {
            text.pop();
        } else {
            text.push('}');
        }
        let labels_end = text.len();
        text.push(' ');
        push_value(text, value);
        text.push('\n');
        if self.created_after == Some(suffix)
            && let Some(created) = entity.created
        {
            let family = self.name.strip_suffix(TOTAL).unwrap_or(&self.name);
            text.push_str(family);
            text.push_str("_created");
            text.extend_from_within(labels_start..labels_end);
            text.push(' ');
            push_time(text, created);
            text.push('\n');
        }
    }
}

/// Appends `name="value"`, with a comma if there is text after `start`.
fn push_label(text: &mut String, start: usize, name: &str, value: &str) {
    if text.len() > start {
        text.push(',');
    }
    text.push_str(name);
    text.push_str("=\"");
    escape(text, value, true);
    text.push('"');
}

/// Escapes text. In help texts, only OpenMetrics escapes quotes.
fn escape(text: &mut String, raw: &str, quotes: bool) {
    if !raw.bytes().any(|byte| matches!(byte, b'\\' | b'\n' | b'"')) {
        text.push_str(raw);
        return;
    }
    for character in raw.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes => text.push_str("\\\""),
            other => text.push(other),
        }
    }
}
