//! Evidence about one template: setbacks, read rates, and jumps of the volume.

use super::*;

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
fn a_drop_that_all_templates_share_is_no_evidence() {
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
