//! Tests across files: simulations and properties.

mod figures;
mod power;
mod simulation;
mod validity;
