//! Each kind of evidence by hand, and what is answered without any.

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

/// A number that sends a thousand messages a day, with these counts besides.
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
    // Neither does a calm number with calm templates.
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
fn a_setback_counts_by_its_severity_and_its_distance() {
    use SetbackKind::{Disabled, Paused, RatedRed, RatedYellow};
    let score = |kind, after| {
        let templates = vec![with_setback(1, kind, noon(after))];
        let explanation = causes_of_fall(
            &NumberHistory {
                templates,
                ..fallen()
            },
            now(),
        );
        explanation.causes.first().map_or(0.0, |cause| cause.score)
    };
    assert!((score(RatedRed, 0) - weights::TEMPLATE_RATING).abs() < 1e-9);
    assert!((score(Paused, 0) - score(RatedRed, 0)).abs() < 1e-9);
    assert!((score(Disabled, 0) - score(RatedRed, 0)).abs() < 1e-9);
    assert!((score(RatedYellow, 0) - weights::TEMPLATE_RATING * weights::YELLOW).abs() < 1e-9);
    assert!(score(RatedRed, -1) > score(RatedRed, -6));
    assert!(score(RatedRed, 1) > score(RatedRed, 2));
    let outside = [score(RatedRed, -8), score(RatedRed, 3)];
    assert!(outside.iter().all(|score| score.abs() < 1e-9));
}

#[test]
fn only_the_worst_setback_of_a_template_counts() {
    let mut template = with_setback(1, SetbackKind::RatedYellow, noon(-3));
    for (kind, after) in [(SetbackKind::RatedRed, -2), (SetbackKind::Paused, -1)] {
        let at = noon(after);
        template.setbacks.push(Setback { at, kind });
    }
    let forward = NumberHistory {
        templates: vec![template.clone()],
        ..fallen()
    };
    let evidence = only_evidence(&forward);
    assert_eq!(evidence.message, "Meta paused it 1 day before the fall");
    assert_eq!(evidence.at, Some(noon(-1)));
    template.setbacks.reverse();
    let backward = NumberHistory {
        templates: vec![template],
        ..fallen()
    };
    assert_eq!(only_evidence(&backward), evidence);
}

#[test]
fn a_read_rate_below_its_own_median_is_evidence() {
    let falls = |after| sends(100, if after >= -2 { 40 } else { 60 });
    let history = NumberHistory {
        templates: vec![with_days(1, falls)],
        ..fallen()
    };
    let evidence = only_evidence(&history);
    assert_eq!(
        evidence.message,
        "40 % of the delivered messages were read, usually 60 %"
    );
    assert_eq!(
        evidence.at,
        Some(noon(-2).minus(Duration::from_secs(12 * 3_600)))
    );
    assert_eq!((evidence.value, evidence.usual), (Some(0.4), Some(0.6)));
}

#[test]
fn a_drop_that_all_templates_share_is_nobodys() {
    let holiday = |after| sends(100, if after >= -3 { 45 } else { 60 });
    let mut templates: Vec<_> = (1..=5).map(|id| with_days(id, holiday)).collect();
    let mut history = NumberHistory {
        templates: templates.clone(),
        ..fallen()
    };
    assert_eq!(found(&history), [""; 0]);
    // One of them lost more than the others.
    let worse = |after| sends(100, if after >= -3 { 25 } else { 60 });
    templates.push(with_days(6, worse));
    history.templates = templates;
    assert_eq!(found(&history), ["6: read_rate"]);
}

/// Right after the fall, yesterday's messages are still being read.
#[test]
fn messages_that_are_still_being_read_are_no_drop() {
    let young = |after| sends(100, if after == 0 { 20 } else { 60 });
    let history = NumberHistory {
        templates: vec![with_days(1, young)],
        ..fallen()
    };
    let explained = |now| causes_of_fall(&history, now).causes.len();
    assert_eq!(explained(fell_at()), 0);
    assert_eq!(explained(noon(1)), 0);
    assert_eq!(explained(noon(2)), 1);
}

#[test]
fn a_new_template_is_compared_with_the_others() {
    let mut templates: Vec<_> = (1..=5)
        .map(|id| with_days(id, |_| sends(500, 350)))
        .collect();
    let new = |after| {
        if after >= -2 {
            sends(300, 60)
        } else {
            sends(0, 0)
        }
    };
    templates.push(with_days(6, new));
    let history = NumberHistory {
        templates,
        ..fallen()
    };
    assert_eq!(found(&history), ["6: read_rate, volume_jump"]);
    let explanation = causes_of_fall(&history, now());
    let messages: Vec<&str> = explanation.causes[0]
        .evidence
        .iter()
        .map(|one| one.message.as_str())
        .collect();
    let expected = [
        "20 % of the delivered messages were read, usually 70 %",
        "its first messages: 900 in the 7 days up to the fall",
    ];
    assert_eq!(messages, expected);
}

#[test]
fn a_jump_alone_is_weak() {
    let jumps = |after| {
        if after >= -4 {
            sends(2_000, 1_200)
        } else {
            sends(20, 12)
        }
    };
    let mut templates: Vec<_> = (2..=5)
        .map(|id| with_days(id, |_| sends(500, 300)))
        .collect();
    templates.push(with_days(1, jumps));
    let history = NumberHistory {
        templates,
        ..fallen()
    };
    assert_eq!(found(&history), ["1: volume_jump"]);
    let cause = &causes_of_fall(&history, now()).causes[0];
    assert_eq!(cause.confidence, Confidence::Weak);
    assert_eq!(
        cause.evidence[0].message,
        "10040 messages in the 7 days up to the fall, usually 140"
    );
}

