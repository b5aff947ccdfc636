//! How the customers' webhooks travel: several in one POST, some late, some repeated.

use fastrand::Rng;

use crate::simulator::change::Webhook;
use crate::simulator::webhooks::Travel;

/// Percentage of POSTs that are late, and of POSTs that are repeated.
const LATE: u32 = 10;
const REPEATED: u32 = 6;
/// The longest delay in seconds.
const LONGEST_DELAY: u32 = 40;

/// Webhooks of one POST.
#[derive(Debug)]
pub(super) struct CustomerPost {
    pub(super) webhooks: Vec<Webhook>,
    pub(super) travel: Travel,
}

/// Puts webhooks into POSTs of different sizes.
pub(super) fn grouped(dice: &mut Rng, webhooks: Vec<Webhook>, most: usize) -> Vec<CustomerPost> {
    let mut posts = Vec::new();
    let mut rest = webhooks.into_iter().peekable();
    while rest.peek().is_some() {
        let size = dice.usize(1..=most);
        let travel = match dice.u32(..100) {
            roll if roll < LATE => Travel::Late {
                seconds: dice.u32(1..=LONGEST_DELAY),
            },
            roll if roll < LATE + REPEATED => Travel::Repeated,
            _ => Travel::Sent,
        };
        let webhooks = rest.by_ref().take(size).collect();
        posts.push(CustomerPost { webhooks, travel });
    }
    posts
}
