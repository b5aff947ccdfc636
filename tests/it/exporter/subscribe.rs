//! `subscribe` with many accounts.

use whatsapp_business_exporter::app::subscription::{Plan, SubscriptionPlan};
use whatsapp_business_exporter::simulator::world::{Account, World};

use super::meta::{Exporter, SELDOM, config_file};

const SUBSCRIBE: SubscriptionPlan = SubscriptionPlan::Subscribe {
    move_callback: false,
};

#[tokio::test]
async fn every_account_of_a_large_app_is_subscribed() {
    let ids: Vec<String> = (0..150)
        .map(|number| format!("80010020030{number:04}"))
        .collect();
    let world = ids.iter().fold(World::empty(), |world, id| {
        world.with_account(Account::new(id, "One of many"))
    });
    let listed: Vec<&str> = ids.iter().map(String::as_str).collect();
    let exporter = Exporter::configured(world, &config_file(SELDOM, &listed)).await;
    let config = exporter.config();
    let plans = Plan::all(&config, SUBSCRIBE)
        .await
        .expect("it can be asked");
    plans[0].apply().await.expect("every step is taken");
    let plans = Plan::all(&config, SUBSCRIBE)
        .await
        .expect("it can be asked");
    assert!(plans[0].is_empty(), "{}", plans[0]);
    let subscribed = exporter.meta.look(|world| {
        let accounts = world.accounts.values();
        accounts
            .filter(|account| !account.subscribed_app_ids.is_empty())
            .count()
    });
    assert_eq!(subscribed, ids.len());
}
