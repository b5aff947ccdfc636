//! The scheduler: chooses the next step and its time by a seed.

mod judgement;
mod network;
mod processes;
mod step;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fastrand::Rng;

use super::database::{Database, Outcome, shard_of};
use super::faults::Plan;
use super::replica::Replica;
use super::rules::Rules;
use super::scraper::{Scraped, Scraper};
use super::wire::{Event, Request, Response};
use step::{Scheduled, Step, Task};

/// A request without a response is given up.
const REQUEST_TIMEOUT: u64 = 4_000;

/// A delivery that is not acknowledged is repeated.
const CLIENT_TIMEOUT: u64 = 1_500;

/// Within this time after the last fault, all must be well again.
const RECOVERY: u64 = 60_000;

/// The place of a replica: its process, and the connection of that.
#[derive(Debug, Default)]
struct Slot {
    process: Option<Replica>,
    /// Number of the process.
    number: u64,
    is_paused: bool,
    /// What happens when the process runs again.
    deferred: Vec<Task>,
    pid: Option<i32>,
    /// The connection passes nothing, and neither side detects it.
    is_cut: bool,
    wakes_at: Option<u64>,
}

#[derive(Debug)]
struct Delivery {
    events: Vec<Event>,
    is_acknowledged: bool,
    repeats: u32,
}

/// One schedule.
pub struct World {
    rules: Rules,
    rng: Rng,
    plan: Plan,
    now: u64,
    scheduled: u64,
    queue: BinaryHeap<Reverse<Scheduled>>,
    database: Database,
    slots: Vec<Slot>,
    deliveries: Vec<Delivery>,
    scraper: Scraper,
    /// The last steps, if they are recorded.
    pub trace: Option<Vec<String>>,
}

impl World {
    pub fn new(seed: u64, rules: Rules) -> Self {
        let mut rng = Rng::with_seed(seed);
        let plan = Plan::new(&mut rng);
        let mut world = Self {
            rules,
            now: 0,
            scheduled: 0,
            queue: BinaryHeap::new(),
            database: Database::new(rules, plan.shards, plan.accounts),
            slots: (0..plan.replicas).map(|_| Slot::default()).collect(),
            deliveries: Vec::new(),
            scraper: Scraper::default(),
            trace: None,
            plan,
            rng,
        };
        for slot in 0..world.slots.len() {
            let start = world.rng.u64(..1_000);
            world.at(start, Step::Start(slot));
            world.at(start, Step::Scrape(slot));
        }
        for fault in 0..world.plan.faults.len() {
            world.at(world.plan.faults[fault].0, Step::Fault(fault));
        }
        for delivery in 0..world.plan.deliveries.len() {
            let (time, events) = world.plan.deliveries[delivery].clone();
            world.deliveries.push(Delivery {
                events,
                is_acknowledged: false,
                repeats: 0,
            });
            world.at(time, Step::Send(delivery));
        }
        world
    }

    /// Runs the schedule. An error is a violation.
    pub fn run(&mut self) -> Result<(), String> {
        let mut next_look = self.plan.end;
        while let Some(Reverse(Scheduled(time, _, step))) = self.queue.pop() {
            self.now = time;
            if let Some(trace) = &mut self.trace {
                trace.push(format!("{time:>6} {step:?}"));
            }
            self.step(step)?;
            if self.now >= next_look {
                next_look = self.now + 500;
                if self.is_settled() {
                    return self.judge();
                }
                if self.now > self.plan.end + RECOVERY {
                    return Err(format!("not settled: {}", self.describe()));
                }
            }
        }
        Err("nothing is scheduled".to_owned())
    }

    fn at(&mut self, time: u64, step: Step) {
        self.scheduled += 1;
        self.queue
            .push(Reverse(Scheduled(time, self.scheduled, step)));
    }

    fn after(&mut self, delay: u64, step: Step) {
        self.at(self.now + delay, step);
    }

    fn is_calm(&self) -> bool {
        self.now >= self.plan.end
    }

    /// How long a message takes.
    fn latency(&mut self) -> u64 {
        match self.rng.u32(..100) {
            _ if self.is_calm() => 1,
            98.. => self.rng.u64(60..1_500),
            90.. => self.rng.u64(4..60),
            _ => self.rng.u64(..4),
        }
    }

    /// How long a transaction is open.
    fn duration(&mut self) -> u64 {
        match self.rng.u32(..100) {
            _ if self.is_calm() => 1,
            97.. => self.rng.u64(300..6_000),
            85.. => self.rng.u64(5..300),
            _ => self.rng.u64(..5),
        }
    }

