//! A process of the exporter: the protocol of production, and a model of the store around it.

mod commit;
mod reading;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use whatsapp_business_exporter::cluster::{Action, Exports, InboxRow, Member, ReplicaId};
use whatsapp_business_exporter::domain::Shard;

use super::database::shard_of;
use super::rules::Rules;
use super::wire::{Account, Event, Request, Response};

/// Milliseconds between two looks into the inbox.
const POLL: u64 = 500;

/// An effect of a process on the world.
#[derive(Debug)]
pub enum Effect {
    Connect,
    Send(Request),
    Acknowledge(usize),
    /// A notification to the others.
    Notify,
    Exit,
}

/// The request that the writer session waits for.
#[derive(Debug)]
enum Doing {
    Nothing,
    Connecting,
    Heartbeat(Duration),
    Locking(Shard),
    Raising(Shard),
    Releasing(Shard),
    Unlocking,
    Terminating,
    Selecting,
    Committing {
        staged: BTreeMap<usize, Account>,
        deliveries: Vec<(usize, Vec<Event>)>,
        notifies: bool,
    },
}

#[derive(Debug)]
pub struct Replica {
    rules: Rules,
    shards: usize,
    id: ReplicaId,
    /// Its monotonic clock began at another time than the others'.
    clock_offset: Duration,
    member: Member,
    published: Exports,
    /// When the last successful heartbeat began.
    renewed: Option<Duration>,
    memory: BTreeMap<usize, Account>,
    doing: Doing,
    /// Number of the request whose response it waits for.
    pub request: u64,
    beat: i64,
    is_hinted: bool,
    next_poll: u64,
    actions: VecDeque<Action>,
    waiting: Vec<(usize, Vec<Event>)>,
    rows: Vec<InboxRow<Vec<Event>>>,
    pub effects: Vec<Effect>,
}

impl Replica {
    pub fn new(rules: Rules, shards: usize, id: u64) -> Self {
        let id = ReplicaId(id);
        let mut replica = Self {
            rules,
            shards,
            id,
            clock_offset: Duration::from_secs(id.0 % 1_000_000),
            member: Member::new(id),
            published: Exports::default(),
            renewed: None,
            memory: BTreeMap::new(),
            doing: Doing::Nothing,
            request: 0,
            beat: 0,
            is_hinted: false,
            next_poll: 0,
            actions: VecDeque::new(),
            waiting: Vec::new(),
            rows: Vec::new(),
            effects: Vec::new(),
        };
        replica.member.join();
        replica.lose_session();
        replica
    }

    fn clock(&self, now: u64) -> Duration {
        Duration::from_millis(now) + self.clock_offset
    }

    pub fn owned(&self) -> usize {
        self.member.owned().count()
    }

    pub fn leave(&mut self) {
        self.member.leave();
        self.is_hinted = true;
    }

    pub fn hint(&mut self) {
        self.is_hinted = true;
        self.next_poll = 0;
    }

    pub fn deliver(&mut self, delivery: usize, events: Vec<Event>) {
        if !self.rules.commit_first {
            self.effects.push(Effect::Acknowledge(delivery));
        }
        self.waiting.push((delivery, events));
    }

    /// Whether it waits for the response to this request.
    pub fn is_waiting_for(&self, request: u64) -> bool {
        self.request == request && !matches!(self.doing, Doing::Nothing)
    }

    /// The session is lost, or the outcome of a request is unknown.
    pub fn lose_session(&mut self) {
        self.member.disconnected();
        if self.rules.reload {
            self.memory.clear();
        }
        self.publish();
        self.actions.clear();
        self.waiting.clear();
        self.rows.clear();
        self.doing = Doing::Connecting;
        self.request += 1;
        self.effects.push(Effect::Connect);
    }

    fn publish(&mut self) {
        self.published = self.member.exports();
    }

    fn send(&mut self, doing: Doing, request: Request) {
        self.doing = doing;
        self.request += 1;
        self.effects.push(Effect::Send(request));
    }

    fn forget(&mut self, shard: Shard) {
        let shards = self.shards;
        self.memory
            .retain(|account, _| shard_of(*account, shards) != shard);
    }

