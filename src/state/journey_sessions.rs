//! One customer's sessions of journeys. Events are sorted by their own time before they count.

use serde::{Deserialize, Serialize};

use super::journey_session::{JourneySession, Milestone};
use super::redate::{Dated, Redating, dated};
use super::saved::SavedProgress;
use crate::domain::Timestamp;
use crate::domain::journey::{JourneyId, Journeys, NO_VARIANT, Progress};

/// Maximum number of events in the reordering buffer.
const MAX_UNSETTLED: usize = 64;

/// Maximum number of open sessions of a customer, and of variants assigned ahead of a session. The oldest is
/// dropped.
const MAX_SESSIONS: usize = 8;

/// An event of a journey.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// Time of the event.
    pub at: Timestamp,
    /// The journey.
    pub id: JourneyId,
    /// The event.
    #[serde(with = "SavedProgress")]
    pub progress: Progress,
}

/// The state of a customer's journeys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneySessions {
    sessions: Vec<JourneySession>,
    /// Variants assigned before their session starts.
    assigned: Vec<(JourneyId, String)>,
    /// Reordering buffer, sorted by time, then by arrival.
    unsettled: Vec<Noted>,
    last_at: Timestamp,
}

dated! { Noted: at }

impl Dated for JourneySessions {
    fn times(&self, see: &mut dyn FnMut(i64)) {
        self.last_at.times(see);
        self.unsettled.times(see);
        self.sessions.times(see);
    }

    fn redate(&mut self, to: &Redating) {
        if self.last_at > to.latest {
            self.sessions
                .iter_mut()
                .for_each(|one| one.end_by(to.latest));
        }
        self.last_at.redate(to);
        self.unsettled.redate(to);
        // Stable, so that events of the same time stay in the order of arrival.
        self.unsettled.sort_by_key(|noted| noted.at);
        self.sessions.redate(to);
    }
}

impl JourneySessions {
    /// Records an event; counts the events that this pushes out of the reordering buffer.
    pub fn note(
        &mut self,
        noted: Noted,
        journeys: &Journeys,
        count: impl FnMut(Timestamp, &JourneyId, &str, Milestone),
    ) {
        let place = self.unsettled.partition_point(|known| known.at <= noted.at);
        self.unsettled.insert(place, noted);
        if self.unsettled.len() > MAX_UNSETTLED {
            let first = self.unsettled.remove(0);
            self.apply(first, journeys, count);
        }
    }

    /// Counts the events before this moment, and ends sessions that have been idle for too long by then.
    pub fn settle(
        &mut self,
        until: Timestamp,
        journeys: &Journeys,
        mut count: impl FnMut(Timestamp, &JourneyId, &str, Milestone),
    ) {
        let settled = self.unsettled.partition_point(|noted| noted.at <= until);
        for noted in self.unsettled.drain(..settled).collect::<Vec<_>>() {
            self.apply(noted, journeys, &mut count);
        }
        self.end(|session| session.ends_at <= until, count);
    }

    /// Takes over the sessions of another customer who turns out to be the same. Two sessions of one journey stay two:
    /// events continue the first one, and the other one ends as abandoned.
    pub fn absorb(&mut self, other: Self) {
        self.sessions.extend(other.sessions);
        let is_new = |assigned: &(JourneyId, String)| {
            let mut known = self.assigned.iter();
            !known.any(|(id, _)| *id == assigned.0)
        };
        let assigned: Vec<_> = other.assigned.into_iter().filter(is_new).collect();
        self.assigned.extend(assigned);
        self.unsettled.extend(other.unsettled);
        // Stable, so that events of the same time stay in the order of arrival.
        self.unsettled.sort_by_key(|noted| noted.at);
        self.last_at = self.last_at.max(other.last_at);
    }

    /// Ends all open sessions as abandoned.
    pub fn abandon(&mut self, count: impl FnMut(Timestamp, &JourneyId, &str, Milestone)) {
        self.end(|_| true, count);
    }

