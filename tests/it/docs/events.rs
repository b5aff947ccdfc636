//! The events that `docs/conversations.md` shows are accepted by an exporter with the journeys that it shows.

use serde_json::{Value, json};

use super::example;
use crate::exporter::meta::{Exporter, NUMBER, SELDOM, WABA, config_file, small_world};

const TOKEN: &str = "a-token-for-events";

/// The phone number of the examples.
const SHOWN_NUMBER: &str = "900100200300401";

#[tokio::test]
async fn events_of_the_examples_are_accepted() {
    let page = "docs/conversations.md";
    let journeys = example(page, "yaml", "journeys:");
    let with_token = journeys.replace("trackers:\n", &format!("trackers:\n  token: {TOKEN}\n"));
    assert_ne!(journeys, with_token);
    let file = config_file(SELDOM, &[WABA]) + &with_token;
    let exporter = Exporter::configured(small_world(), &file).await;
    exporter.until_polled(WABA, "numbers").await;

    let command = example(page, "sh", "/v1/events");
    let (_, data) = command.split_once("--data '").expect("a body");
    let (batch, _) = data.split_once('\'').expect("its end");
    let step = example(page, "json", "\"step\"");
    for body in [batch.to_owned(), format!("{{\"events\": [{step}]}}")] {
        let answer = post(&exporter, body.replace(SHOWN_NUMBER, NUMBER)).await;
        let results = answer["results"].as_array().expect("results");
        let all_accepted = results.iter().all(|one| one["result"] == json!("accepted"));
        assert!(all_accepted && !results.is_empty(), "{body}\n{answer}");
    }
}

async fn post(exporter: &Exporter, body: String) -> Value {
    let url = format!("{}/v1/events", exporter.url);
    let request = exporter.http.post(url).bearer_auth(TOKEN).body(body);
    let answer = request.send().await.expect("it responds");
    let text = answer.text().await.expect("text");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
