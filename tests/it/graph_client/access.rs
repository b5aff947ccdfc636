//! Credentials of requests: the token, its proof and its app, and where none of them may appear.

use whatsapp_business_exporter::domain::AppId;
use whatsapp_business_exporter::ingest::graph::FailureKind;
use whatsapp_business_exporter::simulator::graph::TokenSource;
use whatsapp_business_exporter::simulator::signature::hex_hmac;
use whatsapp_business_exporter::simulator::{Endpoint, Fault, WorldChange};

use crate::support::meta::{Meta, WABA, small_world};
use crate::support::reader::{Reader, Scribe, options};

const TOKEN: &str = "EAAG-made-up";
const SECRET: &str = "made-up-secret";

#[tokio::test]
async fn the_token_goes_into_the_header_and_nowhere_else() {
    let scribe = Scribe::start().await;
    let mut with_secrets = options(&scribe.url);
    with_secrets.access_token = TOKEN.into();
    with_secrets.app_secret = Some(SECRET.into());
    let reader = Reader::new(with_secrets);
    drop(reader.account().await);
    reader.numbers().await;
    reader.templates().await;

    let asked = scribe.asked();
    assert_eq!(asked.len(), 4, "the node, the token, two listings");
    let proof = hex_hmac(SECRET, TOKEN.as_bytes());
    for (uri, headers) in &asked {
        let uri = uri.to_string();
        let bearer = format!("Bearer {TOKEN}");
        assert_eq!(headers["authorization"], bearer.as_str());
        assert!(!uri.contains(SECRET), "{uri}");
        assert!(uri.contains(&format!("appsecret_proof={proof}")), "{uri}");
        assert!(uri.starts_with("/v25.0/"), "{uri}");
        let elsewhere = uri.replacen(&format!("input_token={TOKEN}"), "", 1);
        assert_eq!(elsewhere != uri, uri.starts_with("/v25.0/debug_token?"));
        assert!(!elsewhere.contains(TOKEN), "{uri}");
        let others = headers.iter().filter(|(name, _)| *name != "authorization");
        for (_, value) in others {
            let value = value.to_str().expect("text");
            assert!(!value.contains(TOKEN) && !value.contains(SECRET));
        }
    }
}

#[tokio::test]
async fn a_world_that_requires_proof_is_read_with_it() {
    let mut world = small_world();
    world.app.requires_appsecret_proof = true;
    let meta = Meta::new(world).await;
    assert!(Reader::for_meta(&meta).account().await.is_ok());
    for request in meta.requests() {
        assert!(request.has_proof && request.token_source == TokenSource::Header);
    }
    let without = Reader::with(&meta, |options| options.app_secret = None);
    let failure = without.account().await.expect_err("proof is required");
    assert_eq!(failure.kind(), FailureKind::AppSecret);
    assert!(failure.lacks_proof(), "{failure}");
}

#[tokio::test]
async fn a_proof_with_the_wrong_secret_is_an_app_secret_failure() {
    let meta = Meta::new(small_world()).await;
    let wrong = Reader::with(&meta, |options| options.app_secret = Some(SECRET.into()));
    let failure = wrong.account().await.expect_err("the proof is wrong");
    assert_eq!(failure.kind(), FailureKind::AppSecret);
    assert!(
        failure
            .to_string()
            .starts_with("the app secret does not belong to the access token's app"),
        "{failure}"
    );
    assert!(!format!("{failure:?} {failure}").contains(SECRET));
}

#[tokio::test]
async fn the_app_of_the_token_is_requested_once() {
    let meta = Meta::new(small_world()).await;
    let reader = Reader::with(&meta, |options| options.app_id = None);
    let subscribed = async || {
        let account = reader.account().await.expect("the node can be read");
        account.webhook_subscribed
    };
    assert_eq!(subscribed().await, Some(true));
    meta.let_happen(WorldChange::SubscriptionLost {
        waba_id: WABA.into(),
    });
    assert_eq!(subscribed().await, Some(false));
    meta.let_happen(WorldChange::SubscriptionRegained {
        waba_id: WABA.into(),
    });
    assert_eq!(subscribed().await, Some(true));
    assert_eq!(meta.request_count(Endpoint::DebugToken), 1);
}

#[tokio::test]
async fn an_app_that_is_configured_is_not_asked_for() {
    let meta = Meta::new(small_world()).await;
    let other = Reader::with(&meta, |options| options.app_id = AppId::parse("1"));
    let account = other.account().await.expect("the node can be read");
    assert_eq!(account.webhook_subscribed, Some(false));
    assert_eq!(meta.request_count(Endpoint::DebugToken), 0);
}

#[tokio::test]
async fn a_token_that_will_not_say_leaves_the_subscription_unknown_and_the_node_read() {
    let meta = Meta::new(small_world()).await;
    let refusal = |code, is_transient| Fault::GraphError {
        status: 400,
        code,
        subcode: None,
        message: "made up".into(),
        is_transient: Some(is_transient),
    };
    let reader = Reader::with(&meta, |options| options.app_id = None);
    let subscribed = async || {
        let account = reader.account().await.expect("the node can be read");
        account.webhook_subscribed
    };
    // Temporary failures are retried, permanent ones are not.
    meta.fault(Some(Endpoint::DebugToken), Some(1), refusal(2, true));
    meta.fault(
        Some(Endpoint::DebugToken),
        None,
        Fault::RetryAfter { seconds: 1 },
    );
    assert_eq!(subscribed().await, None);
    meta.fault(Some(Endpoint::DebugToken), Some(1), refusal(100, false));
    assert_eq!(subscribed().await, None);
    assert_eq!(subscribed().await, None);
    assert_eq!(meta.request_count(Endpoint::DebugToken), 2);
}

#[tokio::test]
async fn a_wrong_secret_does_not_invalidate_the_token() {
    let meta = Meta::new(small_world()).await;
    let app_id = meta.look(|world| AppId::parse(&world.app.id));
    for known in [None, app_id] {
        let wrong = Reader::with(&meta, |options| {
            options.app_secret = Some(SECRET.into());
            options.app_id = known.clone();
        });
        let token = wrong.token().await.expect("the token can be asked about");
        assert!(token.is_valid, "{known:?}");
        let refused = wrong.subscription().await.expect_err("the secret is wrong");
        assert_eq!(refused.kind(), FailureKind::AppSecret, "{known:?}");
    }
    meta.edit(|world| world.app.requires_appsecret_proof = true);
    let wrong = Reader::with(&meta, |options| options.app_secret = Some(SECRET.into()));
    let unknown = wrong.token().await.expect_err("nothing can be asked");
    assert_eq!(unknown.kind(), FailureKind::AppSecret);
    assert!(!unknown.lacks_proof(), "a secret is configured: {unknown}");
    meta.let_happen(WorldChange::TokenExpired);
    let token = wrong.token().await.expect("an answer");
    assert!(
        !token.is_valid,
        "a token that ended is no matter of the secret"
    );
}