    /// Time at which the next event or session must be settled.
    #[must_use]
    pub fn first_due(&self) -> Option<Timestamp> {
        let unsettled = self.unsettled.first().map(|noted| noted.at);
        let ends = self.sessions.iter().map(|session| session.ends_at);
        ends.chain(unsettled).min()
    }

    /// Time of the last event.
    #[must_use]
    pub fn last_at(&self) -> Timestamp {
        let last = self.unsettled.last().map(|noted| noted.at);
        last.map_or(self.last_at, |last| last.max(self.last_at))
    }

    /// Whether there is no session, assigned variant or unsettled event.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.assigned.is_empty() && self.unsettled.is_empty()
    }

    fn apply(
        &mut self,
        Noted { at, id, progress }: Noted,
        journeys: &Journeys,
        mut count: impl FnMut(Timestamp, &JourneyId, &str, Milestone),
    ) {
        self.last_at = self.last_at.max(at);
        self.end(|session| session.ends_at < at, &mut count);
        match progress {
            Progress::Variant(variant) => {
                self.assigned.retain(|(assigned, _)| *assigned != id);
                if self.assigned.len() >= MAX_SESSIONS {
                    self.assigned.remove(0);
                }
                self.assigned.push((id, variant));
            }
            Progress::Step {
                step,
                outcome,
                variant,
            } => {
                let place = self.session(at, id, variant, &mut count);
                let session = &mut self.sessions[place];
                let (id, variant) = (session.id.clone(), session.variant.clone());
                let count = |milestone| count(at, &id, &variant, milestone);
                if session.step(at, (step, outcome), journeys, count) {
                    self.sessions.remove(place);
                }
            }
            Progress::Goal => {
                if let Some(place) = self.sessions.iter().position(|session| session.id == id) {
                    let done = self.sessions.remove(place);
                    count(at, &done.id, &done.variant, Milestone::Completed);
                }
            }
        }
    }

    /// Index of the open session; opens one if there is none.
    fn session(
        &mut self,
        at: Timestamp,
        id: JourneyId,
        variant: Option<String>,
        mut count: impl FnMut(Timestamp, &JourneyId, &str, Milestone),
    ) -> usize {
        if let Some(place) = self.sessions.iter().position(|session| session.id == id) {
            return place;
        }
        if self.sessions.len() >= MAX_SESSIONS {
            let mut oldest = self.sessions.remove(0);
            let (id, variant) = (oldest.id.clone(), oldest.variant.clone());
            oldest.abandon(|milestone| count(at, &id, &variant, milestone));
        }
        let assigned = self.assigned.iter().find(|(assigned, _)| *assigned == id);
        let variant = variant.or_else(|| assigned.map(|(_, variant)| variant.clone()));
        let variant = variant.unwrap_or_else(|| NO_VARIANT.to_owned());
        count(at, &id, &variant, Milestone::Started);
        self.sessions.push(JourneySession::new(id, variant));
        self.sessions.len() - 1
    }

    fn end(
        &mut self,
        is_over: impl Fn(&JourneySession) -> bool,
        mut count: impl FnMut(Timestamp, &JourneyId, &str, Milestone),
    ) {
        self.sessions.retain_mut(|session| {
            let over = is_over(session);
            if over {
                let (id, variant) = (session.id.clone(), session.variant.clone());
                let ended_at = session.ends_at;
                session.abandon(|milestone| count(ended_at, &id, &variant, milestone));
            }
            !over
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::journey::StepOutcome::{self, Abandoned, Answered, Entered};
    use crate::domain::journey::{Journey, JourneyId};

    const END: Timestamp = Timestamp::from_seconds(1_000_000);

    fn journeys() -> Journeys {
        Journeys(vec![Journey {
            id: booking(),
            steps: vec!["date".into(), "time".into()],
            variants: vec!["A".into(), "B".into()],
            idle_timeout: Duration::from_secs(600),
            loop_threshold: 3,
        }])
    }

    fn booking() -> JourneyId {
        JourneyId {
            journey: "booking".into(),
            version: "1".into(),
        }
    }

    fn step(name: &str, outcome: StepOutcome) -> Progress {
        Progress::Step {
            step: name.into(),
            outcome,
            variant: None,
        }
    }

    /// The counted milestones, as text.
    fn counted(happened: &[(i64, Progress)]) -> Vec<String> {
        let (journeys, mut journey_sessions, mut words) =
            (journeys(), JourneySessions::default(), Vec::new());
        for (at, progress) in happened {
            let noted = Noted {
                at: Timestamp::from_seconds(*at),
                id: booking(),
                progress: progress.clone(),
            };
            journey_sessions.note(noted, &journeys, |_, _, _, _| panic!("there is room"));
        }
        journey_sessions.settle(END, &journeys, |_, _, variant, milestone| {
            words.push(format!("{variant} {milestone:?}"));
        });
        assert!(journey_sessions.sessions.is_empty() && journey_sessions.unsettled.is_empty());
        words
    }

    #[test]
    fn a_session_goes_from_its_first_step_to_its_goal() {
        let words = counted(&[
            (10, Progress::Variant("B".into())),
            (20, step("date", Entered)),
            (50, step("date", Answered)),
            (51, step("time", Entered)),
            (61, step("time", Answered)),
            (62, Progress::Goal),
            (63, Progress::Goal),
        ]);
        let expected = [
            "Started",
            "Entered(\"date\")",
            "Answered(\"date\", Some(30s))",
            "Entered(\"time\")",
            "Answered(\"time\", Some(10s))",
            "Completed",
        ];
        assert_eq!(words, expected.map(|word| format!("B {word}")));
    }

    #[test]
    fn repeated_steps_are_a_loop_and_silence_abandons_a_session() {
        let words = counted(&[
            (10, step("date", Entered)),
            (20, step("date", Entered)),
            (30, step("date", Entered)),
            (40, step("date", Entered)),
            (641, step("date", Answered)),
            (650, step("time", Abandoned)),
        ]);
        let date = |word: &str| format!("none {word}(\"date\")");
        let expected = [
            "none Started".to_owned(),
            date("Entered"),
            date("Entered"),
            date("Reentered"),
            date("Entered"),
            date("Reentered"),
            date("Looped"),
            date("Entered"),
            date("Reentered"),
            date("LeftAt"),
            "none Abandoned".to_owned(),
            "none Started".to_owned(),
            "none Answered(\"date\", None)".to_owned(),
            "none LeftAt(\"time\")".to_owned(),
            "none Abandoned".to_owned(),
        ];
        assert_eq!(words, expected);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Any order of arrival gives the same counts, and every session that started ends once.
        #[test]
        fn order_of_arrival_does_not_matter(
            kinds in prop::collection::vec(0_u8..6, 0..40),
            gaps in prop::collection::vec(1_i64..900, 40),
            rotate in any::<prop::sample::Index>(),
        ) {
            let mut at = 0;
            let mut happened: Vec<(i64, Progress)> = Vec::new();
            for (kind, gap) in kinds.iter().zip(&gaps) {
                at += gap;
                happened.push((at, match kind {
                    0 => step("date", Entered),
                    1 => step("date", Answered),
                    2 => step("time", Entered),
                    3 => step("time", Abandoned),
                    4 => Progress::Variant("A".into()),
                    _ => Progress::Goal,
                }));
            }
            let in_order = counted(&happened);
            let middle = rotate.index(happened.len().max(1)) % happened.len().max(1);
            happened.rotate_left(middle);
            happened.reverse();
            prop_assert_eq!(&counted(&happened), &in_order);
            let how_many = |word: &str| in_order.iter().filter(|one| one.ends_with(word)).count();
            prop_assert_eq!(how_many(" Started"), how_many(" Completed") + how_many(" Abandoned"));
        }
    }
}
