//! Errors about one id, one app or one field do not affect anything else.

use whatsapp_business_exporter::simulator::change::WorldChange;
use whatsapp_business_exporter::simulator::graph::Endpoint;
use whatsapp_business_exporter::simulator::world::{APP_ID, Account, HOME_BUSINESS_ID};

use super::meta::{Exporter, NUMBER, OFTEN, SELDOM, WABA, config_file, small_world};

const COLLECTORS: [&str; 3] = ["numbers", "account", "templates"];

/// The value of `whatsapp_exporter_poll_up`, ignoring other labels.
fn is_up(text: &str, waba_id: &str, collector: &str) -> Option<bool> {
    let series = text.lines().find(|line| {
        line.starts_with("whatsapp_exporter_poll_up{")
            && line.contains(&format!("waba_id=\"{waba_id}\""))
            && line.contains(&format!("collector=\"{collector}\""))
    })?;
    Some(series.ends_with("} 1"))
}

#[tokio::test]
async fn wrong_ids_fail_without_affecting_the_good_account() {
    let wrong = [HOME_BUSINESS_ID, NUMBER, APP_ID];
    let listed = [wrong[0], wrong[1], wrong[2], WABA];
    let file = config_file(OFTEN, &listed);
    let exporter = Exporter::configured(small_world(), &file).await;
    for collector in COLLECTORS {
        for id in wrong {
            let what = format!("{collector} of {id} to be down");
            exporter
                .until_metrics(&what, |text| is_up(text, id, collector) == Some(false))
                .await;
        }
        exporter
            .until_metrics("the good account", |text| {
                is_up(text, WABA, collector) == Some(true)
            })
            .await;
    }
    // After polls of the wrong ids, the good account's health is still updated.
    let word = "LIMITED".to_owned();
    exporter.meta.edit(|world| {
        let account = world.accounts.get_mut(WABA).expect("it is there");
        account.health.can_send_message = word.clone();
    });
    exporter
        .until_metrics("the account's health", |text| {
            text.lines().any(|line| {
                line.starts_with("whatsapp_business_account_can_send_message{")
                    && line.contains("can_send_message=\"LIMITED\"")
                    && line.ends_with("} 1")
            })
        })
        .await;
    let text = exporter.get("/metrics").await;
    assert!(
        !text.contains("whatsapp_exporter_graph_field_dropped{"),
        "{text}"
    );
    for endpoint in ["account", "phone_numbers", "message_templates"] {
        let failures = format!(
            "whatsapp_exporter_graph_request_failures_total{{endpoint=\"{endpoint}\",reason=\"wrong_node_type\"}}"
        );
        assert!(exporter.value(&failures).await >= Some(3.0), "{endpoint}");
        let drops =
            format!("whatsapp_exporter_graph_fields_dropped_total{{endpoint=\"{endpoint}\"}}");
        assert_eq!(exporter.value(&drops).await, Some(0.0), "{endpoint}");
    }
}

#[tokio::test]
async fn a_dropped_field_is_shown_until_a_reload_or_until_its_account_is_no_longer_watched() {
    let other = "800100200300401";
    let mut world = small_world().with_account(Account::new(other, "Branch"));
    for id in [WABA, other] {
        let account = world.accounts.get_mut(id).expect("it is there");
        account.retired_fields.insert("currency".into());
    }
    let exporter = Exporter::configured(world, &config_file(OFTEN, &[WABA, other])).await;
    let dropped = |id: &str| {
        format!(
            "whatsapp_exporter_graph_field_dropped{{endpoint=\"account\",field=\"currency\",waba_id=\"{id}\"}}"
        )
    };
    exporter.until(dropped(WABA), 1.0).await;
    exporter.until(dropped(other), 1.0).await;
    exporter.file.write(&config_file(OFTEN, &[WABA]));
    assert_eq!(exporter.reload().await.0, 200);
    let gone = dropped(other);
    exporter
        .until_metrics("the account to be forgotten", |text| !text.contains(&gone))
        .await;
    // The new client requests it again, and drops it again.
    exporter.until(dropped(WABA), 1.0).await;
    exporter.meta.edit(|world| {
        let account = world.accounts.get_mut(WABA).expect("it is there");
        account.retired_fields.clear();
    });
    exporter.file.write(&config_file(SELDOM, &[WABA]));
    assert_eq!(exporter.reload().await.0, 200);
    let gone = dropped(WABA);
    exporter
        .until_metrics("the field to be asked for", |text| !text.contains(&gone))
        .await;
}

