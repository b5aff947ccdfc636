//! A new configuration under a running exporter, and a bad one that changes nothing.

use whatsapp_business_exporter::simulator::world::Account;

use super::meta::{Exporter, OFTEN, SELDOM, WABA, config_file, small_world};

const SECOND: &str = "800100200300777";
const SUCCESSFUL: &str = "whatsapp_exporter_config_last_reload_successful";

fn watched(text: &str, waba_id: &str) -> bool {
    text.contains(&format!(
        r#"whatsapp_business_account_info{{waba_id="{waba_id}""#
    ))
}

#[tokio::test]
async fn accounts_come_and_go_and_what_stays_is_kept() {
    let world = small_world().with_account(Account::new(SECOND, "Bakery"));
    let exporter = Exporter::configured(world, &config_file(SELDOM, &[WABA])).await;
    exporter.until_polled(WABA, "numbers").await;
    exporter.file.write(&config_file(SELDOM, &[WABA, SECOND]));
    assert_eq!(exporter.reload().await.0, 200);
    exporter.until_polled(SECOND, "account").await;
    assert!(
        exporter
            .get("/metrics")
            .await
            .contains("whatsapp_phone_number_info{")
    );

    exporter.file.write(&config_file(OFTEN, &[SECOND]));
    assert_eq!(exporter.reload().await.0, 200);
    let text = exporter.get("/metrics").await;
    assert!(
        watched(&text, SECOND) && !text.contains(WABA),
        "the first account has left"
    );
}

#[tokio::test]
async fn a_bad_file_keeps_the_old_configuration_and_says_so() {
    let exporter = Exporter::watching(small_world(), SELDOM).await;
    assert_eq!(exporter.value(SUCCESSFUL).await, Some(1.0));
    exporter
        .file
        .write("poll:\n  numbers_intervall: 5m\n  account_interval: soon\n");
    let (status, errors) = exporter.reload().await;
    assert_eq!(status, 500);
    assert!(
        errors.contains("poll.numbers_intervall") && errors.contains("poll.account_interval"),
        "{errors}"
    );
    assert_eq!(exporter.value(SUCCESSFUL).await, Some(0.0));
    assert!(watched(&exporter.get("/metrics").await, WABA));

    exporter.file.write(&config_file(SELDOM, &[WABA]));
    assert_eq!(exporter.reload().await.0, 200);
    assert_eq!(exporter.value(SUCCESSFUL).await, Some(1.0));
}
