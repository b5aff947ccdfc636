//! A delivery of the grammar with one mutation, read by the parser and by a second implementation.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::grammar(data));
