//! Reads the exporter's own metrics, for pages.

use prometheus::core::Collector;
use prometheus::proto::Metric as Sample;

/// The current series of one metric. Reading creates none, unlike `with_label_values`.
#[derive(Clone, Debug, Default)]
pub struct Labelled(Vec<Sample>);

impl Labelled {
    /// The series of this counter or gauge.
    pub fn new(metric: &impl Collector) -> Self {
        let families = metric.collect().into_iter();
        Self(
            families
                .flat_map(|mut family| family.take_metric())
                .collect(),
        )
    }

    /// Keeps only the series whose value of this label is wanted, so that later searches do not visit all series of a
    /// fleet.
    pub fn retain(&mut self, name: &str, is_wanted: impl Fn(&str) -> bool) {
        self.0
            .retain(|sample| label(sample, name).is_some_and(&is_wanted));
    }

    /// The value of the series with these labels; the greatest if several match. `None` if there is none.
    #[must_use]
    pub fn value(&self, labels: &[(&str, &str)]) -> Option<f64> {
        let has = |sample: &&Sample| {
            let is = |(name, value): &(&str, &str)| label(sample, name) == Some(*value);
            labels.iter().all(is)
        };
        self.0.iter().filter(has).map(value).reduce(f64::max)
    }

    /// Each value with its value of this label.
    pub fn by<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, f64)> {
        let pair = move |sample: &'a Sample| Some((label(sample, name)?, value(sample)));
        self.0.iter().filter_map(pair)
    }
}

fn label<'a>(sample: &'a Sample, name: &str) -> Option<&'a str> {
    let mut pairs = sample.get_label().iter();
    let pair = pairs.find(|pair| pair.name() == name);
    pair.map(|pair| pair.value())
}

/// The value of a sample, which is either a counter or a gauge; the other one reads as 0.
fn value(sample: &Sample) -> f64 {
    sample.get_counter().get_value() + sample.get_gauge().get_value()
}
