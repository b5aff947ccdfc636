//! Explanations of rating falls whose cause is known: drawn histories, with one culprit among at least five decoys.
//!
//! The weights were chosen on the seeds of [`TUNED`]; the figures that count are those of [`HELD_OUT`].

mod people;
mod state;

use std::ops::Range;

use people::{Culprit, Drawn, People, template_id};
use whatsapp_business_exporter::insight::attribution::{
    Cause, CauseKind, Confidence, Explanation, causes_of_fall,
};

use crate::support::measured;

const TUNED: Range<u64> = 0..300;

const HELD_OUT: Range<u64> = 2_000_000..2_000_600;

fn is_culprit(kind: &CauseKind, culprit: Culprit) -> bool {
    match (kind, culprit) {
        (CauseKind::Template { id, .. }, Culprit::Template(place)) => *id == template_id(place),
        (CauseKind::ResponseTime, Culprit::SlowResponses)
        | (CauseKind::Journeys, Culprit::Journey) => true,
        _ => false,
    }
}

/// Hits of a ranking.
#[derive(Debug, Default)]
struct Hits {
    histories: f64,
    first: f64,
    among_three: f64,
    largest_sender: f64,
}

impl Hits {
    fn count(&mut self, drawn: &Drawn, explanation: &Explanation) {
        let is_it = |cause: &Cause| is_culprit(&cause.kind, drawn.culprit);
        let place = explanation.causes.iter().position(is_it);
        let hit = |hit: bool| f64::from(u8::from(hit));
        self.histories += 1.0;
        self.first += hit(place == Some(0));
        self.among_three += hit(place.is_some_and(|place| place < 3));
        self.largest_sender += hit(drawn.culprit == Culprit::Template(drawn.largest_sender));
    }

    fn rates(&self) -> [f64; 3] {
        [self.first, self.among_three, self.largest_sender].map(|hits| hits / self.histories)
    }
}

/// Of the first causes with a confidence, how many there were and how many were right.
#[derive(Debug, Default)]
struct Trust([(f64, f64); 3]);

impl Trust {
    fn count(&mut self, drawn: &Drawn, explanation: &Explanation) {
        if let Some(first) = explanation.causes.first() {
            let (all, right) = &mut self.0[first.confidence as usize];
            *all += 1.0;
            *right += f64::from(u8::from(is_culprit(&first.kind, drawn.culprit)));
        }
    }

    fn rate(&self, confidence: Confidence) -> f64 {
        let (all, right) = self.0[confidence as usize];
        right / all
    }
}

fn explained(
    seeds: Range<u64>,
    may_have_a_culprit: bool,
) -> impl Iterator<Item = (Drawn, Explanation)> {
    seeds.map(move |seed| {
        let drawn = People::new(seed).draw(may_have_a_culprit);
        let explanation = causes_of_fall(&drawn.history, drawn.now);
        (drawn, explanation)
    })
}

fn hits_of(seeds: Range<u64>) -> (Hits, Trust) {
    let (mut all, mut trust) = (Hits::default(), Trust::default());
    let mut groups = [(); 4].map(|()| Hits::default());
    for (drawn, explanation) in explained(seeds.clone(), true) {
        all.count(&drawn, &explanation);
        trust.count(&drawn, &explanation);
        let is_template = matches!(drawn.culprit, Culprit::Template(_));
        let group = 2 * usize::from(!is_template) + usize::from(!drawn.has_insights);
        groups[group].count(&drawn, &explanation);
    }
    measured(&format!(
        "seeds {seeds:?}: hit rate at 1, at 3, of the largest sender"
    ));
    measured(&format!("all: {:.3?}", all.rates()));
    let names = [
        "templates with insights",
        "templates without insights",
        "services with insights",
        "services without insights",
    ];
    for (name, group) in names.into_iter().zip(&groups) {
        measured(&format!(
            "{name} ({}): {:.3?}",
            group.histories,
            group.rates()
        ));
    }
    measured(&format!(
        "weak, moderate, strong (all, right): {:?}",
        trust.0
    ));
    (all, trust)
}

#[test]
fn the_culprit_is_among_the_first_three_causes() {
    hits_of(TUNED);
    let (hits, trust) = hits_of(HELD_OUT);
    let [first, among_three, largest_sender] = hits.rates();
    assert!(among_three >= 0.9, "{hits:?}");
    assert!(first >= 0.75, "{hits:?}");
    assert!(largest_sender <= 0.5 * first, "{hits:?}");
    assert!(trust.rate(Confidence::Strong) >= 0.95, "{trust:?}");
    assert!(trust.rate(Confidence::Strong) > trust.rate(Confidence::Moderate));
    assert!(trust.rate(Confidence::Moderate) > trust.rate(Confidence::Weak));
}

/// A fall that nothing visible caused must not be blamed on somebody with confidence.
#[test]
fn without_a_culprit_no_cause_has_high_confidence() {
    let mut found = [0; 4];
    for (_, explanation) in explained(HELD_OUT, false) {
        let first = explanation.causes.first();
        found[first.map_or(0, |first| 1 + first.confidence as usize)] += 1;
    }
    measured(&format!("no cause, weak, moderate, strong: {found:?}"));
    let all: i32 = found.iter().sum();
    assert!(found[3] * 50 <= all, "{found:?}");
}
