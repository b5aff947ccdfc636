//! A value that the JSON parser rejects does not affect other values, in successful responses and in errors.

use axum::Router;
use axum::http::{StatusCode, header};
use tokio::net::TcpListener;
use whatsapp_business_exporter::domain::QualityRating;
use whatsapp_business_exporter::domain::template::Status;
use whatsapp_business_exporter::ingest::graph::FailureKind;

use crate::support::reader::{Reader, options};

/// Unreadable values, as written in a response, and how often each is counted.
fn unreadable() -> Vec<(Vec<u8>, f64)> {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    vec![
        (br#""Fern \ud83d""#.to_vec(), 1.0),
        (br#""\ude00\ud83d""#.to_vec(), 2.0),
        (b"1e999".to_vec(), 1.0),
        (b"-1e999".to_vec(), 1.0),
        (b"\"caf\xe9\"".to_vec(), 1.0),
        (b"\"two\nlines\"".to_vec(), 1.0),
        (br#"{"a\ud83d": 1}"#.to_vec(), 1.0),
        (deep.into_bytes(), 1.0),
    ]
}

/// A client of a server that responds to every request with these bytes.
async fn reader_of(status: StatusCode, body: Vec<u8>) -> Reader {
    let answer = move || {
        let json = [(header::CONTENT_TYPE, "application/json")];
        std::future::ready((status, json, body.clone()))
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    Reader::new(options(&url))
}

/// A listing of three objects, the second with `value` under `key`.
fn listing(key: &str, value: &[u8], rest: &str) -> Vec<u8> {
    let object = |id: u8| format!(r#"{{"id":"90{id}",{rest}}}"#);
    let odd = [
        format!(r#"{{"id":"902",{rest},"{key}":"#).as_bytes(),
        value,
        b"}",
    ]
    .concat();
    let objects = [object(1).into_bytes(), odd, object(3).into_bytes()];
    [b"{\"data\":[", objects.join(&b","[..]).as_slice(), b"]}"].concat()
}

fn counted(reader: &Reader, field: &str) -> Option<f64> {
    let name = "whatsapp_exporter_malformed_values_total";
    reader.counted().value(name, &[("field", field)])
}

#[tokio::test]
async fn a_number_is_read_despite_an_unreadable_name() {
    for (value, count) in unreadable() {
        for key in ["verified_name", "nobody_needs_this"] {
            let rest =
                r#""quality_rating":"RED","whatsapp_business_manager_messaging_limit":"TIER_2K""#;
            let body = listing(key, &value, rest);
            let reader = reader_of(StatusCode::OK, body).await;
            let listed = reader.numbers().await;
            assert!(listed.listing.complete, "{:?}", listed.failure);
            let ratings = listed.listing.objects.iter().map(|it| it.quality_rating);
            assert_eq!(ratings.collect::<Vec<_>>(), [Some(QualityRating::Red); 3]);
            assert_eq!(counted(&reader, "phone_numbers.json"), Some(count));
        }
    }
}

#[tokio::test]
async fn a_template_is_read_despite_an_unreadable_name() {
    for (value, count) in unreadable() {
        let body = listing("name", &value, r#""status":"PAUSED""#);
        let reader = reader_of(StatusCode::OK, body).await;
        let (listed, _) = reader.templates().await;
        assert!(listed.listing.complete, "{:?}", listed.failure);
        let states = listed.listing.objects.iter().map(|it| it.status);
        assert_eq!(states.collect::<Vec<_>>(), [Some(Status::Paused); 3]);
        assert_eq!(counted(&reader, "message_templates.json"), Some(count));
    }
}

#[tokio::test]
async fn half_a_surrogate_pair_affects_only_itself() {
    let body = listing(
        "verified_name",
        br#""Fern \ud83d""#,
        r#""status":"CONNECTED""#,
    );
    let numbers = reader_of(StatusCode::OK, body).await.numbers().await;
    let name = numbers.listing.objects[1].verified_name.as_deref();
    assert_eq!(name, Some("Fern \u{fffd}"));
}

/// The unreadable object may be a known one, so the listing is incomplete.
#[tokio::test]
async fn an_unreadable_id_loses_only_its_object() {
    let body = br#"{"data":[{"id":"901"},{"id":1e999},{"id":"903"}]}"#.to_vec();
    let numbers = reader_of(StatusCode::OK, body).await.numbers().await;
    let ids: Vec<_> = numbers
        .listing
        .objects
        .iter()
        .map(|it| it.id.as_str())
        .collect();
    assert_eq!((ids, numbers.listing.complete), (vec!["901", "903"], false));
}

#[tokio::test]
async fn an_error_is_classified_despite_an_unreadable_message() {
    for (value, count) in unreadable() {
        for status in [StatusCode::BAD_REQUEST, StatusCode::OK] {
            let body = [&br#"{"error":{"message":"#[..], &value, br#","code":190}}"#].concat();
            let reader = reader_of(status, body).await;
            let failure = reader.account().await.expect_err("an error");
            assert_eq!(failure.kind(), FailureKind::Token);
            // The account may be requested more than once.
            assert!(counted(&reader, "account.json") >= Some(count));
        }
    }
}

#[tokio::test]
async fn a_truncated_answer_is_not_json() {
    let body = listing(
        "verified_name",
        br#""Fern \ud83d""#,
        r#""status":"CONNECTED""#,
    );
    let reader = reader_of(StatusCode::OK, body[..body.len() - 3].to_vec()).await;
    let failure = reader.numbers().await.failure.expect("a failure");
    assert_eq!(failure.kind(), FailureKind::Malformed);
    assert_eq!(counted(&reader, "phone_numbers.json"), None);
}
