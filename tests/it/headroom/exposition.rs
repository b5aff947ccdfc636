//! Payloads to exposition text.

use std::sync::Arc;

use whatsapp_business_exporter::domain::track::Trackers;

use super::oracle::{Happening, Kind};
use super::payload::{Ids, body};
use super::play::{Player, moment, trackers};
use crate::support::{EPOCH_SECONDS, samples, text_at};

const DAY: i64 = 86_400;

fn receive(player: &mut Player, id: usize, customer: usize, number: usize, kind: Kind, at: i64) {
    let happened = Happening {
        customer,
        number,
        kind,
        at: EPOCH_SECONDS + at,
        received_at: EPOCH_SECONDS + at,
    };
    player.receive(&body(&happened, id, Ids::Both, false), at);
}

fn shown(player: &Player, name: &str, at: i64) -> Vec<String> {
    let text = text_at(player.state.accounts(), moment(at));
    let family = format!("whatsapp_portfolio_{name}");
    samples(&text, &family)
        .into_iter()
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_portfolio_has_one_figure_for_all_numbers_of_its_accounts() {
    let mut player = Player::new();
    receive(&mut player, 1, 1, 0, Kind::Delivered, 0);
    receive(&mut player, 2, 1, 2, Kind::Delivered, 10);
    receive(&mut player, 3, 2, 1, Kind::Delivered, 20);
    receive(&mut player, 4, 3, 1, Kind::Message, 30);
    receive(&mut player, 5, 3, 1, Kind::Delivered, 40);
    let of = |business_id: &str, value: &str| format!("{{business_id=\"{business_id}\"}} {value}");
    let series = |name: &str, first: &str, second: Option<&str>| {
        let mut lines = vec![format!("whatsapp_portfolio_{name}{}", of("700100", first))];
        lines.extend(
            second.map(|value| format!("whatsapp_portfolio_{name}{}", of("700200", value))),
        );
        lines
    };
    assert_eq!(
        shown(&player, "recipients", 60),
        series("recipients", "2", None)
    );
    assert_eq!(
        shown(&player, "messaging_limit", 60),
        series("messaging_limit", "1000", Some("1000"))
    );
    assert_eq!(
        shown(&player, "messaging_limit_used_ratio", 60),
        series("messaging_limit_used_ratio", "0.002", None)
    );
    // Nothing proves that webhooks of the other portfolio arrive.
    assert_eq!(
        shown(&player, "coverage_ratio", 60),
        series("coverage_ratio", "1", Some("0"))
    );
    // The first customer has counted at the one number for 24 hours, and still counts at the other.
    assert_eq!(
        shown(&player, "recipients", DAY),
        series("recipients", "2", None)
    );
    assert_eq!(
        shown(&player, "recipients", DAY + 10),
        series("recipients", "1", None)
    );
}

#[test]
fn nothing_is_counted_while_messages_are_not_read() {
    let mut player = Player::new();
    receive(&mut player, 1, 1, 0, Kind::Delivered, 0);
    assert_eq!(shown(&player, "recipients", 60).len(), 1);
    player.state.track(Arc::new(Trackers::default()));
    player.tick(120);
    for name in ["recipients", "messaging_limit_used_ratio"] {
        assert_eq!(shown(&player, name, 180), [""; 0], "{name}");
    }
    let coverage = shown(&player, "coverage_ratio", 180);
    assert_eq!(coverage, [""; 0]);
    assert_eq!(shown(&player, "messaging_limit", 180).len(), 2);
    // After it is enabled again, it starts with empty counts.
    player.state.track(trackers());
    player.tick(240);
    let coverage = shown(&player, "coverage_ratio", 240 + DAY / 2);
    assert_eq!(
        coverage[0],
        "whatsapp_portfolio_coverage_ratio{business_id=\"700100\"} 0.16666666666666666"
    );
}

#[test]
fn an_account_without_a_known_owner_belongs_to_no_portfolio() {
    let mut player = Player::unpolled();
    player.tick(0);
    receive(&mut player, 1, 1, 0, Kind::Delivered, 10);
    for name in ["recipients", "messaging_limit", "coverage_ratio"] {
        assert_eq!(shown(&player, name, 20), [""; 0], "{name}");
    }
}