    fn step(&mut self, step: Step) -> Result<(), String> {
        match step {
            Step::Run(slot, process, task) => self.run_task(slot, process, task)?,
            Step::Arrive {
                slot,
                process,
                pid,
                request,
                statement,
            } => match self.database.execute(pid, &statement) {
                Outcome::Answer(response) => {
                    if let Request::Terminate(backend) = statement {
                        self.terminate(self.database.session_of(backend))?;
                    }
                    self.answer(slot, process, pid, request, response);
                }
                Outcome::Wait => self.after(
                    10,
                    Step::Arrive {
                        slot,
                        process,
                        pid,
                        request,
                        statement,
                    },
                ),
                Outcome::Open => {
                    let duration = self.duration();
                    let step = Step::Finish {
                        slot,
                        process,
                        pid,
                        request,
                    };
                    self.after(duration, step);
                }
            },
            Step::Finish {
                slot,
                process,
                pid,
                request,
            } => {
                let response = self.database.finish(pid)?;
                let response = response.unwrap_or(Response::Lost);
                self.answer(slot, process, pid, request, response);
            }
            Step::EndSession(pid) => self.terminate(Some(pid))?,
            Step::Send(delivery) => self.send(delivery),
            Step::Resume(slot) => self.resume(slot)?,
            Step::Start(slot) => self.start(slot)?,
            Step::DatabaseStarts => self.database.is_up = true,
            Step::Scrape(slot) => {
                let pause = self.rng.u64(50..900);
                self.after(pause, Step::Scrape(slot));
                let (now, number) = (self.now, self.slots[slot].number);
                self.run_task(slot, number, Task::Scrape(now))?;
            }
            Step::Scraped(scraped) => self.scraper.receive(&scraped, self.now)?,
            Step::Fault(fault) => self.inject(self.plan.faults[fault].1)?,
        }
        Ok(())
    }

    /// A session ends, perhaps just after its open transaction was committed.
    fn terminate(&mut self, pid: Option<i32>) -> Result<(), String> {
        match pid {
            Some(pid) => self.database.end_session(pid, self.rng.bool()),
            None => Ok(()),
        }
    }

    fn answer(&mut self, slot: usize, process: u64, pid: i32, request: u64, response: Response) {
        let place = &self.slots[slot];
        if place.pid == Some(pid) && !place.is_cut {
            let latency = self.latency();
            let task = Task::Receive(request, response);
            self.after(latency, Step::Run(slot, process, task));
        }
    }

    /// Runs a task of a process now, or when the process runs again. Has one arm for each task, and is therefore long.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each step of the protocol"
    )]
    fn run_task(&mut self, slot: usize, process: u64, task: Task) -> Result<(), String> {
        let now = self.now;
        let place = &mut self.slots[slot];
        if place.number != process {
            return Ok(());
        }
        let Some(replica) = place.process.as_mut() else {
            return Ok(());
        };
        if place.is_paused {
            place.deferred.push(task);
            return Ok(());
        }
        let is_response = matches!(task, Task::Receive(..));
        match task {
            Task::Receive(request, response) => {
                if replica.is_waiting_for(request) {
                    replica.receive(response, now);
                }
            }
            Task::GiveUp(request) => {
                if replica.is_waiting_for(request) {
                    replica.lose_session();
                }
            }
            Task::Wake => place.wakes_at = None,
            Task::Hint => replica.hint(),
            Task::Deliver(delivery) => {
                replica.deliver(delivery, self.deliveries[delivery].events.clone());
            }
            Task::Scrape(start) => {
                let permit = replica.permit(now);
                let samples = replica.render(&permit);
                let scraped = Scraped {
                    replica: slot,
                    start,
                    checked: now,
                    samples,
                };
                let longest = if self.rng.u32(..4) == 0 { 1_000 } else { 60 };
                let rendering = self.rng.u64(..longest);
                let task = Task::Check(scraped, permit);
                self.after(rendering, Step::Run(slot, process, task));
                return Ok(());
            }
            Task::Check(mut scraped, permit) => {
                let valid = replica.narrow(&permit, now);
                if valid == permit {
                    scraped.checked = now;
                    let task = Task::Write(scraped);
                    let delay = self.rng.u64(..2);
                    self.after(delay, Step::Run(slot, process, task));
                    return Ok(());
                }
                if !self.rules.narrow {
                    return self.run_task(slot, process, Task::Scrape(scraped.start));
                }
                let shards = self.plan.shards;
                let samples = &mut scraped.samples;
                samples.retain(|(account, _)| valid.includes(shard_of(*account, shards)));
                let rendering = self.rng.u64(..60);
                let task = Task::Check(scraped, valid);
                self.after(rendering, Step::Run(slot, process, task));
                return Ok(());
            }
            Task::Write(scraped) => {
                let latency = self.latency();
                self.after(latency, Step::Scraped(scraped));
                return Ok(());
            }
        }
        self.continue_process(slot)?;
        // Nothing else adds to what a process may export.
        if is_response {
            self.check_leases(slot)?;
        }
        Ok(())
    }
}
