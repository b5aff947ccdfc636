//! The campaigns of the demo's past: every template is sent once a day. In the days before the ratings fall, one
//! template goes to many customers who do not want it: few read it, and many stop marketing messages.

use fastrand::Rng;
use serde_json::{Value, json};

use super::cast::{self, GARDEN_SERVICE};
use crate::simulator::change::{Webhook, WorldChange, conversation_webhook};
use crate::simulator::world::{MessageBatch, MessageStage, Template, World};

/// Usual number of messages of a template's campaign, and of one to the wrong customers.
const USUAL: u64 = 400;
const EXCESSIVE: u64 = 2_600;

/// Usual share of read messages in percent, and that of a campaign to the wrong customers.
const READ_PERCENT: u64 = 70;
const SELDOM_READ_PERCENT: u64 = 28;

/// Usual number of customers who stop marketing messages, and after a campaign to the wrong customers.
const OPT_OUTS: u32 = 1;
const MANY_OPT_OUTS: u32 = 14;

/// Number of customers who receive the last campaign, and of their statuses in one webhook.
const DELIVERIES: u32 = 2_600;
const STATUSES_PER_WEBHOOK: usize = 100;

/// Prices in millionths of the currency's unit.
const MARKETING_PRICE: u64 = 113_000;
const OTHER_PRICE: u64 = 45_600;

/// Sends the campaigns of one day. Returns the webhooks of customers who stop marketing messages.
pub(crate) fn send_campaigns(
    world: &mut World,
    seed: u64,
    is_excessive: bool,
    now: i64,
) -> Vec<Webhook> {
    let sinking = cast::cast(&World::demo(seed), seed).sinking.id;
    let mut dice = Rng::with_seed(seed ^ now.unsigned_abs());
    let approved = world.templates.values();
    let approved = approved.filter(|template| template.status == "APPROVED");
    let approved: Vec<Template> = approved.cloned().collect();
    for template in &approved {
        let to_the_wrong = is_excessive && template.id == sinking;
        send_one(world, template, to_the_wrong, &mut dice, now);
    }
    let opt_outs = if is_excessive {
        MANY_OPT_OUTS
    } else {
        OPT_OUTS
    };
    let stopped = (0..opt_outs).map(|_| dice.u32(..10_000));
    let stopped = stopped.map(|customer| WorldChange::MarketingPreferenceChanged {
        phone_number_id: GARDEN_SERVICE.into(),
        wa_id: Some(format!("1555010{customer:04}")),
        user_id: Some(format!("US.1400000000000000{customer:04}")),
        value: "stop".into(),
    });
    let stopped: Vec<WorldChange> = stopped.collect();
    let sent = stopped.iter().map(|change| world.apply(change, now));
    sent.flat_map(Result::unwrap_or_default).collect()
}

/// The deliveries of one campaign, many in each webhook.
pub(crate) fn deliveries(world: &World, now: i64) -> Vec<Webhook> {
    let Some(number) = world.phone_numbers.get(GARDEN_SERVICE) else {
        return Vec::new();
    };
    let customers: Vec<u32> = (0..DELIVERIES).collect();
    let statuses = |customers: &[u32]| -> Vec<Value> {
        let status = |customer: &u32| {
            json!({
                "id": format!("wamid.CAMPAIGN{now}X{customer}"), "status": "delivered", "timestamp": now.to_string(),
                "recipient_id": format!("1555010{customer:04}"),
                "recipient_user_id": format!("US.1400000000000000{customer:04}"),
                "pricing": {"billable": true, "pricing_model": "PMP", "type": "regular", "category": "marketing"},
            })
        };
        customers.iter().map(status).collect()
    };
    let batches = customers.chunks(STATUSES_PER_WEBHOOK);
    let webhooks = batches.map(|batch| {
        let content = json!({ "statuses": statuses(batch) });
        conversation_webhook(number, "messages", content)
    });
    webhooks.collect()
}

fn send_one(world: &mut World, template: &Template, to_the_wrong: bool, dice: &mut Rng, now: i64) {
    let account = world.accounts.get(&template.waba_id);
    let Some(sender) = account.and_then(|account| account.phone_number_ids.first()) else {
        return;
    };
    let (usual, read_percent) = if to_the_wrong {
        (EXCESSIVE, SELDOM_READ_PERCENT)
    } else {
        (USUAL, READ_PERCENT)
    };
    let batch = |count| MessageBatch {
        template_id: Some(template.id.clone()),
        phone_number_id: sender.clone(),
        category: template.category.to_lowercase(),
        pricing_type: "regular".into(),
        sent_at: now,
        count,
    };
    let sent = usual + dice.u64(..usual / 5);
    let delivered = sent * 97 / 100;
    let read = delivered * (read_percent + dice.u64(..5)) / 100;
    let price = if template.category == "MARKETING" {
        MARKETING_PRICE
    } else {
        OTHER_PRICE
    };
    let stages = [
        (sent, MessageStage::Sent),
        (delivered, MessageStage::Delivered { price }),
        (read, MessageStage::Read),
        (read / 9, MessageStage::Clicked),
        (read / 30, MessageStage::Replied),
    ];
    let batches = stages.map(|(count, stage)| (batch(count), stage));
    for (batch, stage) in &batches {
        world.messages.count(batch, *stage, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_campaign_to_the_wrong_customers_is_larger_and_read_less_than_the_others() {
        let now = 1_775_001_600;
        let mut world = World::demo(1);
        let sinking = cast::cast(&world, 1).sinking.id;
        let usual = send_campaigns(&mut world, 1, false, now);
        let excessive = send_campaigns(&mut world, 1, true, now + 86_400);
        assert_eq!((usual.len(), excessive.len()), (1, 14));
        let day = |world: &World, start: i64| {
            world
                .messages
                .template_counts(&sinking, (start, start + 86_400), None)
        };
        let (usual, excessive) = (day(&world, now), day(&world, now + 86_400));
        assert!(excessive.sent > 4 * usual.sent, "{usual:?} {excessive:?}");
        assert!(excessive.read * usual.delivered * 2 < usual.read * excessive.delivered);
    }
}
