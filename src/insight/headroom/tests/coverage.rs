//! The share of the numbers whose webhooks arrive.

use super::*;

#[test]
fn coverage_is_the_share_of_numbers_whose_webhooks_arrive() {
    let coverage = |change: &dyn Fn(&mut World)| {
        let mut world = watched();
        change(&mut world);
        world.used().coverage
    };
    let third = |numbers: f64| Some(numbers / 3.0);
    assert_eq!(coverage(&|_| {}), third(3.0));
    // The second account is not subscribed.
    assert_eq!(
        coverage(&|world| world.account(2, 1, Some(false))),
        third(2.0)
    );
    // A number whose messages are moved elsewhere, or back to this exporter by an override.
    let moved = |url: &'static str| {
        move |world: &mut World| world.numbers(1, 1, &[(1, 1_000, Some(url)), (2, 1_000, None)])
    };
    assert_eq!(coverage(&moved("https://other.example/hook")), third(2.0));
    assert_eq!(coverage(&moved(OURS)), third(3.0));
    // Messages show that webhooks arrive, until they are a day old.
    let silent = |hours| {
        move |world: &mut World| {
            world.account(2, 1, Some(false));
            world.delivered(2, 3, &[101], hours);
        }
    };
    assert_eq!(coverage(&silent(23)), third(3.0));
    assert_eq!(coverage(&silent(24)), third(2.0));
    // An override for a whole account.
    let over = CallbackOverride(CallbackUrl::new("https://other.example/hook"));
    let snapshot = account::Snapshot {
        business_id: Some(business()),
        callback_override: Some(over),
        ..account::Snapshot::default()
    };
    let over = |world: &mut World| world.polled(1, 1, Fact::AccountRead(snapshot.clone()));
    assert_eq!(coverage(&over), third(1.0));
}

#[test]
fn an_app_without_the_field_messages_covers_nothing_and_so_counts_nothing() {
    let world = watched();
    for access in [subscribed_to("account_update"), AccessStates::new()] {
        let used = world.used_with(&access);
        assert_eq!((used.coverage, used.recipients), (Some(0.0), None));
        assert_eq!(used.left(), None);
    }
}

#[test]
fn a_fresh_installation_covers_the_time_since_its_start() {
    let mut world = World::new();
    world.account(1, 6, Some(true));
    world.numbers(1, 6, &[(1, 1_000, None)]);
    world.delivered(1, 1, &[101], 5);
    let used = world.used();
    assert_eq!((used.coverage, used.recipients), (Some(0.25), Some(1)));
    // A number that two accounts list is one number.
    world.account(2, 6, Some(true));
    world.numbers(2, 6, &[(1, 1_000, None)]);
    assert_eq!(world.used().coverage, Some(0.25));
}

#[test]
fn without_known_numbers_or_with_messages_unread_nothing_is_known() {
    let mut world = World::new();
    world.account(1, 48, Some(true));
    world.delivered(1, 1, &[101], 5);
    let used = world.used();
    assert_eq!((used.coverage, used.recipients), (None, None));
    let mut world = watched();
    world.delivered(1, 1, &[101], 5);
    world.state.track(Arc::default());
    world.account(1, 1, Some(true));
    world.account(2, 1, Some(true));
    let used = world.used();
    assert_eq!((used.coverage, used.recipients), (None, None));
    assert_eq!(used.limit, Some(MessagingLimit::Customers(1_000)));
}
