//! A delivery of the grammar with one mutation, read twice: by the parser and plainly.
#![no_main]

#[path = "../harness.rs"]
mod harness;

libfuzzer_sys::fuzz_target!(|data: &[u8]| harness::grammar(data));
