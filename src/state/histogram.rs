//! A histogram of durations.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Upper bounds in seconds, chosen for response times of bots, of people, and overnight.
pub const BOUNDS: [u32; 15] = [
    1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 57_600, 86_400,
];

/// Durations by bound. The sum is exact to the millisecond.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Counts per bucket, not cumulative; the last bucket has no upper bound.
    counts: [u64; BOUNDS.len() + 1],
    sum_ms: u64,
}

impl Histogram {
    /// Adds one duration.
    pub fn observe(&mut self, duration: Duration) {
        let within = BOUNDS
            .iter()
            .position(|bound| duration <= Duration::from_secs(u64::from(*bound)));
        self.counts[within.unwrap_or(BOUNDS.len())] += 1;
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        self.sum_ms = self.sum_ms.saturating_add(millis);
    }

    /// Cumulative count for each bound, in seconds.
    pub fn cumulative(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let counts = self.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        BOUNDS.into_iter().zip(counts)
    }

    /// Number of durations.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The duration that this share of all durations does not exceed, by linear interpolation within its bucket, as in
    /// Prometheus. Above the highest bound, that bound. `None` without durations.
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        #[expect(clippy::cast_precision_loss, reason = "a rank needs no last digit")]
        let rank = share * self.count() as f64;
        let (mut below, mut start) = (0.0, 0.0);
        for (bound, count) in BOUNDS.into_iter().zip(self.counts) {
            #[expect(clippy::cast_precision_loss, reason = "as above")]
            let count = count as f64;
            if count > 0.0 && below + count >= rank {
                let within = (rank - below).max(0.0) / count;
                let seconds = start + (f64::from(bound) - start) * within;
                return Some(Duration::from_secs_f64(seconds));
            }
            below += count;
            start = f64::from(bound);
        }
        (self.count() > 0).then(|| Duration::from_secs_f64(start))
    }

    /// Sum of all durations.
    #[must_use]
    pub fn sum(&self) -> Duration {
        Duration::from_millis(self.sum_ms)
    }
}

/// Saves the bounds with the counts, because a later version may have other bounds.
impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bounds = BOUNDS.into_iter().map(Some).chain([None]);
        let counts = bounds.zip(self.counts).filter(|(_, count)| *count > 0);
        (self.sum_ms, counts.collect::<Vec<_>>()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        type Parts = (u64, Vec<(Option<u32>, u64)>);
        let (sum_ms, counts) = Parts::deserialize(deserializer)?;
        let mut histogram = Self {
            sum_ms,
            ..Self::default()
        };
        for (bound, count) in counts {
            let place = bound.and_then(|bound| BOUNDS.iter().position(|known| *known >= bound));
            histogram.counts[place.unwrap_or(BOUNDS.len())] += count;
        }
        Ok(histogram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_its_bucket_and_all_above() {
        let mut histogram = Histogram::default();
        for millis in [1_000, 1_001, 600_000, 86_400_001] {
            histogram.observe(Duration::from_millis(millis));
        }
        let within = |bound| {
            let found = histogram.cumulative().find(|(known, _)| *known == bound);
            found.map(|(_, count)| count)
        };
        assert_eq!(
            [1, 5, 300, 600, 86_400].map(within),
            [Some(1), Some(2), Some(2), Some(3), Some(3)]
        );
        assert_eq!(histogram.count(), 4);
        assert_eq!(histogram.sum(), Duration::from_millis(87_002_002));
        let quantile = |share| histogram.quantile(share).map(|one| one.as_secs());
        assert_eq!(quantile(0.5), Some(5), "the end of the second bucket");
        assert_eq!(quantile(0.375), Some(3), "its middle");
        assert_eq!(quantile(0.99), Some(86_400), "the highest bound");
        assert_eq!(Histogram::default().quantile(0.5), None);
        let text = serde_json::to_string(&histogram).expect("plain data");
        let read: Histogram = serde_json::from_str(&text).expect("what was written");
        assert_eq!(read, histogram);
    }
}
