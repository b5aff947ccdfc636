//! The program. Its functionality is in the library.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;
use tokio::runtime::Runtime;
use whatsapp_business_exporter::cli::{self, Cli};

/// Many connections allocate and free buffers of all sizes, which takes glibc a third of a delivery's time.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    let arguments = Cli::parse_or_exit();
    let failure = arguments.failure_code();
    let outcome = Runtime::new()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| {
            let outcome = runtime.block_on(cli::run(arguments));
            // Without waiting for threads that block: a name server that does not respond blocks one for
            // up to half a minute.
            runtime.shutdown_background();
            outcome
        });
    match outcome {
        Ok(code) => code,
        Err(error) => {
            cli::print_error(&format_args!("error: {error:#}"));
            failure
        }
    }
}
