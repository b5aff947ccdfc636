//! What every board and panel has: a title, a description, a unit, the datasource by variable, links that
//! lead somewhere.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Value, json};

use super::board::{Board, boards, complaints, files};
use crate::alerts::rules;
use crate::support::assert_none;

/// Grafana 11 writes this schema; later ones read it.
const SCHEMA: u32 = 39;

/// Panels of Grafana's core that are not deprecated, and that these boards keep to.
const KINDS: &[&str] = &["stat", "state-timeline", "table", "timeseries"];

fn uids() -> BTreeSet<String> {
    boards().into_iter().map(|board| board.uid).collect()
}

#[test]
fn a_board_is_called_like_its_file_and_reaches_back_thirty_days() {
    for ((name, _), board) in files().iter().zip(boards()) {
        assert_eq!(
            board.uid,
            format!("whatsapp-{}", name.trim_end_matches(".json"))
        );
        assert_eq!(board.schema_version, SCHEMA, "{name}");
        assert_eq!(board.tags, ["whatsapp"], "{name}");
        assert!(
            !board.title.is_empty() && !board.description.is_empty(),
            "{name}"
        );
        assert_eq!(
            (&*board.time["from"], &*board.time["to"]),
            ("now-30d", "now"),
            "{name}"
        );
        let mut ids: Vec<u32> = board.panels.iter().map(|panel| panel.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(
            ids.len(),
            board.panels.len(),
            "{name}: an id is there twice"
        );
    }
}

#[test]
fn every_panel_has_a_description_and_a_unit() {
    assert_none(&complaints(|_, panel| {
        let mut wrong = Vec::new();
        let mut demand = |is_there: bool, what: &str| {
            if !is_there {
                wrong.push(what.to_owned());
            }
        };
        demand(
            KINDS.contains(&panel.kind.as_str()),
            "a panel of another kind",
        );
        demand(!panel.title.is_empty(), "no title");
        demand(panel.description.ends_with('.'), "no sentence describes it");
        demand(!panel.field_config.defaults.unit.is_empty(), "no unit");
        demand(!panel.targets.is_empty(), "no query");
        let instants = panel
            .targets
            .iter()
            .all(|target| target.instant != target.range);
        demand(
            instants,
            "a query that is both of a moment and of a range, or neither",
        );
        let format = if panel.kind == "table" {
            "table"
        } else {
            "time_series"
        };
        let formats = panel.targets.iter().all(|target| target.format == format);
        demand(formats, "a query in the wrong format");
        let by_name = panel
            .field_config
            .overrides
            .iter()
            .all(|one| one.matcher.id == "byName");
        demand(
            by_name,
            "an override that is not by name, which these tests cannot follow",
        );
        wrong
    }));
}

#[test]
fn no_datasource_is_named() {
    let by_variable = json!({"type": "prometheus", "uid": "${datasource}"});
    let foreign = |what: String, datasource: &Value| {
        (*datasource != by_variable).then(|| format!("{what} has {datasource}"))
    };
    let mut wrong = complaints(|_, panel| {
        let targets = panel.targets.iter().map(|target| &target.datasource);
        let all = targets.chain([&panel.datasource]);
        all.filter_map(|datasource| foreign("it".to_owned(), datasource))
            .collect()
    });
    for Board {
        uid,
        annotations,
        templating,
        ..
    } in boards()
    {
        let annotations = annotations.list.iter();
        wrong.extend(
            annotations.filter_map(|one| foreign(format!("{uid}: {}", one.name), &one.datasource)),
        );
        let first = &templating.list[0];
        assert_eq!(
            (&*first.name, &*first.kind),
            ("datasource", "datasource"),
            "{uid}"
        );
        let queries = templating.list[1..].iter();
        wrong.extend(
            queries.filter_map(|one| foreign(format!("{uid}: {}", one.name), &one.datasource)),
        );
    }
    assert_none(&wrong);
}

/// Links to boards in a text, with the variables they set.
fn links_to_boards(text: &str) -> Vec<(String, Vec<String>)> {
    let link = Regex::new(r#"/d/([a-z-]+)([^"\s']*)"#).expect("a good pattern");
    let variable = Regex::new(r"var-([a-z_]+)=").expect("a good pattern");
    let links = link.captures_iter(text).map(|found| {
        let set = variable.captures_iter(&found[2]);
        (
            found[1].to_owned(),
            set.map(|variable| variable[1].to_owned()).collect(),
        )
    });
    links.collect()
}

#[test]
fn every_link_leads_to_a_board_and_sets_variables_that_it_has() {
    let boards = boards();
    let mut texts = files();
    let alerts = rules::alerts().into_iter();
    texts.extend(alerts.map(|rule| {
        (
            rule.name().to_owned(),
            rule.annotation("dashboard_url").to_owned(),
        )
    }));
    let mut wrong = Vec::new();
    let mut reached = BTreeSet::new();
    for (place, text) in texts {
        for (uid, set) in links_to_boards(&text) {
            let Some(board) = boards.iter().find(|board| board.uid == uid) else {
                wrong.push(format!("{place}: there is no board {uid}"));
                continue;
            };
            let has = |name: &&String| board.templating.list.iter().any(|own| own.name == **name);
            let unknown = set.iter().filter(|name| !has(name));
            wrong.extend(unknown.map(|name| format!("{place}: {uid} has no variable {name}")));
            reached.insert(uid);
        }
    }
    assert_none(&wrong);
    assert_eq!(reached, uids(), "no link leads to the others");
}

#[test]
fn every_board_links_to_the_others_and_to_the_runbooks() {
    for board in boards() {
        let has = |kind: &str, field: &str, text: &str| {
            let mut links = board.links.iter().filter(|link| link["type"] == kind);
            links.any(|link| link[field].to_string().contains(text))
        };
        assert!(has("dashboards", "tags", "whatsapp"), "{}", board.uid);
        assert!(has("link", "url", "alerts/runbooks.md"), "{}", board.uid);
    }
}

#[test]
fn every_variable_can_be_all_and_has_a_description() {
    for board in boards() {
        for variable in &board.templating.list[1..] {
            let place = format!("{}: {}", board.uid, variable.name);
            assert!(variable.multi && variable.include_all, "{place}");
            assert!(variable.description.ends_with('.'), "{place}");
        }
    }
}
