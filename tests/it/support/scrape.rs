//! A page of `/metrics`, with values by name and labels in any order.

use std::fmt;

/// The text of a scrape.
pub struct Scrape(pub String);

impl Scrape {
    /// The value of the one series with this name and these labels among its labels; none if there is
    /// no such series.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut found = self.series(name, labels);
        let value = found.next()?;
        assert!(
            found.next().is_none(),
            "{name} {labels:?} is not one series"
        );
        Some(value.parse().expect("a number"))
    }

    /// The same of a counter that exists from the start.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let value = self.value(name, labels);
        value.unwrap_or_else(|| panic!("{name} {labels:?} is not there"))
    }

    /// The sum of all series with this name and these labels among their labels.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let values = self.series(name, labels);
        values
            .map(|value| value.parse::<f64>().expect("a number"))
            .sum()
    }

    /// How many series a family has with these labels.
    pub fn how_many(&self, name: &str, labels: &[(&str, &str)]) -> usize {
        self.series(name, labels).count()
    }

    fn series<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = &'a str> {
        self.0.lines().filter_map(move |line| {
            let (series, value) = line.rsplit_once(' ')?;
            let (found, rest) = series.split_once('{').unwrap_or((series, ""));
            let rest = format!(",{rest}");
            let has =
                |(label, value): &(&str, &str)| rest.contains(&format!(",{label}=\"{value}\""));
            (found == name && labels.iter().all(has)).then_some(value)
        })
    }
}

impl fmt::Display for Scrape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}
