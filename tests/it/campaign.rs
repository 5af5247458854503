//! The campaign: gateway, console and command line are killed with SIGKILL, at random moments and in the middle of
//! their system calls on the store, round after round on the same store. After each round:
//!
//! - every fallback that a client has seen has its event;
//! - every change that an operator was told of is there, with its audit record;
//! - revisions never go back, no plan was applied twice, the audit's chain is whole and fits what is in force.
//!
//! Fifty rounds; `tests/run campaign 1000` does more and prints the figures.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::SocketAddr,
    process::Output,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use backstop::{
    model::{AuditRecord, PlanId, Revision, Seq},
    store::{Access, AuditQuery, EventQuery},
};
use tokio::{sync::Notify, task::JoinSet, time::timeout};

use crate::support::{
    outpost::{Gateway, Outpost, ask},
    pty::Pty,
    upstream::DEADLINE,
};

/// Rounds unless `BACKSTOP_CAMPAIGN_ROUNDS` says otherwise.
const ROUNDS: usize = 50;
const CLIENTS: usize = 6;
/// A backup is made and put back, and the latter killed, this often.
const RESTORE_EVERY: usize = 10;
/// A console is opened and killed this often.
const CONSOLE_EVERY: usize = 8;

/// A call at which a process dies, and after how many of them at most.
type Point = (&'static str, usize);

const GATEWAY_POINTS: [Point; 6] = [
    ("pwrite events.db-wal", 40),
    ("sync events.db", 10),
    ("pwrite events.db", 40),
    ("pwrite pulse.db", 20),
    ("sync any", 10),
    ("any state/", 60),
];
const START_POINTS: [Point; 1] = [("any state/", 60)];
/// Of commands that change something: in the commit, and behind it, where nobody was told yet.
const COMMAND_POINTS: [Point; 7] = [
    ("pwrite state.db-wal", 6),
    ("pwrite state.db-wal", 14),
    ("sync state.db", 3),
    ("pwrite audit.anchors", 1),
    ("pwrite overrides.bell", 1),
    ("open state/", 12),
    ("any state/", 20),
];
const RESTORE_POINTS: [Point; 5] = [
    ("pwrite state/", 10),
    ("sync state", 10),
    ("open state/", 10),
    ("rename state/", 8),
    ("unlink state/", 8),
];

#[derive(Debug, Default)]
struct Figures {
    rounds: usize,
    gateways_at_random: usize,
    gateways_armed: usize,
    gateways_starting: usize,
    commands_killed: usize,
    consoles_killed: usize,
    restores_killed: usize,
    restores: usize,
    /// That clients saw.
    events: usize,
    found: usize,
    unlogged: usize,
    /// That operators were told of.
    changes: usize,
    changes_found: usize,
    untold: usize,
    revision: Revision,
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "rounds {}; killed: gateways {} (at random {}, in a system call {}, while starting {}), commands {}, \
             consoles {}, restores {} of {}; events expected {}, found {}, and {} answers marked as without one; \
             overrides expected {}, found {}, applied twice 0; made and nobody could be told of {}; revision {}, \
             never back",
            self.rounds,
            self.gateways_at_random + self.gateways_armed + self.gateways_starting,
            self.gateways_at_random,
            self.gateways_armed,
            self.gateways_starting,
            self.commands_killed,
            self.consoles_killed,
            self.restores_killed,
            self.restores,
            self.events,
            self.found,
            self.unlogged,
            self.changes,
            self.changes_found,
            self.untold,
            self.revision
        )
    }
}

/// What clients saw and operators were told in one round.
#[derive(Debug, Default)]
struct Seen {
    events: BTreeSet<String>,
    unlogged: usize,
    changes: Vec<AuditRecord>,
    killed: usize,
}

