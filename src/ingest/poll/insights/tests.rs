//! What a poll of insights reads, by the state of its account.

use super::*;
use crate::domain::insights::{TemplateDay, TemplateFigures};
use crate::domain::{Event, Fact, Listing, Source, account, number, template};
use crate::state::State;

/// 2026-04-01T00:00:00Z
const APRIL: i64 = 1_775_001_600;
const DAY: i64 = 86_400;

const OPTIONS: InsightsOptions = InsightsOptions {
    interval: Duration::from_secs(6 * 3_600),
    max_templates: 25,
    time_zone: DayZone::Utc,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(APRIL + seconds)
}

fn waba() -> WabaId {
    WabaId::parse("800100").expect("digits")
}

fn template_id(which: usize) -> TemplateId {
    TemplateId::parse(&format!("70{which:04}")).expect("digits")
}

fn polled(at: Timestamp, fact: Fact) -> Event {
    Event {
        waba_id: waba(),
        observed_at: at,
        source: Source::Poll,
        fact,
    }
}

/// The state after the first listings, with this many approved templates.
fn listed(templates: usize, node: account::Snapshot) -> State {
    let mut state = State::default();
    state.watch([waba()]);
    let objects = (0..templates).map(|which| {
        let mut one = template::Snapshot::new(template_id(which));
        one.status = Some(Status::Approved);
        one
    });
    let objects = objects.collect();
    let listing = Listing {
        objects,
        complete: true,
    };
    let numbers: Listing<number::Snapshot> = Listing {
        objects: Vec::new(),
        complete: true,
    };
    let facts = [
        Fact::AccountRead(node),
        Fact::NumbersListed(numbers),
        Fact::TemplatesListed(listing, template::Totals::default()),
    ];
    for fact in facts {
        let account = state.accounts().values().next().expect("it is watched");
        assert!(!can_be_planned(account), "it is not listed completely");
        state.apply(&polled(at(0), fact));
    }
    state
}

fn account(state: &State) -> &Account {
    state.accounts().values().next().expect("it is watched")
}

/// Applies a poll of everything that is planned, in which each template sent as many messages as `sent` says.
fn poll(state: &mut State, now: Timestamp, sent: impl Fn(&TemplateId) -> u64) -> InsightsPlan {
    let plan = plan(account(state), &OPTIONS, now);
    let templates = plan.templates.iter().flat_map(|batch| &batch.templates);
    let templates: Vec<TemplateId> = templates.cloned().collect();
    let days = templates.iter().map(|id| TemplateDay {
        template_id: id.clone(),
        day: plan.template_day,
        figures: TemplateFigures {
            sent: Some(sent(id)),
            ..TemplateFigures::default()
        },
    });
    let snapshot = Snapshot {
        templates: Some(TemplatesRead {
            days: days.collect(),
            templates,
            last_day: plan.template_day,
        }),
        numbers: Some(NumbersRead {
            days: Vec::new(),
            last_day: plan.number_day,
        }),
        refusal: None,
        complete: true,
    };
    state.apply(&polled(now, Fact::InsightsRead(snapshot)));
    plan
}

fn days_of(span: DaySpan) -> i64 {
    let length = span.last.end.since(span.first.start);
    i64::try_from(length.as_secs()).expect("some days") / DAY
}

#[test]
fn the_first_poll_reads_ninety_days_and_the_next_ones_those_that_move() {
    let mut state = listed(3, account::Snapshot::default());
    let first = poll(&mut state, at(DAY + 60), |_| 1);
    let spans: Vec<i64> = first.numbers.iter().map(|span| days_of(*span)).collect();
    assert_eq!(spans, [30, 30, 30]);
    for pair in first.numbers.windows(2) {
        assert_eq!(pair[0].last.end, pair[1].first.start, "without a gap");
    }
    assert_eq!(first.numbers[2].last.start, at(0), "the last complete day");
    assert_eq!(days_of(first.templates[0].span), 90);
    assert_eq!(first.templates[0].span.last.end, at(DAY));
    let soon = plan(account(&state), &OPTIONS, at(DAY + 120));
    assert_eq!(
        (soon.numbers.len(), soon.templates.len()),
        (0, 0),
        "it was just read"
    );
    let later = poll(&mut state, at(DAY + 6 * 3_600), |_| 1);
    assert_eq!(
        later
            .numbers
            .iter()
            .map(|span| days_of(*span))
            .collect::<Vec<_>>(),
        [8]
    );
    assert_eq!(days_of(later.templates[0].span), 8);
    let after_twenty_days = plan(account(&state), &OPTIONS, at(21 * DAY + 60));
    assert_eq!(days_of(after_twenty_days.templates[0].span), 28);
    let after_a_year = plan(account(&state), &OPTIONS, at(365 * DAY));
    assert_eq!(days_of(after_a_year.templates[0].span), 90);
}

#[test]
fn templates_with_recent_messages_come_first_and_the_others_take_turns() {
    let mut state = listed(60, account::Snapshot::default());
    let busy = [template_id(57), template_id(58)];
    let mut read = BTreeSet::new();
    for round in 0..4 {
        let now = at(DAY + round * 6 * 3_600);
        let plan = poll(&mut state, now, |id| u64::from(busy.contains(id)));
        let ids = plan
            .templates
            .iter()
            .flat_map(|batch| batch.templates.clone());
        let ids: Vec<TemplateId> = ids.collect();
        assert_eq!(ids.len(), OPTIONS.max_templates);
        if busy.iter().all(|one| read.contains(one)) {
            assert!(busy.iter().all(|one| ids.contains(one)), "round {round}");
        }
        assert!(
            plan.templates
                .iter()
                .all(|batch| batch.templates.len() <= 10)
        );
        read.extend(ids);
    }
    assert_eq!(read.len(), 60);
}

#[test]
fn templates_are_not_read_where_meta_says_that_they_have_no_figures() {
    let disabled = account::Snapshot {
        insights_enabled: Some(false),
        ..account::Snapshot::default()
    };
    let state = listed(3, disabled);
    let plan = plan(account(&state), &OPTIONS, at(DAY));
    assert_eq!((plan.numbers.len(), plan.templates.len()), (3, 0));
}

#[test]
fn days_are_those_of_the_accounts_time_zone_if_configured() {
    // 24 is America/Belem, three hours behind UTC.
    let node = account::Snapshot {
        timezone_id: Some("24".to_owned()),
        ..account::Snapshot::default()
    };
    let state = listed(1, node);
    let options = InsightsOptions {
        time_zone: DayZone::Account,
        ..OPTIONS
    };
    let early = plan(account(&state), &options, at(DAY + 3_600));
    let last = early.templates[0].span.last;
    assert_eq!(
        last.start,
        at(3 * 3_600 - DAY),
        "there, the day is not over yet"
    );
    assert_eq!(early.number_day.start, at(0));
    let unknown = account::Snapshot {
        timezone_id: Some("999".to_owned()),
        ..account::Snapshot::default()
    };
    let unknown = plan(account(&listed(1, unknown)), &options, at(DAY + 3_600));
    assert_eq!(unknown.timezone_id, None);
    assert_eq!(unknown.templates[0].span.last.start, at(0));
}

#[test]
fn figures_of_a_clock_that_was_ahead_are_read_again() {
    let mut state = listed(1, account::Snapshot::default());
    poll(&mut state, at(400 * DAY), |_| 1);
    let now = plan(account(&state), &OPTIONS, at(2 * DAY));
    assert_eq!(days_of(now.templates[0].span), 90);
    assert_eq!(now.numbers.len(), 3);
}
