//! The library as a client of the simulated Graph API.

use serde_json::{Map, Value, json};
use whatsapp_business_exporter::simulator::World;

use super::script;
use crate::support::meta::Meta;

/// The contents of the world, in the form that the script prints.
fn contents(world: &World) -> Value {
    let accounts = world.accounts.values().map(|account| {
        let numbers: Map<String, Value> = account
            .phone_number_ids
            .iter()
            .map(|id| {
                (
                    id.clone(),
                    json!(world.phone_numbers[id].display_phone_number),
                )
            })
            .collect();
        let templates: Map<String, Value> = account
            .template_ids
            .iter()
            .map(|id| {
                let template = &world.templates[id];
                (
                    id.clone(),
                    json!(format!("{} {}", template.name, template.language)),
                )
            })
            .collect();
        let content = json!({"name": account.name, "numbers": numbers, "templates": templates});
        (account.id.clone(), content)
    });
    Value::Object(accounts.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_library_lists_accounts_numbers_and_templates() {
    // More numbers than one page has.
    let world = World::demo(1).with_many_phone_numbers("800100200300401", 60);
    let expected = contents(&world);
    let meta = Meta::new(world).await;
    let (token, portfolios) = meta.look(|world| {
        let portfolios: Vec<String> = world.businesses.keys().cloned().collect();
        (world.app.token.text.clone(), portfolios)
    });
    let mut reader = script("graph.py");
    reader.arg(meta.graph_url()).arg(token).args(portfolios);
    let output = tokio::task::spawn_blocking(move || reader.output()).await;
    let output = output.expect("no panic").expect("Python starts");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let read: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(read, expected);
}
