//! Two bounds around an estimate.

/// A closed interval of rates, or of differences of rates. Its bounds are finite, and in order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
}

impl Interval {
    /// Every rate.
    pub const ALL_RATES: Self = Self {
        lower: 0.0,
        upper: 1.0,
    };

    /// Every difference of two rates.
    pub const ALL_DIFFERENCES: Self = Self {
        lower: -1.0,
        upper: 1.0,
    };

    /// Whether a value is between the bounds, or equal to one of them.
    #[must_use]
    pub fn contains(self, value: f64) -> bool {
        (self.lower..=self.upper).contains(&value)
    }

    /// The interval of this radius, cut to `limits`, which contain its centre.
    pub(super) fn around(centre: f64, radius: f64, limits: Self) -> Self {
        Self {
            lower: (centre - radius).max(limits.lower),
            upper: (centre + radius).min(limits.upper),
        }
    }
}