#[tokio::test]
async fn a_wrong_app_secret_pauses_the_app_but_the_token_stays_valid() {
    let file = format!(
        "webhook:\n  enabled: false\npoll:\n  access_interval: 1s\n  numbers_interval: 1h\n  \
         account_interval: 1h\n  templates_interval: 1h\napps:\n  - accounts: [{WABA}]\n"
    );
    let mut world = small_world();
    world.app.requires_appsecret_proof = false;
    let exporter = Exporter::configured(world, &file).await;
    exporter.until_polled(WABA, "account").await;
    // The secret was reset in the App Dashboard, so the configured one is wrong.
    exporter
        .meta
        .edit(|world| world.app.secret = "reset".into());
    // Shorter intervals poll at once.
    exporter.file.write(&file.replace("1h", "1s"));
    assert_eq!(exporter.reload().await.0, 200);
    for collector in COLLECTORS {
        exporter
            .until_metrics("the app to be held", |text| {
                is_up(text, WABA, collector) == Some(false)
            })
            .await;
    }
    let text = exporter.get("/metrics").await;
    let refused = text.lines().filter(|line| {
        line.starts_with("whatsapp_exporter_graph_request_failures_total{")
            && line.contains("reason=\"app_secret\"")
            && !line.ends_with("} 0")
    });
    assert!(refused.count() > 0, "{text}");
    let valid = text
        .lines()
        .find(|line| line.starts_with("whatsapp_access_token_valid{"));
    assert!(valid.is_some_and(|line| line.ends_with("} 1")), "{valid:?}");
}

#[tokio::test]
async fn an_app_rate_limit_pauses_its_other_accounts() {
    let (limited, held) = ("100", "200");
    let world = small_world()
        .with_account(Account::new(limited, "Limited"))
        .with_account(Account::new(held, "Held"));
    let file = format!(
        "poll:\n  access_interval: 1s\n  numbers_interval: 1s\n  account_interval: 1h\n  \
         templates_interval: 1h\napps:\n  - accounts: [{limited}, {held}]\n"
    );
    let exporter = Exporter::configured(world, &file).await;
    // Calls about the token continue, because they are not polls of an account.
    let until_asked_about_the_token = async |more: u64| {
        let asked = || exporter.meta.request_count(Endpoint::DebugToken);
        let before = asked();
        exporter
            .until_metrics("calls about the token", |_| asked() >= before + more)
            .await;
    };
    exporter
        .until_metrics("a poll", |text| is_up(text, held, "numbers") == Some(true))
        .await;
    exporter
        .meta
        .change(WorldChange::RateLimited {
            waba_id: limited.into(),
            code: 4,
            regain_minutes: 30,
        })
        .expect("it is there");
    exporter
        .until_metrics("the limit", |text| {
            is_up(text, limited, "numbers") == Some(false)
        })
        .await;
    // Waits for polls in flight.
    until_asked_about_the_token(2).await;
    let before = exporter.meta.request_count(Endpoint::PhoneNumbers);
    until_asked_about_the_token(4).await;
    let after = exporter.meta.request_count(Endpoint::PhoneNumbers);
    assert_eq!(after, before, "all accounts wait with the app");
    let text = exporter.get("/metrics").await;
    assert_eq!(
        is_up(&text, held, "numbers"),
        Some(true),
        "no poll of it failed"
    );
}
