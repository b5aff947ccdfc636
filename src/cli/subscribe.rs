//! `subscribe` and `unsubscribe`: print the changes to make at Meta, then apply them.

use std::process::ExitCode;

use clap::Args;

use super::setting_flags::ConfigFlags;
use super::{configuration, output};
use crate::app::subscription::{Plan, SubscriptionPlan};

/// Arguments of `subscribe`.
#[derive(Args, Clone, Debug)]
pub struct SubscribeArguments {
    /// Sources of the configuration.
    #[command(flatten)]
    config: ConfigFlags,

    /// Only print the changes, without applying them
    #[arg(long)]
    dry_run: bool,

    /// Also replace a callback URL that points elsewhere
    #[arg(long)]
    move_callback: bool,
}

/// Arguments of `unsubscribe`.
#[derive(Args, Clone, Debug)]
pub struct UnsubscribeArguments {
    /// Sources of the configuration.
    #[command(flatten)]
    config: ConfigFlags,

    /// Only print the changes, without applying them
    #[arg(long)]
    dry_run: bool,
}

/// Runs `subscribe`.
pub(super) async fn subscribe(arguments: &SubscribeArguments) -> anyhow::Result<ExitCode> {
    let plan = SubscriptionPlan::Subscribe {
        move_callback: arguments.move_callback,
    };
    run(&arguments.config, plan, arguments.dry_run).await
}

/// Runs `unsubscribe`.
pub(super) async fn unsubscribe(arguments: &UnsubscribeArguments) -> anyhow::Result<ExitCode> {
    run(
        &arguments.config,
        SubscriptionPlan::Unsubscribe,
        arguments.dry_run,
    )
    .await
}

async fn run(
    flags: &ConfigFlags,
    plan: SubscriptionPlan,
    dry_run: bool,
) -> anyhow::Result<ExitCode> {
    let Some(config) = configuration::load_or_print(&flags.to_flags()) else {
        return Ok(ExitCode::FAILURE);
    };
    let plans = Plan::all(&config, plan).await?;
    for plan in &plans {
        output::print(plan)?;
    }
    if dry_run {
        output::print(&"dry run: nothing was changed")?;
        return Ok(ExitCode::SUCCESS);
    }
    for plan in &plans {
        plan.apply().await?;
    }
    let is_needed = plans.iter().any(|plan| !plan.is_empty());
    output::print(&if is_needed {
        "done"
    } else {
        "no changes needed"
    })?;
    Ok(ExitCode::SUCCESS)
}
