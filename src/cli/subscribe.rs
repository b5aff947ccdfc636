//! `subscribe` and `unsubscribe`: tells what there is to change at Meta's, and changes it.

use std::process::ExitCode;

use clap::Args;

use super::setting_flags::ConfigFlags;
use super::{configuration, output};
use crate::app::subscription::{Plan, Wish};

/// Arguments of `subscribe`.
#[derive(Args, Clone, Debug)]
pub struct SubscribeArguments {
    /// Where the configuration comes from.
    #[command(flatten)]
    config: ConfigFlags,

    /// Only tell what would be changed
    #[arg(long)]
    dry_run: bool,

    /// Also take the app's webhooks away from where they go now
    #[arg(long)]
    move_callback: bool,
}

/// Arguments of `unsubscribe`.
#[derive(Args, Clone, Debug)]
pub struct UnsubscribeArguments {
    /// Where the configuration comes from.
    #[command(flatten)]
    config: ConfigFlags,

    /// Only tell what would be changed
    #[arg(long)]
    dry_run: bool,
}

/// Has webhooks come.
pub(super) async fn subscribe(arguments: &SubscribeArguments) -> anyhow::Result<ExitCode> {
    let wish = Wish::Subscribe {
        move_callback: arguments.move_callback,
    };
    run(&arguments.config, wish, arguments.dry_run).await
}

/// Has them end.
pub(super) async fn unsubscribe(arguments: &UnsubscribeArguments) -> anyhow::Result<ExitCode> {
    run(&arguments.config, Wish::Unsubscribe, arguments.dry_run).await
}

async fn run(flags: &ConfigFlags, wish: Wish, dry_run: bool) -> anyhow::Result<ExitCode> {
    let Some(config) = configuration::load_or_tell(&flags.to_flags()) else {
        return Ok(ExitCode::FAILURE);
    };
    let plans = Plan::all(&config, wish).await?;
    for plan in &plans {
        output::print(plan)?;
    }
    if dry_run {
        output::print(&"nothing was changed")?;
        return Ok(ExitCode::SUCCESS);
    }
    for plan in &plans {
        plan.carry_out().await?;
    }
    let is_needed = plans.iter().any(|plan| !plan.is_empty());
    output::print(&if is_needed {
        "done"
    } else {
        "all is as it should be"
    })?;
    Ok(ExitCode::SUCCESS)
}
