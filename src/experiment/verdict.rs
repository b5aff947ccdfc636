//! What an experiment has shown so far.

use super::interval::Interval;
use super::plan::Direction;

/// The answer to whether a variant (B) is better than the control (A).
///
/// The probability that any look at an experiment claims something wrong is at most the plan's significance. So the
/// first final verdict is valid, on whatever day it comes. A later look alone can be less certain than an earlier one.
/// Prometheus has the first verdict in the history of the metric. A change of the plan or of a variant starts a new
/// experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// The control is better.
    ABetter,
    /// The variant is better.
    BBetter,
    /// The variants differ by less than the smallest effect worth knowing.
    NoDifference,
    /// More users are needed for an answer.
    NotEnough,
}

impl Verdict {
    /// All verdicts: the state set of a metric.
    pub const ALL: [Self; 4] = [
        Self::ABetter,
        Self::BBetter,
        Self::NoDifference,
        Self::NotEnough,
    ];

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ABetter => "a_better",
            Self::BBetter => "b_better",
            Self::NoDifference => "no_difference",
            Self::NotEnough => "not_enough",
        }
    }
}

/// The verdict from the confidence sequence of the variant's rate minus the control's. Bounds that exclude both 0 and
/// the smallest effect show a difference, though a small one.
pub(super) fn from_bounds(bounds: Interval, smallest_effect: f64, direction: Direction) -> Verdict {
    let is_higher_better = direction == Direction::HigherIsBetter;
    if bounds.lower > 0.0 {
        if is_higher_better {
            Verdict::BBetter
        } else {
            Verdict::ABetter
        }
    } else if bounds.upper < 0.0 {
        if is_higher_better {
            Verdict::ABetter
        } else {
            Verdict::BBetter
        }
    } else if bounds.lower > -smallest_effect && bounds.upper < smallest_effect {
        Verdict::NoDifference
    } else {
        Verdict::NotEnough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(lower: f64, upper: f64, direction: Direction) -> Verdict {
        from_bounds(Interval { lower, upper }, 0.1, direction)
    }

    #[test]
    fn the_bounds_decide() {
        let judged = |lower, upper| verdict(lower, upper, Direction::HigherIsBetter);
        assert_eq!(judged(0.01, 0.3), Verdict::BBetter);
        assert_eq!(judged(0.01, 0.05), Verdict::BBetter);
        assert_eq!(judged(-0.3, -0.01), Verdict::ABetter);
        assert_eq!(judged(-0.09, 0.09), Verdict::NoDifference);
        assert_eq!(judged(-0.09, 0.1), Verdict::NotEnough);
        assert_eq!(judged(-0.1, 0.09), Verdict::NotEnough);
        assert_eq!(judged(-1.0, 1.0), Verdict::NotEnough);
        assert_eq!(judged(0.0, 0.3), Verdict::NotEnough);
    }

    #[test]
    fn of_opt_outs_the_lower_rate_is_better() {
        let judged = |lower, upper| verdict(lower, upper, Direction::LowerIsBetter);
        assert_eq!(judged(0.01, 0.3), Verdict::ABetter);
        assert_eq!(judged(-0.3, -0.01), Verdict::BBetter);
        assert_eq!(judged(-0.09, 0.09), Verdict::NoDifference);
    }
}
