//! Ninety days of figures.

use fastrand::Rng;
use whatsapp_business_exporter::domain::{TemplateId, Timestamp};
use whatsapp_business_exporter::simulator::Endpoint;
use whatsapp_business_exporter::simulator::world::InsightsAccess;
use whatsapp_business_exporter::store::Location;

use super::comparison::{compare_metrics, compare_stored};
use super::drawn_day::draw_day;
use super::timed_meta::TimedMeta;
use super::{DAY, OPTIONS, START, template_id, watched};
use crate::support::waba;

#[tokio::test]
async fn every_day_of_a_drawn_quarter_matches_meta() {
    const DAYS: i64 = 90;
    /// The exporter is down on this day.
    const DOWN: i64 = 30;
    let meta = TimedMeta::new(InsightsAccess::Enabled).await;
    let folder = tempfile::tempdir().expect("a folder");
    let location = Location::File(folder.path().join("quarter.db"));
    let mut store = watched(&location).await;
    meta.list(&store, START).await;
    let mut dice = Rng::with_seed(26);
    let mut compared = 0;
    for which in 0..DAYS + 8 {
        let day = START + which * DAY;
        if which < DAYS {
            meta.handle.edit(|world| draw_day(&mut dice, world, day));
        }
        if which == DOWN {
            store.close().await;
            drop(store);
            store = watched(&location).await;
            continue;
        }
        for poll in 0..4 {
            let now = day + DAY + poll * 6 * 3_600 + 1_800;
            meta.poll(&store, &OPTIONS, now).await;
            compared += compare_metrics(&meta, &store, day, now);
        }
        // Changes of a day that were final while the exporter was down are lost.
        let settled = which - 8;
        if settled >= 0 && !(DOWN - 8..=DOWN - 5).contains(&settled) {
            compare_stored(&meta, &store, day - 8 * DAY);
        }
    }
    assert!(compared > 30_000, "{compared}");
    let calls = meta.handle.request_count(Endpoint::TemplateAnalytics);
    // Three for each poll of 23 templates; the first one also reads the past.
    assert!((1_100..1_250).contains(&calls), "{calls}");
    store.close().await;
}

#[tokio::test]
async fn many_pages_are_read_to_the_end() {
    let meta = TimedMeta::new(InsightsAccess::Enabled).await;
    let store = watched(&Location::Memory).await;
    meta.list(&store, START).await;
    // 90 days of ten templates take nine pages of a hundred points.
    for which in 0..90 {
        let day = START + which * DAY;
        meta.handle
            .edit(|world| draw_day(&mut Rng::with_seed(3), world, day));
    }
    meta.poll(&store, &OPTIONS, START + 90 * DAY + 60).await;
    for which in 2..90 {
        let id = TemplateId::parse(&template_id(5)).expect("digits");
        let account = store.account(&waba()).expect("it is watched");
        let day = START + which * DAY;
        let sent = meta.handle.look(|world| {
            world
                .messages
                .template_counts(&template_id(5), (day, day + DAY), None)
                .sent
        });
        let insights = account.template_insights(&id).expect("it was read");
        let known = insights
            .days()
            .iter()
            .find(|known| known.start == Timestamp::from_seconds(day));
        assert_eq!(
            known.and_then(|known| known.figures.sent).unwrap_or(0),
            sent
        );
    }
    let pages = meta.handle.request_count(Endpoint::TemplateAnalytics);
    assert!((10..=30).contains(&pages), "{pages}");
    store.close().await;
}