#[test]
fn opt_outs_follow_the_template_on_whose_days_they_rise() {
    let after_campaign = |after: i32| if (-3..=0).contains(&after) { 40 } else { 2 };
    let campaign = |after| {
        if (-3..=0).contains(&after) {
            sends(400, 240)
        } else {
            sends(20, 12)
        }
    };
    let mut templates: Vec<_> = (2..=6)
        .map(|id| with_days(id, |_| sends(150, 90)))
        .collect();
    templates.push(with_days(1, campaign));
    let history = NumberHistory {
        days: number(|after| vec![(DailyCount::OptOut, after_campaign(after))]),
        templates,
        ..fallen()
    };
    let explanation = causes_of_fall(&history, now());
    let first = &explanation.causes[0];
    assert!(matches!(&first.kind, CauseKind::Template { id, .. } if id.as_str() == "1"));
    assert_eq!(first.evidence[0].kind, EvidenceKind::OptOutsAfterSends);
    // Without figures of templates, the number itself is left.
    let without = NumberHistory {
        templates: Vec::new(),
        ..history
    };
    let evidence = only_evidence(&without);
    assert_eq!(
        evidence.message,
        "customers who stopped marketing messages rose to 4.0 % of the messages sent, usually 0.20 %"
    );
    let confidence = causes_of_fall(&without, now()).causes[0].confidence;
    assert_ne!(confidence, Confidence::Strong);
}

#[test]
fn failures_are_told_apart_by_code() {
    let rises = |after: i32, usual: u64| if after >= -2 { usual * 8 } else { usual };
    for (count, code) in [
        (DailyCount::PerUserLimit, "131049"),
        (DailyCount::MarketingStopped, "131050"),
        (DailyCount::Undeliverable, "131026"),
    ] {
        let history = NumberHistory {
            days: number(|after| vec![(count, rises(after, 5))]),
            ..fallen()
        };
        let evidence = only_evidence(&history);
        assert_eq!(evidence.kind, EvidenceKind::Failures);
        assert!(evidence.message.contains(code), "{}", evidence.message);
        assert!((evidence.value.expect("a rate") - 0.04).abs() < 1e-9);
    }
    let others = NumberHistory {
        days: number(|after| vec![(DailyCount::OtherFailure, rises(after, 5))]),
        ..fallen()
    };
    assert_eq!(
        found(&others),
        [""; 0],
        "other codes say nothing of customers"
    );
}

#[test]
fn customers_who_wait_longer_than_usual_are_evidence() {
    let waits = |after: i32| {
        let wait = if after >= -4 { 3_000 } else { 300 };
        vec![
            (DailyCount::FirstResponse, 50),
            (DailyCount::FirstResponseSeconds, 50 * wait),
        ]
    };
    let history = NumberHistory {
        days: number(waits),
        ..fallen()
    };
    let evidence = only_evidence(&history);
    assert_eq!(
        evidence.message,
        "customers waited 50 min for the first response on average, usually 5 min"
    );
    assert_eq!(found(&history), ["response_time: response_time"]);
}

#[test]
fn abandoned_journeys_are_evidence() {
    let journeys = |after: i32| {
        let abandoned = if after >= -4 { 55 } else { 20 };
        vec![
            (DailyCount::JourneyStarted, 100),
            (DailyCount::JourneyAbandoned, abandoned),
        ]
    };
    let history = NumberHistory {
        days: number(journeys),
        ..fallen()
    };
    let evidence = only_evidence(&history);
    assert_eq!(
        evidence.message,
        "55 % of the sessions of journeys were abandoned, usually 20 %"
    );
    assert_eq!(found(&history), ["journeys: journey_drop_off"]);
}

#[test]
fn a_template_that_was_not_sent_is_hardly_a_cause() {
    let red = |days: Option<BTreeMap<UtcDay, DailySends>>| TemplateHistory {
        days,
        ..with_setback(1, SetbackKind::RatedRed, fell_at())
    };
    let sent = with_days(1, |_| sends(100, 60)).days;
    let old = with_days(1, |after| sends(if after < -10 { 100 } else { 0 }, 0)).days;
    let score = |template| {
        let mut templates: Vec<_> = (2..=5)
            .map(|id| with_days(id, |_| sends(100, 60)))
            .collect();
        templates.push(template);
        let explanation = causes_of_fall(
            &NumberHistory {
                templates,
                ..fallen()
            },
            now(),
        );
        explanation.causes[0].score
    };
    // Its read rate is as usual, too.
    let full = weights::TEMPLATE_RATING * weights::READ_AS_USUAL;
    assert!((score(red(sent)) - full).abs() < 1e-9);
    assert!(score(red(None)) > full, "nothing is known");
    assert!(score(red(old)) <= weights::TEMPLATE_RATING * weights::UNSENT + 1e-9);
    assert!(score(red(Some(BTreeMap::new()))) <= weights::TEMPLATE_RATING * weights::UNSENT + 1e-9);
}

#[test]
fn strong_needs_several_kinds_of_evidence_and_enough_data() {
    let falls = |after| sends(200, if after >= -4 { 60 } else { 120 });
    let suspect = || TemplateHistory {
        setbacks: with_setback(1, SetbackKind::RatedRed, noon(-1)).setbacks,
        ..with_days(1, falls)
    };
    let confidence = |history: &NumberHistory| causes_of_fall(history, now()).causes[0].confidence;
    let mut history = NumberHistory {
        days: number(|_| vec![(DailyCount::OptOut, 2)]),
        templates: vec![suspect()],
        ..fallen()
    };
    assert_eq!(confidence(&history), Confidence::Strong);
    // Ten days before the window.
    let mut young = suspect();
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
