//! Scope of rejections: a wrong id, one account or three, and the fields still requested for others.

use whatsapp_business_exporter::domain::number::Status;
use whatsapp_business_exporter::ingest::graph::{FailureKind, NodeKind};
use whatsapp_business_exporter::simulator::graph::AnsweredRequest;
use whatsapp_business_exporter::simulator::world::{APP_ID, Account, HOME_BUSINESS_ID};
use whatsapp_business_exporter::simulator::{Endpoint, Fault, World, WorldChange};

use crate::support::meta::{Meta, NUMBER, TEMPLATE, WABA, graph_error, small_world};
use crate::support::reader::Reader;

const DROPPED: &str = "whatsapp_exporter_graph_field_dropped";
const DROPS: &str = "whatsapp_exporter_graph_fields_dropped_total";

fn shown(reader: &Reader, endpoint: &str, field: &str, waba_id: &str) -> Option<f64> {
    let labels = [
        ("endpoint", endpoint),
        ("field", field),
        ("waba_id", waba_id),
    ];
    reader.counted().value(DROPPED, &labels)
}

/// For each request to this endpoint about this id, whether it contains the field.
fn requested(meta: &Meta, endpoint: Endpoint, id: &str, field: &str) -> Vec<bool> {
    let requests = meta.requests().into_iter();
    let of_id =
        requests.filter(|request| request.endpoint == endpoint && request.path.starts_with(id));
    let names_it = |request: AnsweredRequest| {
        let fields = request.parameter("fields").unwrap_or_default().to_owned();
        fields.split(',').any(|one| one == field)
    };
    of_id.map(names_it).collect()
}

/// The small world with additional accounts `1` to `count`.
fn with_accounts(count: usize) -> World {
    (1..=count).fold(small_world(), |world, id| {
        world.with_account(Account::new(&id.to_string(), "Branch"))
    })
}

#[tokio::test]
async fn a_wrong_id_is_named_and_does_not_affect_the_good_account() {
    for (id, kind) in [
        (HOME_BUSINESS_ID, NodeKind::Business),
        (NUMBER, NodeKind::PhoneNumber),
        (TEMPLATE, NodeKind::Template),
        (APP_ID, NodeKind::App),
    ] {
        let meta = Meta::new(small_world()).await;
        let reader = Reader::for_meta(&meta);
        for _ in 0..3 {
            let account = reader.account_of(id).await.expect_err("it is no account");
            let numbers = reader.numbers_of(id).await.failure.expect("it is none");
            let (templates, _) = reader.templates_of(id).await;
            let templates = templates.failure.expect("it is none");
            for failure in [account, numbers, templates] {
                assert_eq!(failure.kind(), FailureKind::WrongNode, "{id}: {failure}");
                assert_eq!(failure.wrong_node_kind(), Some(&kind));
                let text = failure.to_string();
                let expected = format!(
                    "this is the id of {}, not of a WhatsApp Business Account; list the WABA id",
                    kind.described()
                );
                assert!(text.starts_with(&expected), "{text}");
            }
        }
        assert_eq!(
            meta.requests().len(),
            9,
            "one call each, nothing is tried again"
        );
        assert_eq!(reader.failures("account", "wrong_node_type"), 3.0);
        let counted = reader.counted();
        for endpoint in ["account", "phone_numbers", "message_templates"] {
            assert_eq!(counted.count(DROPS, &[("endpoint", endpoint)]), 0.0);
        }
        assert_eq!(counted.how_many(DROPPED, &[]), 0);

        let account = reader.account().await.expect("the good one is read");
        assert_eq!(account.webhook_subscribed, Some(true));
        assert!(account.health.is_some(), "with its health");
        let numbers = reader.numbers().await;
        assert_eq!(numbers.listing.objects[0].status, Some(Status::Connected));
        let (templates, totals) = reader.templates().await;
        assert!(templates.listing.complete && totals.limit.is_some());
        assert_eq!(meta.requests().len(), 12, "with one call for each");
    }
}

#[tokio::test]
async fn a_deprecated_field_is_dropped_even_with_one_account() {
    let meta = Meta::new(small_world()).await;
    let field = String::from("throughput");
    meta.fault(None, None, Fault::FieldDeprecated { field });
    let reader = Reader::for_meta(&meta);
    for _ in 0..2 {
        let listed = reader.numbers().await;
        assert!(listed.listing.complete, "{:?}", listed.failure);
        assert_eq!(listed.listing.objects[0].status, Some(Status::Connected));
    }
    assert_eq!(
        requested(&meta, Endpoint::PhoneNumbers, WABA, "throughput"),
        [true, false, false]
    );
    assert_eq!(
        shown(&reader, "phone_numbers", "throughput", WABA),
        Some(1.0)
    );
    reader.forget(WABA);
    assert_eq!(shown(&reader, "phone_numbers", "throughput", WABA), None);
}

