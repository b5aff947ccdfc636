//! Each kind of evidence from constructed data, and the explanation without evidence.

mod numbers;
mod templates;

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::domain::{QualityRating, TemplateId};
use crate::state::{DailyActivity, DailyCount, UtcDay};

/// The day of the fall.
const FELL: UtcDay = UtcDay(20_600);

/// The rating falls at noon.
fn fell_at() -> Timestamp {
    noon(0)
}

/// Two days later, all messages of the window have been read.
fn now() -> Timestamp {
    noon(2)
}

/// Noon of the day this many days after the fall.
fn noon(after: i32) -> Timestamp {
    let half_a_day = Duration::from_secs(12 * 3_600);
    FELL.minus(-after).start().plus(half_a_day)
}

fn fallen() -> NumberHistory {
    NumberHistory {
        fall: Some(Fall {
            from: QualityRating::Green,
            to: QualityRating::Yellow,
            at: fell_at(),
        }),
        ..NumberHistory::default()
    }
}

fn template(id: u32) -> TemplateHistory {
    TemplateHistory {
        id: TemplateId::parse(&id.to_string()).expect("digits"),
        name: Some(format!("offer_{id}")),
        language: Some("en_US".to_owned()),
        setbacks: Vec::new(),
        days: None,
    }
}

fn with_setback(id: u32, kind: SetbackKind, at: Timestamp) -> TemplateHistory {
    TemplateHistory {
        setbacks: vec![Setback { at, kind }],
        ..template(id)
    }
}

/// A template with figures for each day, which `figures` gives by its distance from the fall.
fn with_days(id: u32, figures: impl Fn(i32) -> DailySends) -> TemplateHistory {
    let days = (-40..=0).map(|after| (FELL.minus(-after), figures(after)));
    TemplateHistory {
        days: Some(days.collect()),
        ..template(id)
    }
}

fn sends(sent: u64, read: u64) -> DailySends {
    DailySends {
        sent,
        delivered: sent,
        read,
    }
}

/// A number that sends a thousand messages a day, with these additional counts.
fn number(counts: impl Fn(i32) -> Vec<(DailyCount, u64)>) -> DailyActivity {
    let mut days = DailyActivity::default();
    for after in -40..=0 {
        days.add(noon(after), DailyCount::Sent, 1_000);
        for (what, count) in counts(after) {
            days.add(noon(after), what, count);
        }
    }
    days
}

/// The names of the causes with the kinds of their evidence.
fn found(history: &NumberHistory) -> Vec<String> {
    let explanation = causes_of_fall(history, now());
    let causes = explanation.causes.iter().map(|cause| {
        let name = match &cause.kind {
            CauseKind::Template { id, .. } => id.to_string(),
            kind => kind.as_str().to_owned(),
        };
        let evidence: Vec<&str> = cause.evidence.iter().map(|one| one.kind.as_str()).collect();
        format!("{name}: {}", evidence.join(", "))
    });
    causes.collect()
}

fn only_evidence(history: &NumberHistory) -> Evidence {
    let explanation = causes_of_fall(history, now());
    let [cause] = explanation.causes.as_slice() else {
        panic!("{:?}", explanation.causes);
    };
    let [evidence] = cause.evidence.as_slice() else {
        panic!("{:?}", cause.evidence);
    };
    evidence.clone()
}

#[test]
fn without_evidence_nothing_is_guessed() {
    let explanation = causes_of_fall(&fallen(), now());
    assert_eq!(explanation.verdict, Verdict::NoEvidentCause);
    assert_eq!(explanation.causes, []);
    let missing = [MissingData::Messages, MissingData::Insights];
    assert_eq!(explanation.missing, missing);
    // A number and templates without changes give no evidence either.
    let calm = NumberHistory {
        days: number(|_| vec![(DailyCount::OptOut, 3), (DailyCount::Undeliverable, 9)]),
        templates: (0..6).map(|id| with_days(id, |_| sends(150, 90))).collect(),
        ..fallen()
    };
    let explanation = causes_of_fall(&calm, now());
    assert_eq!(explanation.verdict, Verdict::NoEvidentCause);
    assert_eq!(explanation.missing, []);
}

