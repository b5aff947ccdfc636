//! The program: everything it does is in the library.

use std::process::ExitCode;

use clap::Parser;
use whatsapp_business_exporter::cli::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    match cli::run(Cli::parse()).await {
        Ok(code) => code,
        Err(error) => {
            cli::print_error(&format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}
