//! What may be named in PromQL, whoever writes it: the rules in `alerts/` and the boards in `grafana/`.

pub mod labels;
pub mod selectors;
pub mod vocabulary;
pub mod words;
mod zeros;
