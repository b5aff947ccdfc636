//! Limits on the number of objects in the state, for each account and in total. Objects that polls list take precedence
//! over those that only webhooks report.

use whatsapp_business_exporter::domain::mark::MessageContext;
use whatsapp_business_exporter::domain::message::{self, Kind};
use whatsapp_business_exporter::domain::number::{self, NameDecision};
use whatsapp_business_exporter::domain::template::{self, EventKind, Status};
use whatsapp_business_exporter::domain::{
    ConversationKey, DisplayDigits, Event, Fact, Listing, MessagingLimit, ObjectKind,
    PhoneNumberId, QualityRating, TemplateId, WabaId, ceiling,
};
use whatsapp_business_exporter::state::{Change, State};

use crate::support::{at, by_webhook, measured, polled, snapshot_of, waba};

/// A week and a day after the first of these moments.
const AFTER_A_WEEK: i64 = 8 * 86_400;

fn identity(id: usize) -> template::Identity {
    template::Identity {
        id: TemplateId::parse(&id.to_string()).expect("digits"),
        name: Some(format!("offer_{id}").into()),
        language: None,
    }
}

fn paused(id: usize) -> Fact {
    Fact::Template(template::WebhookUpdate {
        identity: identity(id),
        update: template::Update::Status {
            event: EventKind::Paused,
            reason: None,
            category: None,
            pause: None,
            disable_at: None,
        },
    })
}

fn listed(ids: impl Iterator<Item = usize>, complete: bool) -> Fact {
    let snapshot = |id| template::Snapshot {
        status: Some(Status::Approved),
        ..snapshot_of(identity(id))
    };
    let objects = ids.map(snapshot).collect();
    Fact::TemplatesListed(Listing { objects, complete }, template::Totals::default())
}

fn number_id(id: usize) -> PhoneNumberId {
    PhoneNumberId::parse(&id.to_string()).expect("digits")
}

fn numbers_listed(ids: impl Iterator<Item = usize>) -> Fact {
    let objects = ids.map(|id| number::Snapshot::new(number_id(id))).collect();
    Fact::NumbersListed(Listing {
        objects,
        complete: true,
    })
}

fn message_of(id: usize) -> Fact {
    Fact::Message(message::WebhookUpdate {
        phone_number_id: number_id(id),
        received_at: at(0),
        recipient: None,
        update: message::Update::Received {
            from: None,
            kind: Kind::Text,
            context: MessageContext::default(),
        },
    })
}

fn watching() -> State {
    let mut state = State::default();
    state.watch([waba()]);
    state
}

/// Applies webhooks with different keys, and returns which were rejected.
fn apply_webhooks(
    state: &mut State,
    seconds: i64,
    facts: impl Iterator<Item = (u128, Fact)>,
) -> Vec<Change> {
    let changes = facts.map(|(key, fact)| state.apply(&by_webhook(key, seconds, fact)));
    changes.filter(|change| change.refused).collect()
}

fn templates(state: &State) -> usize {
    state.accounts()[&waba()].templates().count()
}

#[test]
fn objects_of_webhooks_never_displace_listed_ones() {
    let mut state = watching();
    state.apply(&polled(0, listed(0..50, true)));
    let invented = (1_000..4_000).map(|id| (id as u128, paused(id)));
    let refused = apply_webhooks(&mut state, 10, invented);
    assert_eq!(refused.len(), 3_000 - ceiling::UNLISTED_TEMPLATES);
    assert!(
        refused
            .iter()
            .all(|change| change.kept_out[&ObjectKind::Template] == 1)
    );
    assert_eq!(templates(&state), 50 + ceiling::UNLISTED_TEMPLATES);
    // Update of what is listed counts as ever, and so does a listing of as many as Meta allows.
    let known = apply_webhooks(
        &mut state,
        20,
        (0..50).map(|id| (id as u128 + 9_000, paused(id))),
    );
    assert!(known.is_empty());
    let change = state.apply(&polled(30, listed(0..ceiling::TEMPLATES, true)));
    assert!(change.kept_out.is_empty());
    assert_eq!(templates(&state), ceiling::TEMPLATES);
}

