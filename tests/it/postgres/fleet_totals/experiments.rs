//! Totals of experiments over the accounts of all replicas.

use std::sync::Arc;

use whatsapp_business_exporter::domain::experiment::{
    Experiment, ExperimentArm, ExperimentMetric, ExperimentSplit, Experiments, Share,
};
use whatsapp_business_exporter::domain::journey::{Journey, JourneyId, Journeys, Step};
use whatsapp_business_exporter::domain::mark::{JourneyMark, Mark};
use whatsapp_business_exporter::domain::message::{Category, Status, Update, WebhookUpdate};
use whatsapp_business_exporter::domain::track::Trackers;
use whatsapp_business_exporter::domain::{
    ConversationKey, CustomerIds, Event, Fact, PhoneNumberId, WabaId,
};
use whatsapp_business_exporter::insight::experiments::reports;
use whatsapp_business_exporter::state::Accounts;

use super::{Fleet, key_of, until};
use crate::postgres::replicas::accounts;
use crate::support::{at, by_webhook};

fn booking() -> JourneyId {
    JourneyId {
        journey: "booking".to_owned(),
        version: "1".to_owned(),
    }
}

/// An experiment of this name.
fn experiment(name: &str) -> Experiments {
    let percent = |share: u32| Share::from_millionths(share * 10_000).expect("a share");
    let arm = |variant: &str| ExperimentArm {
        name: variant.to_owned(),
        journey: booking(),
        variant: Some(variant.to_owned()),
    };
    Experiments(vec![Experiment {
        name: name.to_owned(),
        arms: vec![arm("long"), arm("short")],
        metric: ExperimentMetric::Completion,
        smallest_effect: percent(5),
        significance: percent(5),
        power: percent(80),
        expected_rate: percent(50),
        split: ExperimentSplit::Planned(vec![percent(50); 2]),
    }])
}

/// A session of one customer of each account, which began long ago.
fn sessions() -> Vec<Event> {
    let of_account = |(place, waba_id): (usize, WabaId)| {
        let mark = JourneyMark {
            id: booking(),
            step: Some("date".to_owned()),
            variant: Some("short".to_owned()),
            is_goal: false,
            message: None,
        };
        let fact = Fact::Message(WebhookUpdate {
            phone_number_id: PhoneNumberId::parse("900100200300400").expect("digits"),
            received_at: at(0),
            recipient: None,
            update: Update::Status {
                to: CustomerIds::new(Some(ConversationKey(place as u128)), []),
                status: Status::Sent,
                category: Category::Marketing,
                errors: Vec::new(),
                mark: Some(Mark {
                    journey: Some(mark),
                    ..Mark::default()
                }),
            },
        });
        Event {
            waba_id,
            ..by_webhook(3_000 + place as u128, 0, fact)
        }
    };
    accounts().into_iter().enumerate().map(of_account).collect()
}

/// The users of each arm in these accounts.
fn users(accounts: &Accounts, declared: &Experiments) -> Vec<u64> {
    let reports = reports(declared, accounts, |_| true);
    let arms = reports.iter().flat_map(|report| &report.arms);
    arms.map(|arm| arm.sums.counts.users).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn users_of_an_experiment_are_summed_over_the_accounts_of_all_replicas() {
    let fleet = Fleet::start().await;
    let name = key_of(&fleet.one, "wording-");
    let declared = experiment(&name);
    let trackers = Arc::new(Trackers {
        experiments: declared.clone(),
        journeys: Journeys(vec![Journey {
            id: booking(),
            steps: vec![Step::open("date")],
            goals: Vec::new(),
            variants: vec!["long".to_owned(), "short".to_owned()],
            idle_timeout: std::time::Duration::from_secs(60),
            loop_threshold: 3,
        }]),
        ..Trackers::default()
    });
    for store in [&fleet.one, &fleet.other] {
        let tracked = store.track(Arc::clone(&trackers)).await;
        tracked.expect("it is open");
    }
    let committed = fleet.one.commit(sessions()).await;
    committed.expect("a sound store");
    let all = accounts().len() as u64;
    until("every session has ended", || {
        let stores = [&fleet.one, &fleet.other].into_iter();
        let counted = stores.map(|store| users(&store.snapshot(), &declared)[1]);
        counted.sum::<u64>() == all
    })
    .await;
    assert!(users(&fleet.one.snapshot(), &declared)[1] < all);
    let names = std::slice::from_ref(&name);
    fleet.one.read_campaigns(names).await.expect("readable");
    let (read, permit) = fleet.one.campaign_accounts().expect("it exports it");
    assert!(fleet.one.permits_key(&permit, &name));
    assert_eq!(users(&read, &declared), [0, all]);
    fleet.other.read_campaigns(names).await.expect("readable");
    assert!(fleet.other.campaign_accounts().is_none());
    fleet.stop().await;
}
