//! The booking bot of `docs/conversations.md` behind the real program, with simulated customers and a simulated Meta that
//! delivers late, twice and out of order. The metrics match the actions of the customers, although the program is killed
//! in between.
//!
//! Meta's clock is the real one until all customers have left. Then it goes forward, so that the test need not wait for
//! the minute in which late webhooks count, and for the idle timeout.
//!
//! `slow` depends on how fast the machine is; `marked_journeys` compares it.

mod meta;
mod processes;
mod truth;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use meta::Meta;
use processes::{Bot, Exporter, TYPED_WORDS};
use rustix::process::Signal;
use truth::truth;
use whatsapp_business_exporter::simulator::customers::TYPED;
use whatsapp_business_exporter::simulator::{DeliveryState, Handle};

use crate::docs::markdown::fences;
use crate::support::measured;

/// Customers of `make test`.
const CUSTOMERS: usize = 150;

/// Customers of each account, so that its quota of calls is enough for what the bot sends to them.
const PER_ACCOUNT: usize = 400;

/// Accounts from one with kills to the next. Each retry of a webhook waits three times as long as the one before: one
/// that met many kills would come later than the exporter waits for it.
const KILLED_EVERY: usize = 3;

/// Longer than the idle timeout and the time for late webhooks.
const SILENCE: i64 = 3_600;

/// Only a failure lasts as long.
const PATIENCE: Duration = Duration::from_secs(240);

const PAGE: &str = include_str!("../../../docs/conversations.md");

/// The block of this language in the page's section about the bot.
fn example(language: &str) -> String {
    let section = PAGE.split("\n## A booking bot\n").nth(1);
    let section = section.expect("a section about the bot");
    let section = section.split("\n## ").next().unwrap_or_default();
    let mut fences = fences(section).into_iter();
    let fence = fences.find(|fence| fence.language == language);
    fence.expect("an example").body
}

async fn are_measured(customers: usize, seed: u64) {
    let began = Instant::now();
    measured(&format!("seed {seed}"));
    let meta = Meta::new(customers.div_ceil(PER_ACCOUNT), seed).await;
    let bot = Bot::start(&meta);
    let mut exporter = Exporter::start(&meta, &bot);
    let goals = ["yes".to_owned()];
    let (mut started, mut kills) = (0, 0);
    for (place, number) in meta.numbers.iter().enumerate() {
        let some = PER_ACCOUNT.min(customers - started);
        let begun = meta.handle.start_customers(number, some, &goals);
        begun.expect("a number of the world");
        // In the middle of the conversations.
        for parts in [6, 2] {
            let enough = |meta: &Handle| meta.customers().finished >= started + some / parts;
            let reached = tokio::time::timeout(PATIENCE, meta.handle.until(enough)).await;
            let now = meta.handle.customers();
            let processes = (&exporter.process, &bot.process);
            assert!(reached.is_ok(), "{now:?}\n{processes:?}");
            if place % KILLED_EVERY == 0 {
                exporter.end(Signal::KILL);
                exporter.start_again();
                kills += 1;
            }
        }
        started += some;
        // The next customers start after all have left. Otherwise the queue of webhooks would grow, and one that waited
        // longer than a minute would count as late.
        exporter.settled().await;
    }
    let talked = began.elapsed();
    let lost = meta.handle.deliveries().into_iter();
    let lost = lost.filter(|delivery| delivery.state != DeliveryState::Delivered);
    assert_eq!(lost.count(), 0, "a webhook was lost");

    meta.set_ahead(SILENCE);
    let truth = truth(&meta);
    exporter.until_true(&truth);
    // Nothing more is counted by a process that finds everything in the store. Until it starts, the write-ahead log may
    // have copies of deliveries that the relay has deleted.
    exporter.end(Signal::TERM);
    exporter.start_again();
    exporter.until_true(&truth);
    exporter.assert_keeps_nothing_typed();
    exporter.assert_stores_nothing_typed();
    assert_covers(&truth);
    measured(&format!(
        "{customers} customers, {kills} kills, {} messages of the bot, {} POSTs, {} series, talked {talked:?}, took {:?}",
        meta.sends(),
        meta.handle.deliveries().len(),
        truth.len(),
        began.elapsed()
    ));
}

/// Every figure of the page occurs, also on a machine so slow that many customers lose patience.
fn assert_covers(truth: &BTreeMap<String, f64>) {
    for part in [
        r#"entry_point="ad""#,
        r#"entry_point="post""#,
        r#"entry_point="none""#,
        r#"variant="short""#,
        r#"variant="long""#,
        "sessions_completed",
        "sessions_abandoned",
        "step_abandoned",
        "step_reentries",
        "loops",
        r#"reason="free_text""#,
        r#"reason="unsupported""#,
        r#"reason="repeated""#,
        r#"reason="asked_again""#,
        r#"answer="date_*""#,
        r#"answer="time_*""#,
        r#"answer="yes""#,
        r#"answer="other""#,
    ] {
        let occurs = truth.keys().any(|series| series.contains(part));
        assert!(occurs, "{part} does not occur");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_customers_of_the_booking_bot_are_measured_correctly() {
    assert!(TYPED.iter().all(|typed| typed.contains(TYPED_WORDS[0])));
    are_measured(CUSTOMERS, fastrand::u64(..)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes many minutes"]
async fn thousands_of_customers_of_the_booking_bot_are_measured_correctly() {
    are_measured(4_000, fastrand::u64(..)).await;
}
