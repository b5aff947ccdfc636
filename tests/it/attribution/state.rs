//! From polls and webhooks to the history of a number.

use whatsapp_business_exporter::domain::insights::{self, Day, TemplateFigures};
use whatsapp_business_exporter::domain::{
    Event, Fact, Listing, QualityRating, Timestamp, number, template,
};
use whatsapp_business_exporter::insight::attribution::{
    Fall, NumberHistory, SetbackKind, last_fall, number_history,
};
use whatsapp_business_exporter::state::{State, UtcDay};

use crate::support::{at, by_webhook, number_id, polled, state_after, template_id, waba};

const DAY: i64 = 86_400;

fn rated(day: i64, rating: QualityRating) -> Event {
    let snapshot = number::Snapshot {
        quality_rating: Some(rating),
        ..number::Snapshot::new(number_id(0))
    };
    polled(
        day * DAY,
        Fact::NumbersListed(Listing {
            objects: vec![snapshot],
            complete: true,
        }),
    )
}

fn templates(day: i64, snapshots: Vec<template::Snapshot>) -> Event {
    let listing = Listing {
        objects: snapshots,
        complete: true,
    };
    let totals = template::Totals::default();
    polled(day * DAY, Fact::TemplatesListed(listing, totals))
}

fn snapshot(which: usize, rating: QualityRating) -> template::Snapshot {
    template::Snapshot {
        name: Some(format!("offer_{which}").into()),
        quality_rating: Some(rating),
        status: Some(template::Status::Approved),
        ..template::Snapshot::new(template_id(which))
    }
}

fn history(state: &State) -> NumberHistory {
    number_history(&[state.accounts()[&waba()].as_ref()], &number_id(0))
}

fn fall_of(ratings: &[(i64, QualityRating)]) -> Option<Fall> {
    let events: Vec<Event> = ratings
        .iter()
        .map(|(day, rating)| rated(*day, *rating))
        .collect();
    let state = state_after(&events);
    let account = &state.accounts()[&waba()];
    let fall = account.number(&number_id(0)).and_then(last_fall);
    assert_eq!(history(&state).fall, fall);
    fall
}

