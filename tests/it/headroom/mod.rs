//! The use of a portfolio's messaging limit: against an oracle, in exposition text, through a real webhook endpoint,
//! and with a million customers.

mod exposition;
mod memory;
mod oracle;
mod payload;
mod play;
mod property;
mod served;
