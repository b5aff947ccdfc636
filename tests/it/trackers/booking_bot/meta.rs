//! The simulated Meta with its customers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use whatsapp_business_exporter::simulator::clock::{Clock, SystemClock};
use whatsapp_business_exporter::simulator::world::{Account, PhoneNumber};
use whatsapp_business_exporter::simulator::{Endpoint, Retries, SimulationOptions, World};

use crate::support::meta::Meta as RunningMeta;

/// Seconds of the customers in one real second.
const SPEED: f64 = 10.0;

/// The real clock, which can be put forward.
#[derive(Debug, Default)]
struct MovingClock {
    ahead: AtomicI64,
}

impl Clock for MovingClock {
    fn now(&self) -> i64 {
        SystemClock.now() + self.ahead.load(Ordering::Relaxed)
    }

    /// The program is another process, which takes its time from Meta.
    fn date(&self) -> i64 {
        self.now()
    }
}

/// The simulated Meta with its clock.
pub(super) struct Meta {
    pub(super) handle: RunningMeta,
    clock: Arc<MovingClock>,
    pub(super) accounts: Vec<String>,
    pub(super) numbers: Vec<String>,
}

impl Meta {
    pub(super) async fn new(accounts: usize, seed: u64) -> Self {
        let ids = |first: u64| -> Vec<String> {
            let ids = (first..).take(accounts);
            ids.map(|id| id.to_string()).collect()
        };
        let (wabas, numbers) = (ids(800_100_200_300_400), ids(900_100_200_300_400));
        let mut world = World::empty();
        for (place, (waba, number)) in wabas.iter().zip(&numbers).enumerate() {
            let digits = format!("+1 555-010-01{place:02}");
            world = world
                .with_account(Account::new(waba, "Fern & Moss"))
                .with_phone_number(waba, PhoneNumber::new(number, &digits, "Fern & Moss"));
        }
        let clock = Arc::new(MovingClock::default());
        let options = SimulationOptions {
            world: Some(world),
            seed,
            speed: SPEED,
            retries: Retries {
                first_delay: Duration::from_secs(2),
                max_attempts: 12,
            },
            clock: clock.clone(),
            ..SimulationOptions::default()
        };
        Self {
            handle: RunningMeta::with(options).await,
            clock,
            accounts: wabas,
            numbers,
        }
    }

    /// Sets the clock of Meta so many seconds ahead of the real one.
    pub(super) fn set_ahead(&self, seconds: i64) {
        self.clock.ahead.store(seconds, Ordering::Relaxed);
    }

    pub(super) fn sends(&self) -> u64 {
        self.handle.request_count(Endpoint::Messages)
    }

    pub(super) async fn is_settled(&self) -> bool {
        let settled = tokio::time::timeout(Duration::from_millis(1), self.handle.settled());
        settled.await.is_ok()
    }
}