#[test]
fn a_rating_that_never_fell_and_an_old_fall_are_not_explained() {
    let template = with_setback(1, SetbackKind::RatedRed, fell_at());
    let mut history = NumberHistory {
        templates: vec![template],
        ..fallen()
    };
    let at_age = |history: &NumberHistory, age| causes_of_fall(history, fell_at().plus(age));
    assert_eq!(at_age(&history, MAX_AGE).causes.len(), 1);
    let old = at_age(&history, MAX_AGE + Duration::from_secs(1));
    assert_eq!((old.verdict, old.causes.len()), (Verdict::TooOld, 0));
    assert_eq!(old.fall, history.fall);
    history.fall = None;
    let never = causes_of_fall(&history, now());
    assert_eq!((never.verdict, never.causes.len()), (Verdict::NoFall, 0));
}

#[test]
fn strong_needs_several_kinds_of_evidence_and_enough_data() {
    let falls = |after| sends(200, if after >= -4 { 60 } else { 120 });
    let candidate = || TemplateHistory {
        setbacks: with_setback(1, SetbackKind::RatedRed, noon(-1)).setbacks,
        ..with_days(1, falls)
    };
    let confidence = |history: &NumberHistory| causes_of_fall(history, now()).causes[0].confidence;
    let mut history = NumberHistory {
        days: number(|_| vec![(DailyCount::OptOut, 2)]),
        templates: vec![candidate()],
        ..fallen()
    };
    assert_eq!(confidence(&history), Confidence::Strong);
    // Ten days before the window.
    let mut young = candidate();
    let known = young.days.take().expect("it has figures");
    let known = known.into_iter().filter(|(day, _)| *day >= FELL.minus(16));
    young.days = Some(known.collect());
    history.templates = vec![young];
    assert_eq!(confidence(&history), Confidence::Moderate);
    let missing = causes_of_fall(&history, now()).missing;
    assert_eq!(missing, [MissingData::Baseline]);
    // Only Meta's word.
    history.templates = vec![with_setback(1, SetbackKind::RatedRed, noon(-1))];
    assert_eq!(confidence(&history), Confidence::Moderate);
}

#[test]
fn equal_scores_are_ranked_by_id_and_at_most_ten_are_listed() {
    let setback = |id| with_setback(id, SetbackKind::RatedYellow, fell_at());
    let mut templates: Vec<_> = (100..130).map(setback).collect();
    let first: Vec<String> = found(&NumberHistory {
        templates: templates.clone(),
        ..fallen()
    });
    let expected: Vec<String> = (100..110)
        .map(|id| format!("{id}: template_rating"))
        .collect();
    assert_eq!(first, expected);
    templates.reverse();
    let reversed = found(&NumberHistory {
        templates,
        ..fallen()
    });
    assert_eq!(reversed, expected);
}

#[test]
fn days_and_figures_that_are_odd_do_no_harm() {
    let odd = |after: i32| match after.rem_euclid(4) {
        0 => sends(0, 0),
        1 => DailySends {
            sent: 5,
            delivered: 90,
            read: u64::from(u32::MAX),
        },
        2 => sends(u64::from(u32::MAX), 0),
        _ => sends(1, 1),
    };
    let history = NumberHistory {
        days: number(|after| {
            let count =
                u64::try_from(after.rem_euclid(3)).unwrap_or_default() * u64::from(u32::MAX);
            DailyCount::ALL.iter().map(|what| (*what, count)).collect()
        }),
        templates: (1..=6).map(|id| with_days(id, odd)).collect(),
        ..fallen()
    };
    for now in [Timestamp::from_millis(i64::MIN), fell_at(), now()] {
        for cause in causes_of_fall(&history, now).causes {
            assert!((0.0..=1.0).contains(&cause.score), "{cause:?}");
            for evidence in cause.evidence {
                let figures = [evidence.value, evidence.usual, Some(evidence.strength)];
                assert!(figures.into_iter().flatten().all(f64::is_finite));
            }
        }
    }
}
