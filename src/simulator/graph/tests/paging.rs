//! Pages of lists, and their links.

use super::*;

#[tokio::test]
async fn the_last_page_has_after_but_no_next() {
    let meta = RunningSimulator::new(small_world().with_many_phone_numbers(WABA, 29)).await;
    let first = meta.json("800100/phone_numbers?summary=total_count").await;
    assert_eq!(
        (ids(&first).len(), &first["summary"]["total_count"]),
        (25, &30.into())
    );
    let next = first["paging"]["next"].as_str().expect("more");
    assert!(
        next.starts_with("https://graph.facebook.com/v26.0/800100/phone_numbers?")
            && !next.contains("access_token")
    );
    let after = first["paging"]["cursors"]["after"]
        .as_str()
        .expect("a cursor");
    let last = meta
        .json(&format!("800100/phone_numbers?after={after}"))
        .await;
    assert_eq!(ids(&last).len(), 5);
    assert!(last["paging"]["cursors"]["after"].is_string() && last["paging"].get("next").is_none());
    let beyond = last["paging"]["cursors"]["after"]
        .as_str()
        .expect("a cursor");
    assert_eq!(
        meta.json(&format!("800100/phone_numbers?after={beyond}"))
            .await,
        serde_json::json!({"data": []})
    );
}

#[tokio::test]
async fn an_empty_list_has_no_paging() {
    let meta =
        RunningSimulator::new(World::empty().with_account(Account::new(WABA, "Empty"))).await;
    assert_eq!(
        meta.json("800100/phone_numbers").await,
        serde_json::json!({"data": []})
    );
}

#[tokio::test]
async fn a_token_in_the_query_is_repeated_in_next_and_recorded() {
    let meta = RunningSimulator::new(small_world().with_many_templates(WABA, 30)).await;
    let url = format!(
        "{}/v25.0/800100/message_templates?fields=id&access_token={TOKEN}",
        meta.handle.graph_url()
    );
    let page = body(meta.client.get(url).send().await.expect("an answer")).await;
    assert!(
        page["paging"]["next"]
            .as_str()
            .expect("more")
            .contains("access_token=")
    );
    let request = meta.handle.requests().pop().expect("it was logged");
    assert_eq!(request.token_source, super::super::TokenSource::Query);
    assert_eq!(request.parameter("access_token"), None);
}

#[tokio::test]
async fn ten_thousand_templates_are_paged_fast() {
    let meta = RunningSimulator::new(small_world().with_many_templates(WABA, 9_999)).await;
    let started = Instant::now();
    let (mut seen, mut after) = (0, String::new());
    loop {
        let page = meta
            .json(&format!(
                "800100/message_templates?fields=id,name,status,quality_score&limit=100{after}"
            ))
            .await;
        seen += ids(&page).len();
        if page["paging"].get("next").is_none() {
            break;
        }
        after = format!(
            "&after={}",
            page["paging"]["cursors"]["after"]
                .as_str()
                .expect("a cursor")
        );
    }
    assert_eq!(seen, 10_000);
    // Enough for a hundred pages of a debug build on a busy machine; visiting all nodes for each would take minutes.
    assert!(started.elapsed().as_secs() < 120, "{:?}", started.elapsed());
}
