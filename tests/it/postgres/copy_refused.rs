//! A copy that is rejected, or that would lose data, leaves the target empty.

use std::collections::BTreeSet;

use whatsapp_business_exporter::store::copy::copy;
use whatsapp_business_exporter::store::{CopyError, Location};

use super::copying::{KEPT, closed, copied, filled, repeated, rows, tried, watching};
use crate::process::outcome;
use crate::support::postgres::shared;
use crate::support::store::{NewStore, opened};
use crate::support::waba;

#[tokio::test]
async fn a_target_with_data_and_a_store_in_use_are_refused() {
    let (source, target) = (NewStore::sqlite(), NewStore::postgres());
    filled(&source.location).await;
    let store = watching(&source.location, &BTreeSet::from([waba()])).await;
    let error = copy(&source.location, &target.location)
        .await
        .expect_err("open");
    assert!(
        error.to_string().contains("in use by another exporter"),
        "{error}"
    );
    closed(store).await;

    let replica = watching(&target.location, &BTreeSet::from([waba()])).await;
    let error = tried(&source.location, &target.location)
        .await
        .expect_err("in use");
    assert!(matches!(error, CopyError::InUse { .. }), "{error}");
    replica.commit(vec![repeated()]).await.expect("it goes on");
    let other = NewStore::sqlite();
    let error = copy(&target.location, &other.location)
        .await
        .expect_err("in use");
    assert!(matches!(error, CopyError::InUse { .. }), "{error}");
    closed(replica).await;

    let error = copied(&source.location, &target.location)
        .await
        .expect_err("full");
    let text = error.to_string();
    assert!(
        text.contains("--to: ") && text.contains("accounts: 1 rows"),
        "{text}"
    );
    let error = copied(&target.location, &source.location)
        .await
        .expect_err("full");
    assert!(matches!(error, CopyError::NotEmpty { .. }), "{error}");
    copied(&target.location, &other.location)
        .await
        .expect("it is not in use now");
}

#[tokio::test]
async fn a_target_that_differs_stays_empty() {
    let (source, target) = (NewStore::sqlite(), NewStore::postgres());
    filled(&source.location).await;
    // Creates the tables.
    let store = opened(&target.location, KEPT).await;
    closed(store).await;
    let database = database_of(&target.location);
    let falsify = "SET search_path = whatsapp_exporter; \
         CREATE FUNCTION falsify() RETURNS trigger LANGUAGE plpgsql AS \
           'BEGIN NEW.state = NEW.state || '' ''; RETURN NEW; END'; \
         CREATE TRIGGER falsify BEFORE INSERT ON phone_numbers FOR EACH ROW EXECUTE FUNCTION falsify()";
    shared().execute(database, falsify);
    let error = copied(&source.location, &target.location).await;
    let error = error.expect_err("another state").to_string();
    assert!(
        error.starts_with("phone_numbers differs: 1 rows"),
        "{error}"
    );
    shared().execute(database, "DROP FUNCTION whatsapp_exporter.falsify CASCADE");
    let there = copied(&source.location, &target.location).await;
    assert_eq!(rows(&there.expect("it was empty"), "phone_numbers"), 1);
}

fn database_of(location: &Location) -> &str {
    let Location::Server(options) = location else {
        panic!("a server")
    };
    options.url.database.as_deref().expect("it is given")
}

#[tokio::test]
async fn unapplied_events_are_not_left_behind() {
    let (source, target) = (NewStore::postgres(), NewStore::sqlite());
    filled(&source.location).await;
    let database = database_of(&source.location);
    let waits =
        "INSERT INTO whatsapp_exporter.inbox (received_ms, shard, events) VALUES (1, 2, '[]')";
    shared().execute(database, waits);
    let error = copied(&source.location, &target.location)
        .await
        .expect_err("they would be lost");
    assert!(error.to_string().contains("1 rows in its inbox"), "{error}");
}

#[test]
fn wrong_directions_are_explained_and_a_copy_is_reported() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    let server = shared().new_database();
    let done_with = |from: &str, to: &str| {
        let (from, to) = (format!("--from={from}"), format!("--to={to}"));
        outcome(&["store", "copy", &from, &to], &[])
    };
    for (from, to, why) in [
        (path("a.db"), path("b.db"), "its own tools"),
        (server.clone(), server.clone(), "its own tools"),
        (
            "sqlite::memory:".to_owned(),
            server.clone(),
            "its own tools",
        ),
        (path("none.db"), server.clone(), "no database at"),
        (server.clone(), path("b.db"), "has no store"),
        ("mysql://x".to_owned(), server.clone(), "--from: "),
    ] {
        let done = done_with(&from, &to);
        assert_eq!(done.code, Some(1), "{from} {to}");
        assert!(done.log.contains(why), "{from} {to}: {}", done.log);
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(filled(&Location::File(folder.path().join("a.db"))));
    let done = done_with(&path("a.db"), &server);
    assert_eq!(done.code, Some(0), "{}", done.log);
    assert!(
        done.out.contains("\ntransitions ") && done.out.contains("the same in both"),
        "{}",
        done.out
    );
    assert!(
        !done.out.contains(crate::support::postgres::PASSWORD),
        "{}",
        done.out
    );
}
