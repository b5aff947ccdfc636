//! Meta's two voices, each turned into facts and counted oddities.
//!
//! Invariant: nothing here keeps state about Meta. A parser's output depends on its input alone, and an
//! odd field never costs the facts beside it.

pub mod graph;
pub mod poll;
pub mod webhook;
