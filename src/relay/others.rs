//! Commands of an operator for the deliveries of all replicas: those of this one through its workers, and those of the
//! others through the store, whose rows their workers read again.

use super::control::{Action, CommandError, Control, ParkedCommand, UpstreamReport};
use super::figures::{Dropped, count_dropped};
use crate::store::{OthersCommand, ParkedChange, Store};
use crate::telemetry::Telemetry;

impl Control {
    /// Executes the command for every selected upstream, at all replicas. Returns after the store has committed the
    /// result.
    ///
    /// # Errors
    /// If there is no such upstream, or if one fails. The others execute the command nevertheless.
    pub async fn execute_everywhere(
        &self,
        command: &ParkedCommand,
        store: &Store,
        telemetry: &Telemetry,
    ) -> Result<Vec<UpstreamReport>, CommandError> {
        let mut reports = self.execute(command).await?;
        for report in &mut reports {
            let others = OthersCommand {
                upstream: report.upstream.clone(),
                waba_ids: command.waba_ids.clone(),
                change: change(command.action),
            };
            let others = store.command_others(others).await;
            let others = others.map_err(|error| CommandError::OnlyOwn(error.to_string()))?;
            if command.action == Action::Drop {
                count_dropped(
                    telemetry,
                    &report.upstream,
                    Dropped::Operator,
                    others.selected,
                );
            }
            if command.action != Action::List && others.selected > 0 {
                let (upstream, count) = (report.upstream.as_str(), others.selected);
                let action = command.action.as_str();
                tracing::info!(
                    upstream,
                    count,
                    action,
                    "changed parked deliveries of other replicas"
                );
            }
            report.selected += others.selected;
            report.waiting += others.waiting;
            report.parked += others.parked;
        }
        Ok(reports)
    }
}

fn change(action: Action) -> Option<ParkedChange> {
    match action {
        Action::List => None,
        Action::Retry => Some(ParkedChange::Retry),
        Action::Drop => Some(ParkedChange::Drop),
    }
}
