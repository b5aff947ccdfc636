//! Unusual forms of the envelope.

/// A form of the envelope around `changes[]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::simulator::webhooks) enum EnvelopeForm {
    /// Meta's examples.
    Usual,
    /// `entry[].time` as text.
    TimeAsText,
    /// No `entry[].time`.
    NoTime,
    /// `entry[].id` as a number.
    IdAsNumber,
    /// `entry`, and `changes` of one change, are objects instead of lists.
    SingleObjects,
    /// `rejection_info` beside `value`, as in the syntax block of Meta's page.
    RejectionBeside,
}

impl EnvelopeForm {
    pub(in crate::simulator::webhooks) const UNUSUAL: [Self; 5] = [
        Self::TimeAsText,
        Self::NoTime,
        Self::IdAsNumber,
        Self::SingleObjects,
        Self::RejectionBeside,
    ];
}
