//! A metric as a value: name, kind, help and labels, declared once.

/// What kind of metric it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only goes up.
    Counter,
    /// Buckets, a sum and a count.
    Histogram,
}

impl Kind {
    /// The word of the text format.
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
    /// The name in full, `_total` included.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// The text of `# HELP`: a noun phrase with the unit, and when the series is absent.
    pub help: &'static str,
    /// Its labels, those of its entity first.
    pub labels: &'static [&'static str],
}

/// Declares the metrics of a file, and `ALL` of them as one list.
macro_rules! metrics {
    ($($id:ident: $kind:ident $name:literal [$($label:literal),* $(,)?] $help:literal;)+) => {
        $(pub(super) static $id: $crate::expose::Metric = $crate::expose::Metric {
            name: $name,
            kind: $crate::expose::Kind::$kind,
            help: $help,
            labels: &[$($label),*],
        };)+

        /// Every metric of this file.
        pub(super) static ALL: &[&$crate::expose::Metric] = &[$(&$id),+];
    };
}
pub(super) use metrics;