#[test]
fn without_polls_webhooks_may_name_as_many_as_meta_allows() {
    let mut state = watching();
    let all = (0..ceiling::TEMPLATES + 10).map(|id| (id as u128, paused(id)));
    assert_eq!(apply_webhooks(&mut state, 10, all).len(), 10);
    let numbers = (0..ceiling::NUMBERS + 10).map(|id| (id as u128, message_of(id)));
    assert_eq!(apply_webhooks(&mut state, 10, numbers).len(), 10);
}

#[test]
fn endless_listings_have_a_limit_and_known_objects_stay() {
    let mut state = watching();
    state.apply(&polled(0, listed(0..50, true)));
    for round in 1..5 {
        let first = round * 100_000;
        let fact = listed(first..first + ceiling::TEMPLATES, false);
        state.apply(&polled(round as i64 * 10, fact));
    }
    let most = ceiling::TEMPLATES + 1_000;
    assert_eq!(templates(&state), most);
    let account = &state.accounts()[&waba()];
    let known = account.templates().filter(|one| one.id.as_str().len() < 3);
    assert_eq!(known.count(), 50);
}

#[test]
fn a_template_that_no_listing_has_is_forgotten_after_a_week() {
    let mut state = watching();
    state.apply(&polled(0, listed(0..50, true)));
    let invent = |state: &mut State, seconds, from: usize| {
        let invented = (from..from + 2_000).map(|id| (id as u128, paused(id)));
        2_000 - apply_webhooks(state, seconds, invented).len()
    };
    assert_eq!(invent(&mut state, 10, 10_000), ceiling::UNLISTED_TEMPLATES);
    state.apply(&polled(900, listed(0..50, true)));
    assert_eq!(templates(&state), 50, "no longer shown");
    assert_eq!(invent(&mut state, 1_000, 20_000), 0, "but still counted");
    state.apply(&polled(AFTER_A_WEEK, listed(0..50, true)));
    let taken = invent(&mut state, AFTER_A_WEEK + 10, 30_000);
    assert_eq!(taken, ceiling::UNLISTED_TEMPLATES);
}

#[test]
fn messages_of_invented_numbers_have_a_ceiling_and_those_of_listed_ones_count() {
    let mut state = watching();
    state.apply(&polled(0, numbers_listed(1..4)));
    let invented = (1_000..2_000).map(|id| (id as u128, message_of(id)));
    let refused = apply_webhooks(&mut state, 10, invented);
    assert_eq!(refused.len(), 1_000 - ceiling::UNLISTED_NUMBERS);
    assert!(
        refused
            .iter()
            .all(|change| change.kept_out[&ObjectKind::PhoneNumber] == 1)
    );
    let known = apply_webhooks(
        &mut state,
        20,
        (1..4).map(|id| (id as u128, message_of(id))),
    );
    assert!(known.is_empty());
}

#[test]
fn objects_of_webhooks_have_a_limit_over_all_accounts() {
    let waba = |which: usize| WabaId::parse(&format!("9{which:04}")).expect("digits");
    let mut state = State::default();
    state.watch((0..8).map(waba));
    let mut refused = [0; 8];
    for (account, refused) in refused.iter_mut().enumerate() {
        for id in 0..9_000 {
            let key = (account * 9_000 + id) as u128;
            let event = Event {
                waba_id: waba(account),
                ..by_webhook(key, 10, paused(id))
            };
            *refused += usize::from(state.apply(&event).refused);
        }
    }
    // 50,000 in all: five accounts have all of theirs, and the sixth what is left.
    assert_eq!(refused, [0, 0, 0, 0, 0, 4_000, 9_000, 9_000]);
    // Objects of an account are removed with it.
    state.watch((1..8).map(waba));
    let event = Event {
        waba_id: waba(7),
        ..by_webhook(1_000_000, 20, paused(1))
    };
    assert!(!state.apply(&event).refused);
}

