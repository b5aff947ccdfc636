//! Selective scrapes: the groups of collectors, and the parts of the accounts, each contain every series exactly once.

use std::collections::BTreeSet;

use whatsapp_business_exporter::domain::{
    Assignments, Event, Fact, Listing, PhoneNumberId, QualityRating, TemplateId, WabaId,
    access::AccessStates, account, number, template,
};
use whatsapp_business_exporter::expose::{self, Apps, FamilyGroup, Selection, TextFormat};
use whatsapp_business_exporter::insight::headroom::RecipientUnions;
use whatsapp_business_exporter::state::State;
use whatsapp_business_exporter::telemetry::Telemetry;

use crate::support::{ALL_TEMPLATES, at, polled};

const ACCOUNTS: u64 = 12;

/// Accounts with two numbers and a template each. All list one number that they share.
fn fleet() -> State {
    let mut state = State::default();
    let ids = (0..ACCOUNTS).map(waba);
    state.watch(ids);
    for account in 0..ACCOUNTS {
        for fact in facts(account) {
            let waba_id = waba(account);
            state.apply(&Event {
                waba_id,
                ..polled(0, fact)
            });
        }
    }
    state
}

fn waba(account: u64) -> WabaId {
    WabaId::parse(&(800_100_200_300_400 + account).to_string()).expect("digits")
}

fn facts(account: u64) -> [Fact; 3] {
    let own = 900_100_200_300_400 + account;
    let numbers = [own, 900_100_200_300_999].map(|id| number::Snapshot {
        status: Some(number::Status::Connected),
        quality_rating: Some(QualityRating::Green),
        ..number::Snapshot::new(PhoneNumberId::parse(&id.to_string()).expect("digits"))
    });
    let id = (7_001_002_003_004_000 + account).to_string();
    let template = template::Snapshot {
        status: Some(template::Status::Paused),
        ..template::Snapshot::new(TemplateId::parse(&id).expect("digits"))
    };
    [
        Fact::AccountRead(account::Snapshot {
            review_status: Some(account::ReviewStatus::Approved),
            ..account::Snapshot::default()
        }),
        Fact::NumbersListed(Listing {
            objects: numbers.into(),
            complete: true,
        }),
        Fact::TemplatesListed(
            Listing {
                objects: vec![template],
                complete: true,
            },
            template::Totals::default(),
        ),
    ]
}

/// The series that a scrape with these parameters has.
fn series(state: &State, parameters: &[(&str, &str)]) -> Vec<String> {
    let (access, assignments) = (AccessStates::new(), Assignments::none());
    let unions = RecipientUnions::new();
    let apps = Apps::without_replicas(&access, &assignments, &unions);
    let selection = Selection::parse(parameters.iter().copied()).expect("valid parameters");
    let own = Telemetry::new().gather();
    let scrape = expose::render(
        state.accounts(),
        &apps,
        &own,
        at(0),
        &ALL_TEMPLATES,
        selection,
        TextFormat::Text,
    );
    let lines = scrape.text.lines().filter(|line| !line.starts_with('#'));
    let series = lines.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned()));
    series.collect()
}

/// Asserts that the scrapes together have each series of the page once.
#[track_caller]
fn assert_divide(state: &State, scrapes: &[Vec<(&str, &str)>]) {
    let mut divided: Vec<String> = Vec::new();
    for parameters in scrapes {
        divided.extend(series(state, parameters));
    }
    let mut whole = series(state, &[]);
    divided.sort_unstable();
    whole.sort_unstable();
    assert_eq!(divided, whole);
}

#[test]
fn groups_divide_the_page() {
    let state = fleet();
    let groups = FamilyGroup::ALL.map(|group| vec![("collect[]", group.as_str())]);
    assert_divide(&state, &groups);
    let twice = [("collect[]", "numbers"), ("collect[]", "accounts")];
    let both = series(&state, &twice).len();
    let each = twice.map(|one| series(&state, &[one]).len());
    assert_eq!(both, each[0] + each[1]);
}

#[test]
fn a_group_has_only_its_metrics() {
    let state = fleet();
    for group in FamilyGroup::ALL {
        let declared: BTreeSet<&str> = expose::metrics_of(group)
            .iter()
            .map(|metric| metric.name)
            .collect();
        for one in series(&state, &[("collect[]", group.as_str())]) {
            let name = one.split('{').next().unwrap_or_default();
            let is_own = group == FamilyGroup::Exporter
                && (name.starts_with("whatsapp_exporter_") || name.starts_with("process_"));
            assert!(is_own || declared.contains(name), "{one} in {group:?}");
        }
    }
}

#[test]
fn parts_divide_the_page() {
    let state = fleet();
    let texts = ["1/3", "2/3", "3/3"];
    assert_divide(&state, &texts.map(|part| vec![("part", part)]));
    let accounts = texts.map(|part| {
        let infos = series(&state, &[("part", part), ("collect[]", "accounts")]);
        let infos = infos
            .iter()
            .filter(|one| one.starts_with("whatsapp_business_account_info"));
        infos.count()
    });
    assert_eq!(accounts.iter().sum::<usize>(), 12);
    assert!(accounts.iter().all(|count| *count > 0), "{accounts:?}");
    let rest = series(&state, &[("part", "2/3")]);
    let other = rest
        .iter()
        .find(|one| !one.contains("waba_id=\"80010020030"));
    assert_eq!(other, None, "a series that is not about an account");
}