#[tokio::test]
async fn a_field_that_two_accounts_lack_is_requested_for_the_third() {
    let mut world = with_accounts(2);
    for id in ["1", "2"] {
        let account = world.accounts.get_mut(id).expect("it is there");
        account
            .retired_fields
            .insert("business_verification_status".into());
    }
    let meta = Meta::new(world).await;
    let reader = Reader::for_meta(&meta);
    for id in ["1", "2", WABA, WABA] {
        reader.account_of(id).await.expect("it can be read");
    }
    let asked = |id| requested(&meta, Endpoint::Account, id, "business_verification_status");
    assert_eq!(asked("1"), [true, false]);
    assert_eq!(asked("2"), [true, false]);
    assert_eq!(asked(WABA), [true, true]);
    let of = |id| shown(&reader, "account", "business_verification_status", id);
    assert_eq!(
        (of("1"), of("2"), of(WABA), of("")),
        (Some(1.0), Some(1.0), None, None)
    );
}

#[tokio::test]
async fn a_field_that_three_accounts_lack_is_not_requested_for_the_fourth() {
    let meta = Meta::new(with_accounts(4)).await;
    meta.let_happen(WorldChange::FieldRetired {
        field: "currency".into(),
    });
    let reader = Reader::for_meta(&meta);
    for id in ["1", "2", "3", "4", WABA] {
        reader.account_of(id).await.expect("it can be read");
    }
    let asked = |id| requested(&meta, Endpoint::Account, id, "currency");
    assert_eq!(asked("3"), [true, false]);
    assert_eq!(asked("4"), [false]);
    assert_eq!(asked(WABA), [false]);
    let counted = reader.counted();
    assert_eq!(counted.count(DROPS, &[("endpoint", "account")]), 3.0);
    assert_eq!(counted.how_many(DROPPED, &[]), 1);
    assert_eq!(shown(&reader, "account", "currency", ""), Some(1.0));
}

#[tokio::test]
async fn wrong_ids_never_add_up_to_a_retired_field() {
    let mut world = with_accounts(1);
    for id in ["21", "22", "23", "24"] {
        let business = whatsapp_business_exporter::simulator::world::Business::new(id, "Group");
        world.businesses.insert(id.to_owned(), business);
    }
    let meta = Meta::new(world).await;
    let reader = Reader::for_meta(&meta);
    for id in ["21", "22", "23", "24"] {
        reader.account_of(id).await.expect_err("it is no account");
    }
    reader.account_of("1").await.expect("it can be read");
    assert_eq!(requested(&meta, Endpoint::Account, "1", "currency"), [true]);
}

#[tokio::test]
async fn an_edge_rejected_for_one_account_is_requested_for_all_others() {
    let meta = Meta::new(with_accounts(4)).await;
    let reader = Reader::for_meta(&meta);
    let refusal = graph_error(403, 200, "(#200) made up");
    for id in ["1", "2", "3"] {
        meta.fault(Some(Endpoint::Account), Some(1), refusal.clone());
        let account = reader.account_of(id).await.expect("it can be read");
        assert_eq!(account.webhook_subscribed, Some(true), "by its own call");
    }
    reader.account_of("4").await.expect("it can be read");
    let asked = |id| requested(&meta, Endpoint::Account, id, "subscribed_apps");
    assert_eq!((asked("1"), asked("4")), (vec![true, false], vec![true]));
}

#[tokio::test]
async fn a_summary_rejected_for_one_account_is_requested_for_another() {
    let meta = Meta::new(with_accounts(1)).await;
    let refusal = graph_error(400, 100, "(#100) Param summary is not supported");
    meta.fault(Some(Endpoint::MessageTemplates), Some(1), refusal);
    let reader = Reader::for_meta(&meta);
    let (_, totals) = reader.templates_of("1").await;
    assert_eq!(totals.limit, None);
    let (_, totals) = reader.templates().await;
    assert!(totals.limit.is_some());
    assert_eq!(
        shown(&reader, "message_templates", "summary", "1"),
        Some(1.0)
    );
}
