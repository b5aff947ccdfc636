//! A metric as a value: name, kind, help and labels, declared once.

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only goes up.
    Counter,
    /// Buckets, a sum and a count.
    Histogram,
}

impl MetricKind {
    /// The name of the type in the text format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Histogram => "histogram",
        }
    }
}

/// A metric family's declaration.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The full name, including `_total`.
    pub name: &'static str,
    /// The type of the metric.
    pub kind: MetricKind,
    /// The text of `# HELP`: a noun phrase with the unit, and when the series is absent.
    pub help: &'static str,
    /// Its label names, those of the entity first.
    pub labels: &'static [&'static str],
}

/// Declares the metrics of a file, and `ALL` as a list of them.
macro_rules! metrics {
    ($($id:ident: $kind:ident $name:literal [$($label:literal),* $(,)?] $help:literal;)+) => {
        $(pub(super) static $id: $crate::expose::Metric = $crate::expose::Metric {
            name: $name,
            kind: $crate::expose::MetricKind::$kind,
            help: $help,
            labels: &[$($label),*],
        };)+

        /// Every metric of this file.
        pub(super) static ALL: &[&$crate::expose::Metric] = &[$(&$id),+];
    };
}
pub(super) use metrics;
