//! The table of dashboards in `grafana/README.md`.

use super::board::boards;

/// In the order in which people go through them.
const ORDER: &[&str] = &["fleet", "number", "templates", "conversations", "exporter"];

pub fn table() -> String {
    let mut boards = boards();
    boards.sort_by_key(|board| ORDER.iter().position(|name| board.uid.ends_with(name)));
    let rows = boards.iter().map(|board| {
        let file = board.uid.trim_start_matches("whatsapp-");
        let panels = board.panels.iter().filter(|panel| !panel.is_row());
        let titles: Vec<&str> = panels.map(|panel| panel.title.as_str()).collect();
        format!(
            "| [{}](dashboards/{file}.json) | {} | {} |\n",
            board.title,
            board.description,
            titles.join("; ")
        )
    });
    let head = "| dashboard | purpose | panels |\n|---|---|---|\n".to_owned();
    head + &rows.collect::<String>()
}
