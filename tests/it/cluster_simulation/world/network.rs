//! Messages of processes, such as statements, notifications and responses, and deliveries of clients.

use super::super::replica::Effect;
use super::super::wire::Response;
use super::step::{Step, Task};
use super::{CLIENT_TIMEOUT, REQUEST_TIMEOUT, World};

impl World {
    /// Advances a process, and executes its effects.
    pub(super) fn continue_process(&mut self, slot: usize) -> Result<(), String> {
        let now = self.now;
        let place = &mut self.slots[slot];
        let Some(replica) = place.process.as_mut() else {
            return Ok(());
        };
        let wakes_at = replica.advance(now);
        let effects = std::mem::take(&mut replica.effects);
        let (process, request) = (place.number, replica.request);
        if let Some(wakes_at) = wakes_at
            && place.wakes_at.is_none_or(|before| before > wakes_at)
        {
            place.wakes_at = Some(wakes_at);
            self.at(wakes_at.max(now + 1), Step::Run(slot, process, Task::Wake));
        }
        for effect in effects {
            match effect {
                Effect::Connect => self.connect(slot, request),
                Effect::Send(statement) => {
                    let task = Task::GiveUp(request);
                    self.after(REQUEST_TIMEOUT, Step::Run(slot, process, task));
                    let place = &self.slots[slot];
                    if let Some(pid) = place.pid.filter(|_| !place.is_cut) {
                        let latency = self.latency();
                        let step = Step::Arrive {
                            slot,
                            process,
                            pid,
                            request,
                            statement,
                        };
                        self.after(latency, step);
                    }
                }
                Effect::Acknowledge(delivery) => {
                    let events = &self.deliveries[delivery].events;
                    self.plan.acknowledged.extend(events.iter().copied());
                    // The response can be lost.
                    if self.is_calm() || self.rng.u32(..100) >= 5 {
                        self.deliveries[delivery].is_acknowledged = true;
                    }
                }
                Effect::Notify => self.notify(slot),
                Effect::Exit => {
                    self.stop(slot, self.now)?;
                    let delay = self.rng.u64(..3_000);
                    self.after(delay, Step::Start(slot));
                }
            }
        }
        Ok(())
    }

    /// A new session. The old one ends as soon as the server notices.
    fn connect(&mut self, slot: usize, request: u64) {
        self.abandon(slot);
        let delay = self.latency() + 1;
        let place = &mut self.slots[slot];
        let response = match self.database.connect(self.now) {
            Some(backend) => {
                place.pid = Some(backend.pid);
                Response::Connected(backend)
            }
            None => Response::Lost,
        };
        let delay = delay + if place.pid.is_none() { 200 } else { 0 };
        let (process, task) = (place.number, Task::Receive(request, response));
        self.after(delay, Step::Run(slot, process, task));
    }

    /// The process has no more use for its session.
    fn abandon(&mut self, slot: usize) {
        let place = &mut self.slots[slot];
        let is_cut = std::mem::take(&mut place.is_cut);
        // The server notices the end of a connection that was cut by itself.
        if let Some(pid) = place.pid.take().filter(|_| !is_cut) {
            let delay = self.latency();
            self.after(delay, Step::EndSession(pid));
        }
    }

    fn notify(&mut self, from: usize) {
        for slot in (0..self.slots.len()).filter(|slot| *slot != from) {
            // Some notifications are lost, and some arrive twice.
            for _ in 0..[0, 1, 1, 1, 2][self.rng.usize(..5)] {
                let (latency, process) = (self.latency(), self.slots[slot].number);
                self.after(latency, Step::Run(slot, process, Task::Hint));
            }
        }
    }

    pub(super) fn send(&mut self, delivery: usize) {
        let state = &mut self.deliveries[delivery];
        if state.is_acknowledged {
            // Some deliveries are repeated although they were acknowledged.
            state.repeats += 1;
            if state.repeats > 1 || self.rng.u32(..3) > 0 {
                return;
            }
        }
        let slot = self.rng.usize(..self.slots.len());
        let (latency, process) = (self.latency(), self.slots[slot].number);
        self.after(latency, Step::Run(slot, process, Task::Deliver(delivery)));
        self.after(CLIENT_TIMEOUT, Step::Send(delivery));
    }
}
