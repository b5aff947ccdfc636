//! `GET /api/v1/explain`, over a real socket.

use serde_json::{Value, json};
use whatsapp_business_exporter::simulator::change::WorldChange;
use whatsapp_business_exporter::simulator::world::Account;

use super::meta::{Exporter, NUMBER, OFTEN, SELDOM, TEMPLATE, WABA, config_file, small_world};

/// An account whose id comes after the other's.
const OTHER: &str = "900800200300400";

impl Exporter {
    async fn explained(&self, query: &str) -> (u16, Value) {
        let url = format!("{}/api/v1/explain{query}", self.url);
        let answer = self.http.get(url).send().await;
        let answer = answer.expect("the exporter answers");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("text");
        (status, serde_json::from_str(&text).expect("JSON"))
    }

    async fn explained_number(&self) -> Value {
        let query = format!("?phone_number_id={NUMBER}");
        let (status, answer) = self.explained(&query).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

fn rated(rating: &str) -> WorldChange {
    WorldChange::QualityRatingChanged {
        phone_number_id: NUMBER.to_owned(),
        quality_rating: rating.to_owned(),
    }
}

fn rating(waba_id: &str, rating: &str) -> String {
    format!(
        r#"whatsapp_phone_number_quality_rating{{waba_id="{waba_id}",phone_number_id="{NUMBER}",quality_rating="{rating}"}}"#
    )
}

fn template_rated(rating: &str) -> WorldChange {
    let change =
        json!({"change": "template_quality_changed", "template_id": TEMPLATE, "score": rating});
    serde_json::from_value(change).expect("a change")
}

#[tokio::test]
async fn a_fall_is_explained_by_the_template_that_meta_rates_red() {
    let exporter = Exporter::watching(small_world(), OFTEN).await;
    exporter.until(rating(WABA, "GREEN"), 1.0).await;
    let calm = exporter.explained_number().await;
    assert_eq!(calm["verdict"], "no_fall");
    assert_eq!(calm["fall"], Value::Null);
    assert_eq!(calm["quality_rating"], "GREEN");
    exporter.meta.change(rated("YELLOW")).expect("it is there");
    exporter.until(rating(WABA, "YELLOW"), 1.0).await;
    let unexplained = exporter.explained_number().await;
    assert_eq!(unexplained["verdict"], "no_evident_cause");
    assert_eq!(unexplained["causes"], json!([]));
    let change = template_rated("RED");
    exporter.meta.change(change).expect("it is there");
    exporter.meta.settled().await;
    let answer = exporter.explained_number().await;
    assert_eq!(answer["verdict"], "likely_causes", "{answer}");
    assert_eq!(answer["fall"]["from"], "GREEN");
    assert_eq!(answer["fall"]["to"], "YELLOW");
    assert_eq!(answer["waba_ids"], json!([WABA]));
    let causes = answer["causes"].as_array().expect("a list");
    assert_eq!(causes.len(), 1);
    assert_eq!(causes[0]["kind"], "template");
    assert_eq!(causes[0]["template_id"], TEMPLATE);
    assert_eq!(causes[0]["template_name"], "spring_offer");
    assert_eq!(causes[0]["confidence"], "moderate");
    let evidence = &causes[0]["evidence"];
    assert_eq!(evidence[0]["kind"], "template_rating");
    assert_eq!(
        evidence[0]["message"],
        "Meta rated it RED less than a day after the fall"
    );
    // Nobody wrote to it, and insights are off.
    let missing: Vec<&Value> = answer["missing"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|gap| &gap["data"])
        .collect();
    assert_eq!(missing, ["messages", "insights"]);
    let page = exporter.get("/").await;
    assert!(page.contains("Meta rated it RED"), "{page}");
}

#[tokio::test]
async fn a_shared_number_is_explained_by_the_templates_of_each_account() {
    let world = small_world().with_account(Account::new(OTHER, "Reseller"));
    let exporter = Exporter::configured(world, &config_file(OFTEN, &[WABA, OTHER])).await;
    let share = WorldChange::NumberShared {
        phone_number_id: NUMBER.into(),
        waba_id: OTHER.into(),
        is_shared: true,
    };
    exporter.meta.change(share).expect("the world has both");
    exporter.until(rating(OTHER, "GREEN"), 1.0).await;
    exporter.until(rating(WABA, "GREEN"), 1.0).await;
    let change = template_rated("YELLOW");
    exporter.meta.change(change).expect("it is there");
    exporter.meta.change(rated("RED")).expect("it is there");
    exporter.until(rating(OTHER, "RED"), 1.0).await;
    exporter.until(rating(WABA, "RED"), 1.0).await;
    exporter.meta.settled().await;
    let answer = exporter.explained_number().await;
    assert_eq!(answer["waba_ids"], json!([WABA, OTHER]));
    let causes = answer["causes"].as_array().expect("a list");
    assert_eq!(causes.len(), 1, "the template once: {answer}");
    assert_eq!(causes[0]["template_id"], TEMPLATE);
}

#[tokio::test]
async fn a_wrong_request_names_the_parameter() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    for (query, status, error) in [
        (
            "",
            400,
            "phone_number_id: missing; give the digits of a phone number's id",
        ),
        (
            "?phone_number_id=%2B1%20555",
            400,
            "phone_number_id: must be the digits of a phone number's id",
        ),
        (
            "?phone_number_id=900100200300499",
            404,
            "phone_number_id: no watched account has 900100200300499",
        ),
    ] {
        let (found, answer) = exporter.explained(query).await;
        assert_eq!(
            (found, &answer),
            (status, &json!({"error": error})),
            "{query}"
        );
    }
    let (status, answer) = exporter.explained("?number=1").await;
    assert_eq!(status, 400);
    assert!(
        answer["error"]
            .as_str()
            .is_some_and(|why| why.contains("number"))
    );
    let foreign = exporter
        .http
        .get(format!("{}/api/v1/explain", exporter.url));
    let foreign = foreign.header("host", "rebound.example:10131").send().await;
    assert_eq!(foreign.expect("an answer").status(), 421);
}
