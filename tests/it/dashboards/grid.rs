//! Where the panels stand.

use super::board::{Panel, boards};
use crate::support::assert_none;

/// Grafana's grid.
const COLUMNS: u32 = 24;

fn overlap(one: &Panel, other: &Panel) -> bool {
    let (a, b) = (one.grid_pos, other.grid_pos);
    a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h
}

#[test]
fn no_panel_covers_another_or_leaves_the_grid() {
    let mut wrong = Vec::new();
    for board in boards() {
        for (at, panel) in board.panels.iter().enumerate() {
            let place = panel.grid_pos;
            if place.w == 0 || place.h == 0 || place.x + place.w > COLUMNS {
                wrong.push(format!("{} / {} leaves the grid", board.uid, panel.title));
            }
            let covered = board.panels[at + 1..]
                .iter()
                .filter(|other| overlap(panel, other));
            wrong.extend(covered.map(|other| {
                format!(
                    "{} / {} and {} overlap",
                    board.uid, panel.title, other.title
                )
            }));
        }
    }
    assert_none(&wrong);
}

#[test]
fn every_line_of_panels_is_full() {
    let mut wrong = Vec::new();
    for board in boards() {
        let bottom = board
            .panels
            .iter()
            .map(|panel| panel.grid_pos.y + panel.grid_pos.h);
        for line in 0..bottom.max().unwrap_or_default() {
            let on_line = board.panels.iter().map(|panel| panel.grid_pos);
            let on_line = on_line.filter(|place| (place.y..place.y + place.h).contains(&line));
            let width: u32 = on_line.map(|place| place.w).sum();
            if width != COLUMNS {
                wrong.push(format!("{}: line {line} is {width} wide", board.uid));
            }
        }
    }
    assert_none(&wrong);
}