    /// Executes the next step, if the process waits for nothing. Returns the time of the next call.
    pub fn advance(&mut self, now: u64) -> Option<u64> {
        if !matches!(self.doing, Doing::Nothing) {
            return None;
        }
        let clock = self.clock(now);
        let next_heartbeat = self.member.next_heartbeat();
        if self.is_hinted || clock >= next_heartbeat {
            self.is_hinted = false;
            self.beat += 1;
            if self.rules.fresh_rows {
                self.rows.clear();
                self.next_poll = 0;
            }
            let request = Request::Heartbeat {
                id: self.id,
                beat: self.beat,
                leaving: self.member.is_leaving(),
            };
            self.send(Doing::Heartbeat(clock), request);
        } else if let Some(action) = self.actions.pop_front() {
            self.act(action, clock);
        } else if !self.waiting.is_empty() || !self.rows.is_empty() {
            self.commit();
        } else if self.member.is_leaving() && self.owned() == 0 {
            self.effects.push(Effect::Exit);
        } else if now >= self.next_poll {
            self.next_poll = now + POLL;
            let owned = self.member.owned().collect();
            self.send(Doing::Selecting, Request::Select(owned));
        } else {
            let heartbeat = next_heartbeat.saturating_sub(self.clock_offset).as_millis();
            let heartbeat = u64::try_from(heartbeat).expect("a short schedule");
            return Some(heartbeat.min(self.next_poll));
        }
        None
    }

    fn act(&mut self, action: Action, clock: Duration) {
        match action {
            Action::Drop(shard) => self.forget(shard),
            Action::Terminate(backend) => {
                self.send(Doing::Terminating, Request::Terminate(backend));
            }
            Action::Acquire(shard) => self.send(Doing::Locking(shard), Request::TryLock(shard)),
            Action::Release(shard) => {
                if let Some(release) = self.member.release(shard, clock) {
                    if self.rules.publish_first {
                        self.publish();
                        self.forget(shard);
                    }
                    let request = Request::MarkReleased {
                        shard,
                        epoch: release.epoch,
                        released: release.released || !self.rules.pass_hold_off_on,
                    };
                    self.send(Doing::Releasing(shard), request);
                }
            }
        }
    }

    /// Has one arm for each response, and is therefore long.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each step of the protocol"
    )]
    pub fn receive(&mut self, response: Response, now: u64) {
        let clock = self.clock(now);
        let doing = std::mem::replace(&mut self.doing, Doing::Nothing);
        match (doing, response) {
            (Doing::Connecting, Response::Connected(backend)) => {
                self.member.connected(backend);
            }
            (Doing::Heartbeat(began), Response::View(view)) => {
                match self.member.observe(&view, began) {
                    Ok(actions) => self.actions = actions.into(),
                    Err(_) => return self.lose_session(),
                }
                self.renewed = Some(began);
                self.publish();
            }
            (Doing::Locking(shard), Response::Locked(true)) => {
                self.send(Doing::Raising(shard), Request::Raise(shard));
            }
            (
                Doing::Raising(shard),
                Response::Raised {
                    epoch,
                    released,
                    accounts,
                },
            ) => {
                for (number, account) in accounts {
                    if self.rules.reload {
                        self.memory.insert(number, account);
                    } else {
                        self.memory.entry(number).or_insert(account);
                    }
                }
                let released = released || !self.rules.hold_off;
                self.member.acquired(shard, epoch, released, clock);
                self.publish();
                self.next_poll = 0;
            }
            (Doing::Releasing(shard), Response::Done) => {
                self.send(Doing::Unlocking, Request::Unlock(shard));
            }
            (Doing::Unlocking, Response::Done) => {
                self.publish();
                self.effects.push(Effect::Notify);
            }
            (Doing::Selecting, Response::Rows(rows)) => self.rows = rows,
            (
                Doing::Committing {
                    staged,
                    deliveries,
                    notifies,
                },
                Response::Committed,
            ) => {
                self.memory.extend(staged);
                let acknowledged = deliveries.into_iter();
                self.effects
                    .extend(acknowledged.map(|(delivery, _)| Effect::Acknowledge(delivery)));
                if notifies {
                    self.effects.push(Effect::Notify);
                }
            }
            (Doing::Committing { deliveries, .. }, Response::Fenced(shards)) => {
                for shard in shards {
                    self.member.drop_fenced(shard);
                    self.publish();
                    self.forget(shard);
                }
                self.waiting.splice(0..0, deliveries);
            }
            (Doing::Locking(_), Response::Locked(false)) | (Doing::Terminating, Response::Done) => {
            }
            (_, Response::Lost) => self.lose_session(),
            (doing, response) => panic!("{response:?} while {doing:?}"),
        }
    }
}