#[test]
fn digits_that_no_listing_has_make_way_for_those_of_a_number_to_come() {
    let mut state = watching();
    let update = |digits: &str| {
        let digits = DisplayDigits::parse(digits).expect("digits");
        let update = number::Update::Name(number::NameReview {
            decision: NameDecision::Approved,
            rejection_reason: None,
        });
        Fact::Number(number::WebhookUpdate { digits, update })
    };
    let invented = (0..100).map(|id| (id as u128, update(&format!("1999{id:07}"))));
    assert_eq!(
        apply_webhooks(&mut state, 10, invented).len(),
        36,
        "64 wait"
    );
    state.apply(&polled(20, numbers_listed(1..2)));
    let change = state.apply(&by_webhook(500, 30, update("15550100199")));
    assert!(change.waiting && !change.refused);
    assert_eq!(change.expired, 1);
    let mut snapshot = number::Snapshot::new(number_id(2));
    snapshot.display_phone_number = Some("+1 555-010-0199".to_owned());
    let fact = Fact::NumbersListed(Listing {
        objects: vec![snapshot],
        complete: true,
    });
    state.apply(&polled(40, fact));
    let account = &state.accounts()[&waba()];
    let name = account
        .numbers()
        .next()
        .and_then(|number| number.name_status.value());
    assert!(name.is_some(), "what waited has found its number");
}

/// Resident memory of this process, in bytes.
pub fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.expect("Linux says so in kB") * 1_024
}

/// Bytes that so many facts of one kind take, each.
fn bytes_each(what: &str, count: usize, facts: impl Iterator<Item = Fact>) -> State {
    let mut state = watching();
    let before = resident();
    for (key, fact) in facts.take(count).enumerate() {
        state.apply(&by_webhook(key as u128, 10, fact));
    }
    let each = (resident() - before) / count as u64;
    measured(&format!("{what}: {each} bytes each, with its delivery key"));
    state
}

#[test]
#[ignore = "measures the table of memory in docs/security.md; run it alone"]
fn memory_of_each_kind_of_object() {
    // Memory that the first events make resident is not memory of objects.
    let _first = bytes_each("first templates", 1_000, (0..).map(paused));
    let templates = bytes_each("templates", ceiling::TEMPLATES, (0..).map(paused));
    let numbers = bytes_each(
        "numbers with messages",
        ceiling::NUMBERS,
        (0..).map(message_of),
    );
    let mut state = watching();
    let before = resident();
    let snapshot = |id: usize| number::Snapshot {
        display_phone_number: Some(format!("+1 555-{id:07}")),
        verified_name: Some(format!("Fern & Moss {id}")),
        quality_rating: Some(QualityRating::Green),
        status: Some(number::Status::Connected),
        messaging_limit: Some(MessagingLimit::Customers(2_000)),
        ..number::Snapshot::new(number_id(id))
    };
    let objects = (0..ceiling::NUMBERS).map(snapshot).collect();
    let complete = true;
    let listing = Listing { objects, complete };
    state.apply(&polled(0, Fact::NumbersListed(listing)));
    let each = (resident() - before) / ceiling::NUMBERS as u64;
    measured(&format!("listed numbers: {each} bytes each"));
    let customer = |id: usize| {
        Fact::Message(message::WebhookUpdate {
            phone_number_id: number_id(1),
            received_at: at(0),
            recipient: None,
            update: message::Update::Received {
                from: Some(ConversationKey(id as u128).into()),
                kind: Kind::Text,
                context: MessageContext::default(),
            },
        })
    };
    let conversations = bytes_each("conversations", 100_000, (0..).map(customer));
    assert_eq!(templates.accounts().len(), numbers.accounts().len());
    assert_eq!(conversations.accounts().len(), 1);
}
