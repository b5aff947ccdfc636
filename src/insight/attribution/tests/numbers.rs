//! Evidence about the number: opt-outs, failures, response times and journeys.

use super::*;

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
    // Without figures of templates, the number itself is the cause.
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
fn failures_are_distinguished_by_code() {
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
