//! The scheduler: what happens next, at which time, by a seed.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use fastrand::Rng;
use whatsapp_business_exporter::cluster::Permit;
use whatsapp_business_exporter::domain::Shard;

use super::database::{Database, Outcome, shard_of};
use super::faults::{Fault, Plan};
use super::replica::{Effect, Replica};
use super::rules::Rules;
use super::scraper::{Scraped, Scraper};
use super::wire::{Event, Request, Response};

/// A request without a response is given up.
const REQUEST_TIMEOUT: u64 = 4_000;

/// A delivery that is not acknowledged is repeated.
const CLIENT_TIMEOUT: u64 = 1_500;

/// Within this time after the last fault, all must be well again.
const RECOVERY: u64 = 60_000;

/// What a process does when it runs.
#[derive(Debug)]
enum Task {
    Receive(u64, Response),
    GiveUp(u64),
    Wake,
    Hint,
    Deliver(usize),
    Scrape(u64),
    Check(Scraped, Permit),
    Write(Scraped),
}

#[derive(Debug)]
enum Step {
    Run(usize, u64, Task),
    Arrive {
        slot: usize,
        process: u64,
        pid: i32,
        request: u64,
        statement: Request,
    },
    Finish {
        slot: usize,
        process: u64,
        pid: i32,
        request: u64,
    },
    EndSession(i32),
    Send(usize),
    Resume(usize),
    Start(usize),
    DatabaseStarts,
    Scrape(usize),
    Scraped(Scraped),
    Fault(usize),
}

struct Scheduled(u64, u64, Step);

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl Eq for Scheduled {}
impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

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
    /// Nothing passes the connection, which neither side knows.
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

    /// Runs a task of a process now, or when the process runs again.
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

    /// Lets a process go on, and does what it wants.
    fn continue_process(&mut self, slot: usize) -> Result<(), String> {
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

    fn send(&mut self, delivery: usize) {
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

    fn start(&mut self, slot: usize) -> Result<(), String> {
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
    fn stop(&mut self, slot: usize, session_ends: u64) -> Result<(), String> {
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

    fn resume(&mut self, slot: usize) -> Result<(), String> {
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

    fn inject(&mut self, fault: Fault) -> Result<(), String> {
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

    /// At most one process may export a shard, running or not.
    fn check_leases(&self, slot: usize) -> Result<(), String> {
        let permits = self.slots.iter().map(|place| {
            let replica = place.process.as_ref();
            replica.map(|replica| replica.permit(self.now))
        });
        let permits: Vec<_> = permits.collect();
        let Some(own) = &permits[slot] else {
            return Ok(());
        };
        for (other, permit) in permits
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != slot)
        {
            let both = self.shards().find(|shard| {
                own.includes(*shard) && permit.as_ref().is_some_and(|one| one.includes(*shard))
            });
            if let Some(shard) = both {
                return Err(format!("both {slot} and {other} may export {shard:?}"));
            }
        }
        Ok(())
    }

    fn shards(&self) -> impl Iterator<Item = Shard> {
        (0..u16::try_from(self.plan.shards).expect("few")).map(Shard)
    }

    /// Whether all is well: every event applied, every shard exported, and the shares fair.
    fn is_settled(&self) -> bool {
        let processes = self.slots.iter().map(|place| place.process.as_ref());
        let processes: Vec<&Replica> = processes.flatten().collect();
        let (replicas, shards) = (self.slots.len(), self.plan.shards);
        let fair = shards / replicas..=shards.div_ceil(replicas);
        processes.len() == replicas
            && self.database.inbox.is_empty()
            && !self.database.is_open()
            && self
                .deliveries
                .iter()
                .all(|delivery| delivery.is_acknowledged)
            && processes.iter().all(|one| fair.contains(&one.owned()))
            && self.shards().all(|shard| {
                let mut permits = processes.iter().map(|one| one.permit(self.now));
                permits.any(|permit| permit.includes(shard))
            })
    }

    /// What was acknowledged is counted, once.
    fn judge(&self) -> Result<(), String> {
        for event in &self.plan.acknowledged {
            let account = &self.database.accounts[event.account];
            if !account.keys.contains(&event.key) {
                return Err(format!("{event:?} was acknowledged and is lost"));
            }
        }
        let miscounted =
            |account: &super::wire::Account| account.count != account.keys.len() as u64;
        match self.database.accounts.iter().find(|one| miscounted(one)) {
            Some(account) => Err(format!("miscounted: {account:?}")),
            None => Ok(()),
        }
    }

    fn describe(&self) -> String {
        let owned = self.slots.iter().map(|place| {
            let replica = place.process.as_ref();
            replica.map(|replica| (replica.owned(), place.is_paused))
        });
        let owned: Vec<_> = owned.collect();
        format!("{owned:?} {:#?}", self.database)
    }
}
