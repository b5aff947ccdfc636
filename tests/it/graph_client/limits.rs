//! Headers of responses: usage, version, and compression.

use std::time::Duration;

use whatsapp_business_exporter::simulator::{Endpoint, World, WorldChange};

use crate::support::meta::{Meta, WABA, bare_world, small_world};
use crate::support::reader::Reader;

const USAGE: &str = "whatsapp_exporter_graph_usage_ratio";
const REGAIN: &str = "whatsapp_exporter_graph_regain_access_timestamp_seconds";
const VERSION: &str = "whatsapp_exporter_graph_api_version_info";

/// An account with a quota of 200 calls an hour.
fn world_of_few_calls() -> World {
    let mut world = bare_world();
    let account = world.accounts.get_mut(WABA).expect("the account");
    account.registered = false;
    world
}

#[tokio::test]
async fn usage_is_a_ratio_in_metrics_and_passed_to_the_budget() {
    let meta = Meta::new(world_of_few_calls()).await;
    let reader = Reader::for_meta(&meta);
    for _ in 0..4 {
        reader.account().await.expect("within the quota");
    }
    let counted = reader.counted();
    let of = |kind| counted.value(USAGE, &[("waba_id", WABA), ("kind", kind)]);
    assert_eq!(of("call_count"), Some(0.02));
    assert_eq!(of("total_cputime"), Some(0.01));
    assert_eq!(of("total_time"), Some(0.01));
    assert_eq!(counted.value(REGAIN, &[]), None);
    let told = reader.budget.told.lock().expect("no test panics here");
    assert_eq!(told.len(), 4);
    assert_eq!((told[3].ratio, told[3].regain_after), (0.02, None));
}

#[tokio::test]
async fn a_rate_limit_has_an_end_and_is_removed_then() {
    let meta = Meta::new(small_world()).await;
    let reader = Reader::for_meta(&meta);
    meta.let_happen(WorldChange::RateLimited {
        waba_id: WABA.into(),
        code: 80_008,
        regain_minutes: 7,
    });
    reader.numbers().await;
    let counted = reader.counted();
    let kind = [("waba_id", WABA), ("kind", "call_count")];
    assert_eq!(counted.value(USAGE, &kind), Some(1.0));
    let until = counted.value(REGAIN, &[("waba_id", WABA)]);
    assert!(until.is_some_and(|until| until > 1_775_000_000.0));
    let regain_after = {
        let told = reader.budget.told.lock().expect("no test panics here");
        told[0].regain_after
    };
    assert_eq!(regain_after, Some(Duration::from_secs(7 * 60)));

    meta.let_happen(WorldChange::RateLimitLifted {
        waba_id: WABA.into(),
    });
    assert!(reader.numbers().await.listing.complete);
    assert_eq!(reader.counted().value(REGAIN, &[]), None);
}

#[tokio::test]
async fn the_version_asked_for_and_the_one_that_answers_are_both_shown() {
    let meta = Meta::new(small_world()).await;
    let reader = Reader::for_meta(&meta);
    for answered in ["v26.0", "v27.0"] {
        meta.edit(|world| answered.clone_into(&mut world.graph_version));
        reader.numbers().await;
        let counted = reader.counted();
        let labels = [("asked", "v25.0"), ("answered", answered)];
        assert_eq!(counted.value(VERSION, &labels), Some(1.0));
        assert_eq!(counted.how_many(VERSION, &[]), 1);
    }
    assert_eq!(meta.requests()[0].version.as_deref(), Some("v25.0"));
}

#[tokio::test]
async fn every_call_is_counted_and_offers_gzip() {
    let meta = Meta::new(small_world()).await;
    let reader = Reader::for_meta(&meta);
    assert!(reader.account().await.is_ok());
    assert!(reader.numbers().await.listing.complete);
    assert!(reader.templates().await.0.listing.complete);
    let counted = reader.counted();
    for (endpoint, calls) in [
        ("account", 1.0),
        ("phone_numbers", 1.0),
        ("message_templates", 1.0),
        ("subscribed_apps", 0.0),
        ("debug_token", 0.0),
    ] {
        let name = "whatsapp_exporter_graph_requests_total";
        let found = counted.count(name, &[("endpoint", endpoint)]);
        assert_eq!(found, calls, "{endpoint}");
    }
    for request in meta.requests() {
        let encoding = request
            .headers
            .iter()
            .find(|(name, _)| name == "accept-encoding");
        assert!(encoding.is_some_and(|(_, value)| value.contains("gzip")));
    }
}

#[tokio::test]
async fn compressed_answers_are_read() {
    let meta = Meta::new(bare_world().with_many_templates(WABA, 100)).await;
    let token = meta.look(|world| world.app.token.text.clone());
    // A client without decompression shows that the simulator compresses such a response.
    let plain = reqwest::Client::builder()
        .no_gzip()
        .build()
        .expect("a client");
    let url = format!(
        "{}/v25.0/{WABA}/message_templates?limit=100",
        meta.graph_url()
    );
    let request = plain
        .get(url)
        .bearer_auth(token)
        .header("accept-encoding", "gzip");
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.headers()["content-encoding"], "gzip");

    let (listed, _) = Reader::for_meta(&meta).templates().await;
    assert_eq!(listed.listing.objects.len(), 100);
    assert_eq!(meta.request_count(Endpoint::MessageTemplates), 2);
}
