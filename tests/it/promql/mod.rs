//! Checks of PromQL in the rules of `alerts/` and the boards of `grafana/`.

pub mod labels;
pub mod selectors;
pub mod vocabulary;
pub mod words;
mod zeros;
