//! The messages of one day, drawn by chance.

use fastrand::Rng;
use whatsapp_business_exporter::simulator::World;
use whatsapp_business_exporter::simulator::world::{MessageBatch, MessageStage};

use super::{DAY, NUMBERS, TEMPLATES, number_id, template_id};

/// A day's messages of each template: sent in the morning, and read, clicked and replied to for ten days.
pub(super) fn draw_day(dice: &mut Rng, world: &mut World, day: i64) {
    for which in 0..TEMPLATES {
        if dice.u8(..10) < 4 {
            continue;
        }
        let category = ["marketing", "utility"][dice.usize(..2)];
        let pricing_type = ["regular", "free_customer_service"][usize::from(dice.u8(..4) == 0)];
        let batch = MessageBatch {
            template_id: Some(template_id(which)),
            phone_number_id: number_id(dice.usize(..NUMBERS)),
            category: category.to_owned(),
            pricing_type: pricing_type.to_owned(),
            sent_at: day + dice.i64(8 * 3_600..12 * 3_600),
            count: dice.u64(1..400),
        };
        let mut count = |count: u64, stage, at| {
            let part = MessageBatch {
                count,
                ..batch.clone()
            };
            world.messages.count(&part, stage, at);
        };
        let price = if pricing_type == "regular" {
            dice.u64(1_000..90_000)
        } else {
            0
        };
        let delivered = dice.u64(0..=batch.count);
        count(batch.count, MessageStage::Sent, batch.sent_at);
        count(
            delivered,
            MessageStage::Delivered { price },
            batch.sent_at + 5,
        );
        for days in 0..10 {
            let at = batch.sent_at + days * DAY + dice.i64(0..1_800);
            count(dice.u64(0..=delivered / 10), MessageStage::Read, at);
            count(dice.u64(0..=delivered / 20), MessageStage::Clicked, at);
            count(dice.u64(0..=delivered / 30), MessageStage::Replied, at);
        }
    }
    // Messages without a template are in the figures of numbers alone.
    let service = MessageBatch {
        template_id: None,
        phone_number_id: number_id(0),
        category: "service".to_owned(),
        pricing_type: "free_customer_service".to_owned(),
        sent_at: day + 60,
        count: dice.u64(1..50),
    };
    let free = MessageStage::Delivered { price: 0 };
    world.messages.count(&service, free, day + 60);
}