#[test]
fn the_last_fall_is_found_between_other_changes() {
    use QualityRating::{Green, Red, Unknown, Yellow};
    let fall = |from, to, day| {
        let at = at(day * DAY);
        Some(Fall { from, to, at })
    };
    for (ratings, expected) in [
        (&[][..], None),
        (&[(0, Red)], None),
        (&[(0, Green), (1, Green)], None),
        (&[(0, Red), (1, Green)], None),
        (&[(0, Green), (1, Yellow)], fall(Green, Yellow, 1)),
        (&[(0, Green), (1, Yellow), (2, Red)], fall(Yellow, Red, 2)),
        (&[(0, Green), (1, Red), (2, Yellow)], fall(Green, Red, 1)),
        (&[(0, Green), (1, Red), (2, Green)], fall(Green, Red, 1)),
        // A rating that is unknown for a while is no fall and hides none.
        (&[(0, Green), (1, Unknown), (2, Green)], None),
        (&[(0, Green), (1, Unknown), (2, Red)], fall(Green, Red, 2)),
        (&[(0, Unknown), (1, Red)], None),
    ] {
        assert_eq!(fall_of(ratings), expected, "{ratings:?}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one fact of each kind, and its time")]
fn setbacks_have_the_time_that_meta_gives() {
    let quality = |previous, new| template::Update::Quality { previous, new };
    let update = |which, update| {
        let identity = template::Identity {
            id: template_id(which),
            name: None,
            language: None,
        };
        Fact::Template(template::WebhookUpdate { identity, update })
    };
    let dated = template::Snapshot {
        quality_rating_date: Some(at(3 * DAY + 60)),
        ..snapshot(2, QualityRating::Red)
    };
    let paused = template::Update::Status {
        event: template::EventKind::Paused,
        reason: None,
        category: None,
        pause: None,
        disable_at: None,
    };
    let events = [
        rated(0, QualityRating::Green),
        templates(
            0,
            vec![
                snapshot(1, QualityRating::Green),
                snapshot(3, QualityRating::Red),
            ],
        ),
        // From RED to YELLOW is a recovery.
        by_webhook(
            1,
            5 * DAY,
            update(3, quality(Some(QualityRating::Red), QualityRating::Yellow)),
        ),
        by_webhook(2, 6 * DAY, update(1, quality(None, QualityRating::Yellow))),
        by_webhook(3, 7 * DAY, update(1, paused)),
        // Without a poll before.
        by_webhook(
            4,
            7 * DAY,
            update(4, quality(Some(QualityRating::Red), QualityRating::Yellow)),
        ),
        by_webhook(
            5,
            7 * DAY,
            update(
                5,
                quality(Some(QualityRating::Green), QualityRating::Yellow),
            ),
        ),
        // The first poll that lists it finds it RED, with Meta's date.
        templates(
            8,
            vec![
                snapshot(1, QualityRating::Yellow),
                dated,
                snapshot(3, QualityRating::Yellow),
                snapshot(4, QualityRating::Yellow),
                snapshot(5, QualityRating::Yellow),
            ],
        ),
    ];
    let history = history(&state_after(&events));
    let setbacks = history.templates.iter().map(|template| {
        let mut setbacks: Vec<_> = template
            .setbacks
            .iter()
            .map(|setback| (setback.kind, setback.at))
            .collect();
        setbacks.sort_by_key(|(_, at)| *at);
        (template.id.clone(), setbacks)
    });
    let expected = [
        (
            template_id(1),
            vec![
                (SetbackKind::RatedYellow, at(6 * DAY)),
                (SetbackKind::Paused, at(7 * DAY)),
            ],
        ),
        (
            template_id(2),
            vec![(SetbackKind::RatedRed, at(3 * DAY + 60))],
        ),
        (
            template_id(5),
            vec![(SetbackKind::RatedYellow, at(7 * DAY))],
        ),
    ];
    assert_eq!(setbacks.collect::<Vec<_>>(), expected);
    assert_eq!(history.templates[0].name.as_deref(), Some("offer_1"));
}

#[test]
fn figures_of_metas_days_are_those_of_utc_days() {
    // Midnight in Sao Paulo and in Kolkata.
    for (hour, shifted) in [(0, 0), (3, 0), (-6, 0), (13, 1)] {
        let first = UtcDay::at(at(0)).start();
        let begin = first.as_millis() / 1_000 + hour * 3_600;
        let day = |which: i64| Day {
            start: Timestamp::from_seconds(begin + which * DAY),
            end: Timestamp::from_seconds(begin + (which + 1) * DAY),
        };
        let figures = |sent, read| TemplateFigures {
            sent: Some(sent),
            delivered: Some(sent),
            read,
            ..TemplateFigures::default()
        };
        let one = |which, figures| insights::TemplateDay {
            template_id: template_id(1),
            day: day(which),
            figures,
        };
        let read = insights::Snapshot {
            templates: Some(insights::TemplatesRead {
                templates: vec![template_id(1)],
                days: vec![one(0, figures(50, Some(30))), one(1, figures(40, None))],
                last_day: day(1),
            }),
            complete: true,
            ..insights::Snapshot::default()
        };
        let events = [
            rated(0, QualityRating::Green),
            templates(0, vec![snapshot(1, QualityRating::Green)]),
            polled(3 * DAY, Fact::InsightsRead(read)),
        ];
        let history = history(&state_after(&events));
        let days = history.templates[0].days.as_ref().expect("it has figures");
        let shown: Vec<_> = days
            .iter()
            .map(|(day, figures)| {
                let after = day.since(UtcDay::at(first));
                (after, figures.sent, figures.delivered, figures.read)
            })
            .collect();
        // Without reads, there is no rate.
        let expected = [(shifted, 50, 50, 30), (shifted + 1, 40, 0, 0)];
        assert_eq!(shown, expected, "{hour}");
    }
}
