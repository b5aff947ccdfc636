//! Facts with problems: of a business, and of each part of the exporter.

use super::*;
use crate::domain::access::{Access, End, Subscription, Token};
use crate::domain::account::{Ban, BanState, Restriction, RestrictionType};
use crate::domain::journey::{Confusion, JourneyId};
use crate::domain::template::{PauseTitle, RejectedReason};
use crate::domain::{AppId, Collector};
use crate::insight::confusing_steps::ConfusingStep;
use crate::state::Counts;
use crate::telemetry::{Examination, Finding, Report};

/// A business with every kind of problem.
pub(super) fn troubled() -> Vec<Event> {
    let paused = template::Update::Status {
        event: template::EventKind::Paused,
        reason: None,
        category: None,
        pause: Some(PauseTitle::SecondPause),
        disable_at: None,
    };
    let doomed = template::Update::Status {
        event: template::EventKind::Flagged,
        reason: None,
        category: None,
        pause: None,
        disable_at: Some(days(3)),
    };
    let moved = template::Update::CategoryAnnounced {
        present: Some(Category::Utility),
        coming: Category::Marketing,
        at: Some(days(7)),
    };
    let rejected = template::Update::Status {
        event: template::EventKind::Rejected,
        reason: Some(RejectedReason::InvalidFormat),
        category: None,
        pause: None,
        disable_at: None,
    };
    let restriction = Restriction {
        kind: RestrictionType::BizInitiatedMessaging,
        expires_at: Some(days(2)),
    };
    let update = account::Update::AccountUpdate {
        event: account::EventKind::DisabledUpdate,
        digits: None,
        ban: Some(Ban {
            state: BanState::ScheduleForDisable,
            date: Some(days(5)),
        }),
        restrictions: vec![restriction],
        violation: None,
        disconnection: None,
    };
    let flagged = number::Snapshot {
        status: Some(number::Status::Flagged),
        health_details: sending::details(HealthEntity::PhoneNumber, 141_000),
        ..number(2, QualityRating::Red, "Fern & Moss Service")
    };
    vec![
        account("Fern & Moss"),
        sending::account(
            CanSendMessage::Limited,
            sending::details(HealthEntity::Waba, 141_010),
        ),
        numbers(vec![
            number(1, QualityRating::Green, "Fern & Moss"),
            flagged,
        ]),
        templates(vec![
            template(1, template::Status::Approved),
            template(2, template::Status::Approved),
            template(3, template::Status::Rejected),
        ]),
        of_template(1, 1, paused),
        of_template(2, 2, doomed),
        of_template(3, 2, moved),
        webhook(4, Fact::Account(update)),
        of_template(5, 3, rejected),
    ]
}

/// Facts with a problem in each part of the exporter.
pub(super) fn with_problems_everywhere(mut facts: Facts) -> Facts {
    let telemetry = Telemetry::new();
    let waba_id = WabaId::parse(WABA).expect("digits");
    let polls = &telemetry.polls;
    polls.record("main", &waba_id, Collector::Numbers, Some("timeout"));
    telemetry.quotas.note_usage(&waba_id, 1.0);
    telemetry.quotas.note_planned(&waba_id, 14);
    let regain = telemetry.graph_regain_access.with_label_values(&[WABA]);
    regain.set(days(1).as_seconds_f64());
    let received = telemetry.webhook_last_received.with_label_values(&[WABA]);
    received.set(days(-1).as_seconds_f64());
    let refused = telemetry
        .webhook_rejected
        .with_label_values(&["bad_signature"]);
    refused.inc_by(3);
    facts.figures = Figures::new(&telemetry);
    let mut signs = Counts::default();
    signs.add(Confusion::Slow, 1);
    signs.add(Confusion::FreeText, 1_249);
    facts.confusing_steps = vec![ConfusingStep {
        journey: JourneyId {
            journey: "<booking>".to_owned(),
            version: "2".to_owned(),
        },
        step: "date".to_owned(),
        entered: 10_000,
        signs,
    }];
    facts.store = Err("the store cannot commit: the disk is full".to_owned());
    let token = Token {
        is_valid: true,
        expires: Some(End::At(days(2))),
        data_access_expires: Some(End::At(days(10))),
        scopes: Some(BTreeSet::new()),
        ..Token::default()
    };
    let access = Access {
        app_id: AppId::parse("400500600700800"),
        token: Some(token),
        subscription: Some(Subscription::default()),
        callback_matches: Some(false),
        callback: None,
    };
    facts.access.insert("shop".to_owned(), access);
    let finding = Finding::problem("handshake", "refuses the verify token", "Restart it.");
    let findings = vec![
        Finding::fine("token", "is accepted"),
        Finding::unknown("clock", "cannot be determined", "Check again.").about("shop"),
        finding.about("shop"),
    ];
    facts.examination = Ok(Some(Examination {
        at: days(-1),
        report: Report::new(findings),
    }));
    facts
}