/// A run of the campaign.
struct Campaign {
    post: Outpost,
    random: fastrand::Rng,
    figures: Figures,
    /// Everything of the log up to here was looked at.
    place: Seq,
    /// By sequence, as operators were told.
    told: BTreeMap<u64, AuditRecord>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn whatever_is_killed_nothing_is_lost() {
    let variable = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let rounds = variable("BACKSTOP_CAMPAIGN_ROUNDS").unwrap_or(ROUNDS as u64);
    let seed = variable("BACKSTOP_CAMPAIGN_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("campaign: seed {seed}");
    let post = Outpost::new("").await;
    post.faults("gateway", "");
    post.faults("command", "");
    let mut campaign = Campaign {
        post,
        random: fastrand::Rng::with_seed(seed),
        figures: Figures::default(),
        place: Seq(0),
        told: BTreeMap::new(),
    };
    for round in 1..=usize::try_from(rounds).unwrap() {
        campaign.round(round).await;
        if round % 50 == 0 && round as u64 != rounds {
            println!("campaign: {}", campaign.figures);
        }
    }
    println!("campaign: {}", campaign.figures);
    let figures = &campaign.figures;
    assert!(figures.events > 0 && figures.changes > 0, "{figures}");
}

impl Campaign {
    async fn round(&mut self, round: usize) {
        if self.random.u8(..5) == 0 {
            self.kill_while_starting().await;
        }
        self.post.faults("gateway", "");
        let mut gateway = self.post.serve();
        let address = gateway.address().await;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let ended = Arc::new(AtomicBool::new(false));
        let (count, more) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let mut tasks = JoinSet::new();
        for number in 0..CLIENTS {
            let workload = ["careful", "eager"][number % 2];
            tasks.spawn(client(
                address,
                workload,
                Arc::clone(&seen),
                Arc::clone(&count),
                Arc::clone(&more),
            ));
        }
        let operators = self.operators(&seen, &ended);
        let mut console = round.is_multiple_of(CONSOLE_EVERY).then(|| self.console());

        let enough = 5 + self.random.usize(..60);
        self.end(&mut gateway, enough, &count, &more).await;
        if let Some(console) = &mut console {
            self.figures.consoles_killed += 1;
            console.signal("KILL");
        }
        ended.store(true, Ordering::Relaxed);
        while let Some(done) = timeout(DEADLINE, tasks.join_next())
            .await
            .expect("clients end")
        {
            done.unwrap();
        }
        for operator in operators {
            tokio::task::spawn_blocking(move || operator.join().unwrap())
                .await
                .unwrap();
        }
        drop(console);
        self.figures.rounds += 1;
        let seen = std::mem::take(&mut *seen.lock().unwrap());
        self.check(seen).await;
        if round.is_multiple_of(RESTORE_EVERY) {
            self.restore(round).await;
        }
    }

    /// Kills a gateway while it opens, makes or upgrades the store.
    async fn kill_while_starting(&mut self) {
        let how = self.armed(&START_POINTS);
        self.post.faults("gateway", &how);
        let mut gateway = self.post.serve();
        let wait = async {
            while gateway.runs() && !gateway.log().contains("the gateway serves") {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(DEADLINE, wait)
            .await
            .expect("a gateway that starts or dies");
        gateway.kill();
        self.figures.gateways_starting += 1;
    }

    /// A line for the layer: dies in one of these calls, after some of them.
    fn armed(&mut self, points: &[Point]) -> String {
        let (point, most) = points[self.random.usize(..points.len())];
        let how = ["kill-before", "kill-half", "kill-after"][self.random.usize(..3)];
        format!("{point} {how} {}\n", self.random.usize(..most))
    }

    /// Lets the gateway serve for a while and kills it: at a random moment, or in a system call.
    async fn end(
        &mut self,
        gateway: &mut Gateway,
        enough: usize,
        count: &AtomicUsize,
        more: &Notify,
    ) {
        let armed = self.random.bool();
        if armed {
            let how = self.armed(&GATEWAY_POINTS);
            self.post.faults("gateway", &how);
        }
        // An armed one shall come to its system call.
        let enough = if armed { enough + 200 } else { enough };
        let wait = async {
            loop {
                if count.load(Ordering::Relaxed) >= enough {
                    return true;
                }
                tokio::select! {
                    () = more.notified() => {}
                    () = tokio::time::sleep(Duration::from_millis(20)) => if !gateway.runs() {
                        return false;
                    },
                }
            }
        };
        if timeout(DEADLINE, wait).await.expect("answers or death") {
            // At no particular moment, also when it was armed and lives.
            let moment = Duration::from_micros(self.random.u64(..3_000));
            tokio::time::sleep(moment).await;
        }
        if armed && !gateway.runs() {
            self.figures.gateways_armed += 1;
        } else {
            self.figures.gateways_at_random += 1;
        }
        gateway.kill();
    }

    fn console(&self) -> Pty {
        let config = self.post.path().join("backstop.toml");
        let config = config.to_str().unwrap();
        Pty::backstop(&["console", "--write", "--config", config], (100, 30))
    }

    /// Two operators at the same workloads, each with commands of which some are killed.
    fn operators(
        &mut self,
        seen: &Arc<Mutex<Seen>>,
        ended: &Arc<AtomicBool>,
    ) -> Vec<std::thread::JoinHandle<()>> {
        let armed: Vec<String> = (0..24).map(|_| self.armed(&COMMAND_POINTS)).collect();
        (0..2)
            .map(|number| {
                let operator = Operator {
                    commands: self.post.commands(),
                    name: format!("command-{number}"),
                    random: self.random.fork(),
                    armed: armed.clone(),
                    seen: Arc::clone(seen),
                    ended: Arc::clone(ended),
                };
                std::thread::spawn(move || operator.work())
            })
            .collect()
    }

    /// Compares what was seen and told with what is there.
    async fn check(&mut self, seen: Seen) {
        let store = self.post.open(Access::Write).await;
        let query = EventQuery {
            after: self.place,
            ..EventQuery::default()
        };
        let events = store.events(query).await.unwrap();
        let there: BTreeSet<String> = events
            .iter()
            .map(|stored| stored.event.id.to_string())
            .collect();
        let silent: Vec<_> = seen.events.difference(&there).collect();
        assert!(
            silent.is_empty(),
            "{} fallbacks without an event: {silent:?}",
            silent.len()
        );
        self.place = events.last().map_or(self.place, |stored| stored.seq);

        let audit = store.audit(AuditQuery::default()).await.unwrap();
        let mut plans: BTreeSet<&PlanId> = BTreeSet::new();
        for (index, record) in audit.iter().enumerate() {
            assert_eq!(record.sequence, index as u64 + 1);
            let twice = record.plan.as_ref().is_some_and(|plan| !plans.insert(plan));
            assert!(!twice, "a plan was applied twice: {record:?}");
        }
        assert!(audit.is_sorted_by(|before, after| before.revision < after.revision));
        self.figures.events += seen.events.len();
        self.figures.found += seen.events.intersection(&there).count();
        self.figures.unlogged += seen.unlogged;
        self.figures.changes += seen.changes.len();
        self.figures.commands_killed += seen.killed;
        for change in seen.changes {
            self.told.insert(change.sequence, change);
        }
        for (sequence, told) in &self.told {
            let found = usize::try_from(*sequence)
                .ok()
                .and_then(|number| audit.get(number - 1));
            assert_eq!(
                found,
                Some(told),
                "a change that an operator was told of is lost"
            );
        }
        self.figures.changes_found = self.told.len();
        self.figures.untold = audit.len() - self.told.len();
        let revision = store.overrides().borrow().revision;
        assert!(revision >= self.figures.revision, "revisions went back");
        self.figures.revision = revision;
        let proof = store.prove_audit(Vec::new()).await.unwrap();
        assert!(proof.intact, "{proof:#?}");
        store.close().await.unwrap();
    }

    /// Makes a backup and puts it back, which is killed and run again.
    async fn restore(&mut self, round: usize) {
        let copy = format!("copy-{round}");
        self.post.run(&format!("backup {copy}")).exits(0);
        let how = self.armed(&RESTORE_POINTS);
        self.post.faults("command", &how);
        let line = ["restore", copy.as_str()];
        let mut command = self.post.command(&line);
        let done = self
            .post
            .under_faults(&mut command, "command")
            .output()
            .unwrap();
        self.figures.restores += 1;
        if !done.status.success() {
            assert_eq!(done.status.code(), None, "{done:?}");
            self.figures.restores_killed += 1;
            // Either nothing has happened yet, or everybody is told what to do.
            let status = self.post.run("status --json");
            assert!(
                status.code == Some(0) || status.err.contains("run `backstop restore` again"),
                "{status:?}"
            );
            self.post.run(&format!("restore {copy}")).exits(0);
        }
        self.post.faults("command", "");
        std::fs::remove_dir_all(self.post.path().join(copy)).unwrap();
        let place = self.place;
        self.check(Seen::default()).await;
        assert_eq!(self.place, place);
        let store = self.post.open(Access::Observe).await;
        assert!(*store.newest().borrow() >= place, "events are lost");
        store.close().await.unwrap();
    }
}

/// Asks until the gateway is gone; notes the event of every fallback whose head has arrived.
async fn client(
    address: SocketAddr,
    workload: &'static str,
    seen: Arc<Mutex<Seen>>,
    count: Arc<AtomicUsize>,
    more: Arc<Notify>,
) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    while let Some(answer) = ask(&client, address, workload).await {
        count.fetch_add(1, Ordering::Relaxed);
        more.notify_one();
        if answer.fallback.is_none() {
            // On hold, by an operator; or its event could not be written.
            assert_eq!(answer.status, 503, "{answer:?}");
            continue;
        }
        let mut seen = seen.lock().unwrap();
        if answer.unlogged {
            assert_eq!(workload, "eager", "{answer:?}");
            seen.unlogged += 1;
        } else {
            seen.events
                .insert(answer.event.expect("a fallback names its event"));
        }
    }
}

/// An operator at a shell.
struct Operator {
    commands: crate::support::outpost::Commands,
    name: String,
    random: fastrand::Rng,
    armed: Vec<String>,
    seen: Arc<Mutex<Seen>>,
    ended: Arc<AtomicBool>,
}

impl Operator {
    fn work(mut self) {
        while !self.ended.load(Ordering::Relaxed) {
            let workload = ["careful", "eager", "switched"][self.random.usize(..3)];
            let verb = ["force", "hold", "auto"][self.random.usize(..3)];
            let reason = if verb == "auto" { "" } else { "--reason drill" };
            if self.random.bool() {
                let line =
                    format!("{verb} {workload} {reason} --confirm {workload} --no-wait --json");
                self.change(&line);
                continue;
            }
            // The same plan from two shells at once: at most one of them does it.
            let planned = self
                .commands
                .run(&format!("{verb} {workload} {reason} --plan --json"));
            if planned.code != Some(0) {
                continue;
            }
            let id = planned.json()["id"].as_str().unwrap().to_owned();
            let line = format!(
                "{verb} {workload} {reason} --confirm {workload} --apply {id} --no-wait --json"
            );
            let line = line.replace(&format!("--confirm {workload} "), "");
            let other = self.commands.start(&line, None);
            let first = self.change(&line);
            let second = self.told(other.wait_with_output().unwrap());
            assert!(!(first && second), "{line} was done twice");
        }
    }

    /// Makes a change, killed or not; whether somebody was told that it is done.
    fn change(&mut self, line: &str) -> bool {
        let killed = self.random.u8(..3);
        let armed =
            (killed == 1).then(|| self.armed[self.random.usize(..self.armed.len())].clone());
        let mut child = self
            .commands
            .start(line, armed.map(|line| (self.name.as_str(), line)));
        if killed == 2 {
            std::thread::sleep(Duration::from_micros(self.random.u64(..60_000)));
            let _ = child.kill();
        }
        self.told(child.wait_with_output().unwrap())
    }

    /// Notes what a command has said.
    fn told(&self, output: Output) -> bool {
        let mut seen = self.seen.lock().unwrap();
        seen.killed += usize::from(output.status.code().is_none());
        let text = String::from_utf8(output.stdout).unwrap();
        // Killed or not: who reads this line takes the change for done.
        let Some(line) = text.lines().next().filter(|_| text.ends_with('\n')) else {
            return false;
        };
        let said: serde_json::Value = serde_json::from_str(line).unwrap();
        match said.get("audit") {
            Some(record) => {
                seen.changes
                    .push(serde_json::from_value(record.clone()).unwrap());
                true
            }
            None => false,
        }
    }
}
