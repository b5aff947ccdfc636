//! Rate limits and injected faults.

use super::*;

#[tokio::test]
async fn a_rate_limit_is_http_400_with_the_time_to_regain_access() {
    let meta = RunningSimulator::new(small_world()).await;
    let limit = WorldChange::RateLimited {
        waba_id: WABA.into(),
        code: 80_008,
        regain_minutes: 7,
    };
    meta.handle.change(limit).expect("it can happen");
    let response = meta.get("900100").await;
    assert_eq!(response.status(), 400);
    assert!(
        response.headers()["x-business-use-case-usage"]
            .to_str()
            .expect("text")
            .contains(r#""estimated_time_to_regain_access":7"#)
    );
    assert_eq!(body(response).await["error"]["code"], 80_008);
}

#[tokio::test]
async fn faults_apply_to_their_endpoint_the_given_number_of_times() {
    let meta = RunningSimulator::new(small_world()).await;
    let on = Some(Endpoint::PhoneNumbers);
    meta.handle.fault(on, Some(1), Fault::ServerErrorPage);
    assert_eq!(meta.get("800100").await.status(), 200);
    assert_eq!(meta.get("800100/phone_numbers").await.status(), 500);
    meta.handle.fault(on, Some(1), Fault::TruncatedJson);
    assert!(
        serde_json::from_slice::<Value>(
            &meta
                .get("800100/phone_numbers")
                .await
                .bytes()
                .await
                .expect("a body")
        )
        .is_err()
    );
    meta.handle.fault(
        on,
        Some(1),
        Fault::FieldReplaced {
            field: "quality_rating".into(),
            value: 7.into(),
        },
    );
    assert_eq!(
        meta.json("800100/phone_numbers").await["data"][0]["quality_rating"],
        7
    );
    meta.handle.fault(
        on,
        Some(1),
        Fault::SingleObject {
            field: "data".into(),
        },
    );
    assert_eq!(
        meta.json("800100/phone_numbers").await["data"]["id"],
        NUMBER
    );
    meta.handle.fault(
        on,
        Some(1),
        Fault::Trickle {
            bytes: 16,
            milliseconds: 0,
        },
    );
    assert_eq!(ids(&meta.json("800100/phone_numbers").await), [NUMBER]);
    meta.handle.fault(on, Some(2), Fault::EndlessCursors);
    assert!(meta.json("800100/phone_numbers").await["paging"]["next"].is_string());
    meta.handle.clear_faults();
    assert!(
        meta.json("800100/phone_numbers").await["paging"]
            .get("next")
            .is_none()
    );
    meta.handle.fault(None, Some(1), Fault::ExpansionRefused);
    assert_eq!(
        meta.json("800100?fields=phone_numbers{id}").await["error"]["code"],
        100
    );
    meta.handle
        .fault(None, Some(1), Fault::RetryAfter { seconds: 9 });
    assert_eq!(meta.get("800100").await.headers()["retry-after"], "9");
    assert_eq!(meta.handle.request_count(Endpoint::PhoneNumbers), 7);
}
