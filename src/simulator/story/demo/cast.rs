//! The cast of the demo's story: ids of accounts and numbers, and the templates that the seed selects.

use fastrand::Rng;

use crate::simulator::world::{Template, World};

pub(super) const GARDEN: &str = "800100200300401";
pub(super) const BAKERY: &str = "800100200300402";
pub(super) const CAFE: &str = "800100200300403";
pub(super) const GARDEN_SERVICE: &str = "900100200300401";
pub(super) const GARDEN_ORDERS: &str = "900100200300402";
pub(super) const GARDEN_ADVICE: &str = "900100200300403";
pub(super) const BAKERY_SHOP: &str = "900100200300411";
pub(super) const BAKERY_CATERING: &str = "900100200300412";
pub(in crate::simulator) const CAFE_TABLES: &str = "900100200300421";
pub(super) const CAFE_EVENTS: &str = "900100200300422";
/// A number that the bakery adds temporarily.
pub(super) const BAKERY_MARKET: &str = "900100200300413";
/// A template that is submitted, rejected, appealed and deleted. Its id is above those of all templates at the start.
pub(super) const NEW_TEMPLATE: &str = "70010020030099999";

/// The roles of the templates, shuffled by the seed.
pub(super) struct Cast {
    /// Paused once and twice, then disabled.
    pub(super) sinking: Template,
    /// Gets another category.
    pub(super) recategorised: Template,
    /// Will be disabled on a date.
    pub(super) doomed: Template,
    /// Paused without a webhook.
    pub(super) silent: Template,
    /// Of the bakery: disabled on a date that is given in prose.
    pub(super) bakery: Template,
    /// Of the café: its quality falls.
    pub(super) cafe: Template,
    /// Of the café: archived, locked and restored.
    pub(super) cafe_archive: Template,
}

pub(super) fn cast(world: &World, seed: u64) -> Cast {
    let mut dice = Rng::with_seed(seed);
    let mut draw = |waba_id: &str| {
        let mut templates: Vec<Template> = world
            .templates
            .values()
            .filter(|template| template.waba_id == waba_id && template.category != "AUTHENTICATION")
            .cloned()
            .collect();
        dice.shuffle(&mut templates);
        templates.into_iter()
    };
    let (mut garden, mut bakery, mut cafe) = (draw(GARDEN), draw(BAKERY), draw(CAFE));
    let next = |from: &mut dyn Iterator<Item = Template>| {
        from.next()
            .expect("the demo's accounts have templates enough")
    };
    Cast {
        sinking: next(&mut garden),
        recategorised: next(&mut garden),
        doomed: next(&mut garden),
        silent: next(&mut garden),
        bakery: next(&mut bakery),
        cafe: next(&mut cafe),
        cafe_archive: next(&mut cafe),
    }
}
