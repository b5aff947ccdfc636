//! The effect of one observation: the steps between values that it adds and removes.

use super::Drift;
use crate::state::Stamp;

/// A step from one value to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<T> {
    /// The previous value; `None` for the first known value.
    pub from: Option<T>,
    /// The new value.
    pub to: T,
    /// Stamp of the first observation of the new value.
    pub at: Stamp,
}

/// Effect of one observation on the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed<T> {
    /// Whether it is now the newest observation.
    pub newest: bool,
    /// Steps that became known.
    pub gained: Vec<Step<T>>,
    /// Steps that are no longer correct, because the observation lies between their values.
    pub lost: Vec<Step<T>>,
    /// The first known value if a webhook reported it, before and after the observation. It counts as a change. A
    /// first value from a poll does not, because it may be old.
    pub(super) first_reported: (Option<T>, Option<T>),
    /// Set while polls find a value that no webhook has reported.
    pub drift: Option<Drift>,
}

impl<T: Copy + PartialEq> Observed<T> {
    /// Number of additional steps of a kind. A first value that a webhook reported counts as a step. The number
    /// is never negative for kinds that a detour also passes through (up, down, into a value).
    pub fn more(&self, is_of_kind: impl Fn(Option<T>, T) -> bool) -> u64 {
        let count = |steps: &[Step<T>], first: Option<T>| {
            let later = steps.iter().filter(|step| step.from.is_some());
            let first = first.into_iter().filter(|first| is_of_kind(None, *first));
            first.count() + later.filter(|step| is_of_kind(step.from, step.to)).count()
        };
        let (first_before, first_now) = self.first_reported;
        let gained = count(&self.gained, first_now);
        gained.saturating_sub(count(&self.lost, first_before)) as u64
    }
}

impl<T> Observed<T> {
    pub(super) fn nothing() -> Self {
        Self {
            newest: false,
            gained: Vec::new(),
            lost: Vec::new(),
            first_reported: (None, None),
            drift: None,
        }
    }
}
