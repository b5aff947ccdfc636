//! A clock that was an hour fast and is corrected.

use std::collections::BTreeSet;
use std::time::Duration;

use whatsapp_business_exporter::clock;
use whatsapp_business_exporter::domain::{
    Collector, Event, Fact, Listing, PhoneNumberId, QualityRating, Source, WabaId, number,
};
use whatsapp_business_exporter::store::Location;

use crate::exporter::meta::{Exporter, NUMBER, OFTEN, WABA, config_file, small_world};
use crate::support::store::opened;

const HOUR: Duration = Duration::from_secs(3_600);

/// Leaves the store of an exporter with a fast clock: the number was red "in an hour".
async fn leave_a_poll_of_the_future(location: &Location) {
    let store = opened(location, 400 * 24 * HOUR).await;
    let waba_id = WabaId::parse(WABA).expect("digits");
    let watched = store.watch(BTreeSet::from([waba_id.clone()])).await;
    watched.expect("a sound store");
    let snapshot = number::Snapshot {
        quality_rating: Some(QualityRating::Red),
        ..number::Snapshot::new(PhoneNumberId::parse(NUMBER).expect("digits"))
    };
    let listing = Listing {
        objects: vec![snapshot],
        complete: true,
    };
    let poll = Event {
        waba_id,
        observed_at: clock::now().plus(HOUR),
        source: Source::Poll,
        fact: Fact::NumbersListed(listing),
    };
    store.commit(vec![poll]).await.expect("a sound store");
    store.close().await;
}

#[tokio::test]
async fn polls_are_believed_at_once_after_the_clock_was_set_back_an_hour() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("state.db");
    leave_a_poll_of_the_future(&Location::File(path.clone())).await;

    let url = format!("sqlite:{}", path.display());
    let exporter = Exporter::stored(small_world(), &config_file(OFTEN, &[WABA]), &url).await;
    let rating = |rating: &str| {
        format!(
            r#"whatsapp_phone_number_quality_rating{{waba_id="{WABA}",phone_number_id="{NUMBER}",quality_rating="{rating}"}}"#
        )
    };
    exporter.until(rating("GREEN"), 1.0).await;
    assert_eq!(exporter.value(&rating("RED")).await, Some(0.0));
    let numbers = Collector::Numbers;
    exporter
        .until_polled(
            WABA,
            whatsapp_business_exporter::domain::Word::as_str(numbers),
        )
        .await;
}
