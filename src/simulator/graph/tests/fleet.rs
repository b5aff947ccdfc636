//! A fleet over HTTP: derived templates are listed, read and changed like stored ones.

use super::{RunningSimulator, ids};
use crate::simulator::World;
use crate::simulator::world::{FleetSize, HOME_BUSINESS_ID};

async fn fleet() -> RunningSimulator {
    let size = FleetSize {
        accounts: 120,
        numbers: 2,
        templates: 130,
    };
    RunningSimulator::new(World::fleet(size)).await
}

#[tokio::test]
async fn every_account_is_discovered_and_lists_its_own_objects() {
    let meta = fleet().await;
    let edge =
        format!("{HOME_BUSINESS_ID}/owned_whatsapp_business_accounts?fields=id,name&limit=100");
    let first = meta.json(&edge).await;
    let after = first["paging"]["cursors"]["after"]
        .as_str()
        .expect("a cursor");
    let second = meta.json(&format!("{edge}&after={after}")).await;
    assert_eq!((ids(&first).len(), ids(&second).len()), (100, 20));
    let last = ids(&second).pop().expect("an account");

    let numbers = meta.json(&format!("{last}/phone_numbers")).await;
    assert_eq!(ids(&numbers).len(), 2);
    let edge = format!("{last}/message_templates?fields=id,name&limit=100&summary=total_count");
    let templates = meta.json(&edge).await;
    assert_eq!(templates["summary"]["total_count"], 130);
    let after = templates["paging"]["cursors"]["after"]
        .as_str()
        .expect("a cursor");
    let rest = meta.json(&format!("{edge}&after={after}")).await;
    assert_eq!((ids(&templates).len(), ids(&rest).len()), (100, 30));
    assert!(rest["paging"].get("next").is_none());
}

#[tokio::test]
async fn a_derived_template_is_read_filtered_and_changed() {
    let meta = fleet().await;
    let account = meta
        .handle
        .look(|world| world.accounts.keys().nth(7).cloned());
    let account = account.expect("an account");
    let paused = format!("{account}/message_templates?fields=id&status=PAUSED&limit=100");
    let before = ids(&meta.json(&paused).await);
    let approved = format!("{account}/message_templates?fields=id&status=APPROVED&limit=1");
    let id = ids(&meta.json(&approved).await).pop().expect("a template");

    let change =
        serde_json::json!({"change": "template_paused", "template_id": id, "pause": "first"});
    let change = serde_json::from_value(change).expect("a change");
    meta.handle.change(change).expect("the template exists");
    assert_eq!(
        meta.json(&format!("{id}?fields=status")).await["status"],
        "PAUSED"
    );
    assert_eq!(ids(&meta.json(&paused).await).len(), before.len() + 1);
    let all = format!("{account}/message_templates?fields=id&summary=total_count");
    assert_eq!(meta.json(&all).await["summary"]["total_count"], 130);
}
