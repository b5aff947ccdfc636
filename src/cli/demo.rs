//! `demo`: a simulated Meta and the exporter in one process, on loopback.

use std::process::ExitCode;

use clap::Args;
use tokio_util::sync::CancellationToken;

use super::arguments::PaceFlags;
use super::setting_flags::{LogFlags, MetricsFlags};
use super::{configuration, output};
use crate::app::demo::{Demo, Folder};
use crate::app::signals;
use crate::config::ListenAddress;

/// Arguments of `demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArguments {
    /// Address on which /metrics and the status page are served
    #[arg(
        long = "web.listen-address",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:10131",
        value_parser = ListenAddress::parse
    )]
    pub listen_address: ListenAddress,

    /// Seed and speed of the story.
    #[command(flatten)]
    pub pace: PaceFlags,

    /// Form of the metrics.
    #[command(flatten)]
    pub metrics: MetricsFlags,

    /// Log level and format.
    #[command(flatten)]
    pub log: LogFlags,
}

/// Runs until it receives a signal to stop.
pub(super) async fn run(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    configuration::init_logging_from(&arguments.log.to_flags())?;
    // Installed before the addresses are printed: a signal that follows them must stop the process cleanly.
    let stop = CancellationToken::new();
    signals::stop_on_signals(stop.clone())?;
    let folder = Folder::create()?;
    let served = serve(arguments, &folder, stop).await;
    // Also after a failure.
    let removed = folder.remove().await;
    served.and(removed).map(|()| ExitCode::SUCCESS)
}

/// Serves the demo until `stop`.
async fn serve(
    arguments: &DemoArguments,
    folder: &Folder,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let PaceFlags { seed, speed } = arguments.pace;
    let bound = Demo::bind(
        folder,
        &arguments.listen_address,
        seed,
        speed,
        arguments.metrics.to_flags(),
    );
    let Some(demo) = stop.run_until_cancelled(bound).await else {
        return Ok(());
    };
    let demo = demo?;
    output::print(&addresses(&demo))?;
    demo.run(stop).await
}

fn addresses(demo: &Demo) -> String {
    let (address, graph) = (demo.address(), demo.graph_url());
    format!(
        "A simulated Meta, the exporter that watches it, and a simulated application to which it relays. \
         Nothing leaves this machine.\n\n  \
         status page     http://{address}/\n  \
         metrics         http://{address}/metrics\n  \
         simulated Meta  {graph}/simulator/\n\n\
         Each event of the story is logged below. The story repeats until you press Ctrl-C.\n"
    )
}
