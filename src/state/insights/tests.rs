//! Daily figures in any order, their limits, and days of another time zone.

use proptest::prelude::*;

use super::*;
use crate::domain::{DisplayDigits, Event, Fact, Listing, Source, WabaId, number};
use crate::state::State;

const DAY: i64 = 86_400;

fn day(which: i64) -> Day {
    let start = 1_775_001_600 + which * DAY;
    Day {
        start: Timestamp::from_seconds(start),
        end: Timestamp::from_seconds(start + DAY),
    }
}

fn sent(count: u64) -> TemplateFigures {
    TemplateFigures {
        sent: Some(count),
        ..TemplateFigures::default()
    }
}

fn template() -> TemplateInsights {
    TemplateInsights::new(TemplateId::parse("7001").expect("digits"))
}

fn number() -> NumberInsights {
    NumberInsights::new(PhoneNumberId::parse("9001").expect("digits"))
}

fn priced(which: i64, category: PricingCategory, volume: u64) -> insights::NumberDay {
    insights::NumberDay {
        digits: DisplayDigits::parse("15550100199").expect("digits"),
        day: day(which),
        category,
        pricing_type: PricingType::Regular,
        volume,
        cost: None,
    }
}

#[test]
fn zero_reads_of_a_day_that_is_read_too_late_are_unknown() {
    let figures = |read| TemplateFigures {
        sent: Some(10),
        read: Some(read),
        ..TemplateFigures::default()
    };
    let mut insights = TemplateInsights::new(TemplateId::parse("7").expect("digits"));
    insights.note_read(day(7).end, day(7));
    insights.observe(day(0), figures(0));
    insights.observe(day(1), figures(4));
    insights.observe(day(2), figures(0));
    insights.note_read(day(9).end, day(9));
    insights.observe(day(1), figures(0));
    let reads = insights.days().iter().map(|one| one.figures.read);
    assert_eq!(reads.collect::<Vec<_>>(), [None, Some(4), Some(0)]);
    assert_eq!(insights.days()[0].figures.sent, Some(10));
}

proptest! {
    #[test]
    fn any_order_and_repetition_keeps_the_highest_value_of_each_day(
        read in prop::collection::vec((0..80_i64, 0..50_u64), 1..200),
        seed: u64,
    ) {
        let apply = |read: &[(i64, u64)]| {
            let mut insights = template();
            for (which, count) in read {
                insights.observe(day(*which), sent(*count));
            }
            insights
        };
        let mut shuffled = [read.clone(), read.clone()].concat();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        let kept = apply(&read);
        prop_assert_eq!(&kept, &apply(&shuffled));
        for which in 0..80 {
            let highest = read.iter().filter(|(day, _)| *day == which).map(|(_, count)| *count).max();
            let known = kept.days().iter().find(|known| known.start == day(which).start);
            prop_assert_eq!(
                known.and_then(|known| known.figures.sent).unwrap_or(0),
                highest.unwrap_or(0)
            );
        }
        let saved = serde_json::to_string(&kept).expect("plain data");
        let restored: TemplateInsights = serde_json::from_str(&saved).expect("its own text");
        prop_assert_eq!(restored, kept);
    }
}

#[test]
fn a_day_takes_as_much_memory_as_documented() {
    assert_eq!(size_of::<TemplateDay>(), 104);
    assert_eq!(size_of::<NumberDay>(), 40);
}

#[test]
fn ninety_days_are_kept() {
    let mut insights = template();
    for which in 0..200 {
        insights.observe(day(which), sent(1));
    }
    assert_eq!(insights.days().len(), DAYS);
    insights.note_read(Timestamp::from_seconds(0), day(209));
    assert_eq!(
        insights.days().first().map(|one| one.start),
        Some(day(120).start)
    );
    assert_eq!(
        insights.last_figures().sent,
        Some(0),
        "it sent nothing that day"
    );
    assert_eq!(insights.last_days(28).count(), 18);
    insights.note_read(Timestamp::from_seconds(0), day(199));
    assert_eq!(insights.last_days(28).count(), 28);
    assert_eq!(insights.last_figures().sent, Some(1));
}

#[test]
fn days_of_another_time_zone_replace_those_they_overlap() {
    let mut insights = template();
    for which in 0..4 {
        insights.observe(day(which), sent(9));
    }
    let start = day(1).start.plus(Duration::from_secs(7_200));
    let shifted = Day {
        start,
        end: start.plus(Duration::from_secs(86_400)),
    };
    insights.observe(shifted, sent(3));
    let starts: Vec<_> = insights.days().iter().map(|one| one.start).collect();
    assert_eq!(starts, [day(0).start, start, day(3).start]);
}

#[test]
fn prices_of_a_day_are_limited_and_keep_their_highest_volume() {
    let mut insights = number();
    for (volume, expected) in [(5, 5), (3, 5), (8, 8)] {
        assert!(insights.observe(&priced(0, PricingCategory::Utility, volume)));
        assert_eq!(insights.days()[0].volume, expected);
    }
    let types = [
        PricingType::FreeCustomerService,
        PricingType::FreeEntryPoint,
        PricingType::FreeGroupCustomerService,
    ];
    let mut refused = 0;
    for category in <PricingCategory as crate::domain::Word>::ALL {
        for pricing_type in types {
            let mut one = priced(0, *category, 1);
            one.pricing_type = pricing_type;
            refused += usize::from(!insights.observe(&one));
        }
    }
    assert_eq!(insights.days().len(), MAX_PRICES_PER_DAY);
    assert_eq!(refused, 14 * 3 + 1 - MAX_PRICES_PER_DAY);
    let saved = serde_json::to_string(&insights).expect("plain data");
    let restored: NumberInsights = serde_json::from_str(&saved).expect("its own text");
    assert_eq!(restored, insights);
}

#[test]
fn parts_of_one_day_in_one_read_are_added_up() {
    let waba_id = WabaId::parse("800100200300400").expect("digits");
    let id = PhoneNumberId::parse("900100200300400").expect("digits");
    let mut state = State::default();
    state.watch([waba_id.clone()]);
    let polled = |second: i64, fact: Fact| Event {
        waba_id: waba_id.clone(),
        observed_at: Timestamp::from_seconds(1_775_000_000 + second),
        source: Source::Poll,
        fact,
    };
    let listing = Listing {
        objects: vec![number::Snapshot {
            display_phone_number: Some("+52 55 1234 5678".to_owned()),
            ..number::Snapshot::new(id.clone())
        }],
        complete: true,
    };
    state.apply(&polled(0, Fact::NumbersListed(listing)));
    let part = |digits: &str, volume, cost| insights::NumberDay {
        digits: DisplayDigits::parse(digits).expect("digits"),
        volume,
        cost,
        ..priced(0, PricingCategory::Other, 0)
    };
    let read = |days| {
        let numbers = insights::NumbersRead {
            days,
            last_day: day(0),
        };
        Fact::InsightsRead(insights::Snapshot {
            numbers: Some(numbers),
            complete: true,
            ..insights::Snapshot::default()
        })
    };
    // Two categories that this version does not know, and the same number in another national spelling.
    let days = vec![
        part("525512345678", 900, Some(7)),
        part("525512345678", 400, None),
        part("5215512345678", 50, Some(3)),
    ];
    for second in [60, 120] {
        state.apply(&polled(second, read(days.clone())));
        let account = &state.accounts()[&waba_id];
        let known = account.number_insights(&id).expect("it was read").days();
        let known: Vec<_> = known.iter().map(|one| (one.volume, one.cost)).collect();
        assert_eq!(known, [(1_350, Some(10))], "{second}");
    }
}
