//! The room as a whole: promises that need more than one file, by simulation and by properties.

mod figures;
mod power;
mod simulation;
mod validity;
