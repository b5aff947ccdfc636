//! Processes start, stop, pause and resume, and faults happen.

use super::super::faults::Fault;
use super::super::replica::Replica;
use super::World;
use super::step::{Step, Task};

impl World {
    pub(super) fn start(&mut self, slot: usize) -> Result<(), String> {
        if self.slots[slot].process.is_some() {
            return Ok(());
        }
        let id = self.rng.u64(..);
        let place = &mut self.slots[slot];
        place.number += 1;
        place.wakes_at = None;
        place.process = Some(Replica::new(self.rules, self.plan.shards, id));
        self.continue_process(slot)
    }

    /// The process ends, and its session at the given time.
    pub(super) fn stop(&mut self, slot: usize, session_ends: u64) -> Result<(), String> {
        let place = &mut self.slots[slot];
        place.process = None;
        place.is_paused = false;
        place.deferred.clear();
        let is_cut = std::mem::take(&mut place.is_cut);
        if let Some(pid) = place.pid.take().filter(|_| !is_cut) {
            self.at(session_ends, Step::EndSession(pid));
        }
        Ok(())
    }

    pub(super) fn resume(&mut self, slot: usize) -> Result<(), String> {
        let place = &mut self.slots[slot];
        place.is_paused = false;
        let process = place.number;
        // Requests that wait are begun at once. The rest happens in nearly the same order.
        for task in std::mem::take(&mut place.deferred) {
            if let Task::Scrape(_) = task {
                self.run_task(slot, process, task)?;
            } else {
                let delay = self.rng.u64(..3);
                self.after(delay, Step::Run(slot, process, task));
            }
        }
        Ok(())
    }

    pub(super) fn inject(&mut self, fault: Fault) -> Result<(), String> {
        let slot = self.rng.usize(..self.slots.len());
        match fault {
            Fault::Pause(duration) => {
                if self.slots[slot].process.is_some() && !self.slots[slot].is_paused {
                    self.slots[slot].is_paused = true;
                    self.after(duration, Step::Resume(slot));
                }
            }
            Fault::Kill { restart, lingers } => {
                self.stop(slot, self.now + lingers)?;
                self.after(restart, Step::Start(slot));
            }
            Fault::Leave => {
                if let Some(replica) = &mut self.slots[slot].process {
                    replica.leave();
                }
            }
            Fault::Cut {
                lingers,
                is_noticed,
            } => {
                let place = &mut self.slots[slot];
                if let Some(pid) = place.pid.filter(|_| !place.is_cut) {
                    place.is_cut = true;
                    self.after(lingers, Step::EndSession(pid));
                    if let Some(replica) = self.slots[slot].process.as_ref().filter(|_| is_noticed)
                    {
                        let (process, task) =
                            (self.slots[slot].number, Task::GiveUp(replica.request));
                        self.after(1, Step::Run(slot, process, task));
                    }
                }
            }
            Fault::RestartDatabase(duration) => {
                for pid in self.database.pids() {
                    self.terminate(Some(pid))?;
                }
                self.database.is_up = false;
                self.after(duration, Step::DatabaseStarts);
            }
            Fault::EndSession => self.terminate(self.slots[slot].pid)?,
            Fault::LoseLocks => {
                if let Some(pid) = self.slots[slot].pid {
                    self.database.lose_locks(pid);
                }
            }
        }
        Ok(())
    }
}
