//! Operators race: fifty commands at once, for the same workload and for different ones, under gateways and a console.
//! In each round:
//!
//! - of plans made at the same revision exactly one is applied for each workload; everybody else is told, with exit
//!   code 4, who was faster;
//! - whoever was told that a change is made finds it in the audit, once;
//! - revisions and numbers go up, one by one, and the chain is whole;
//! - an override that nobody renews ends exactly once, whoever watches it.
//!
//! Two rounds; `tests/run race 20` does more and prints the figures.

use std::{collections::BTreeMap, fmt, time::Duration};

use backstop::{
    model::{AuditRecord, OverrideKey},
    store::{Access, AuditQuery, Store},
};
use tokio::time::timeout;

use crate::{
    cli_project::Run,
    support::{
        outpost::{Commands, Gateway, Outpost},
        pty::Pty,
        upstream::DEADLINE,
    },
};

/// Rounds unless `BACKSTOP_RACE_ROUNDS` says otherwise.
const ROUNDS: u64 = 2;
const OPERATORS: usize = 50;
const WORKLOADS: [&str; 3] = ["careful", "eager", "switched"];

#[derive(Debug, Default)]
struct Figures {
    rounds: u64,
    processes: usize,
    races: usize,
    won: usize,
    lost: usize,
    free: usize,
    acknowledged: usize,
    beaten: usize,
    nothing: usize,
    ends: usize,
    revision: u64,
}

impl fmt::Display for Figures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "rounds {}; commands {}, {OPERATORS} at once; plans at the same revision: races {}, won {}, lost {}, each \
             told who won; without a plan: {}, of these made {}, beaten {}, nothing left to do {}; changes that \
             somebody was told of {}, in the audit {}, each once; overrides that ended {}, each once; revision {}, one \
             by one",
            self.rounds,
            self.processes,
            self.races,
            self.won,
            self.lost,
            self.free,
            self.free - self.beaten - self.nothing,
            self.beaten,
            self.nothing,
            self.acknowledged,
            self.acknowledged,
            self.ends,
            self.revision
        )
    }
}

struct Race {
    post: Outpost,
    store: Store,
    figures: Figures,
    /// As somebody was told, by number.
    told: BTreeMap<u64, AuditRecord>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_operators_at_once_and_one_of_them_wins() {
    let rounds = std::env::var("BACKSTOP_RACE_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let post = Outpost::new("").await;
    post.faults("gateway", "");
    let mut gateways = ["one", "two"].map(|name| post.serve_beside(name));
    for gateway in &mut gateways {
        gateway.address().await;
    }
    let config = post.path().join("backstop.toml");
    let line = ["console", "--write", "--config", config.to_str().unwrap()];
    let console = Pty::backstop(&line, (100, 30));
    console.wait_for("switched");
    let mut race = Race {
        store: post.open(Access::Write).await,
        post,
        figures: Figures::default(),
        told: BTreeMap::new(),
    };
    for round in 0..rounds {
        race.planned(&[WORKLOADS[usize::try_from(round).unwrap() % 3]])
            .await;
        race.planned(&WORKLOADS).await;
        race.free().await;
        race.ends().await;
        race.figures.rounds += 1;
        race.check().await;
    }
    println!("race: {}", race.figures);
    assert!(gateways.iter_mut().all(Gateway::runs));
    // The console has followed all of it.
    console.wait_for(&format!("rev {}", race.figures.revision));
}

impl Race {
    /// Runs commands at once.
    async fn at_once(&mut self, lines: Vec<String>) -> Vec<Run> {
        self.figures.processes += lines.len();
        let commands: Commands = self.post.commands();
        let work = move || {
            let started: Vec<_> = lines
                .iter()
                .map(|line| commands.start(line, None))
                .collect();
            let ended = started
                .into_iter()
                .map(|child| Run::of(child.wait_with_output().unwrap()));
            ended.collect()
        };
        tokio::task::spawn_blocking(work).await.unwrap()
    }

    fn in_force(&self, workload: &str) -> bool {
        let key = OverrideKey::mode(workload.into());
        let table = self.store.overrides().borrow().clone();
        table
            .slots
            .get(&key)
            .is_some_and(|slot| slot.current.is_some())
    }

    /// Everybody starts from the configuration.
    async fn start_again(&mut self) {
        for workload in WORKLOADS
            .into_iter()
            .filter(|it| self.in_force(it))
            .collect::<Vec<_>>()
        {
            let line =
                format!("auto {workload} --confirm {workload} --reason drill --no-wait --json");
            let ended = self.at_once(vec![line]).await;
            self.note(&ended[0]);
        }
    }

    /// Notes what somebody was told; whether it was done.
    fn note(&mut self, run: &Run) -> bool {
        if run.code != Some(0) {
            return false;
        }
        let record: AuditRecord = serde_json::from_value(run.json()["audit"].clone()).unwrap();
        let twice = self.told.insert(record.sequence, record);
        assert_eq!(twice, None, "two were told of the same record");
        self.figures.acknowledged += 1;
        true
    }

    /// Plans that are made at the same revision and applied at the same moment.
    async fn planned(&mut self, workloads: &[&str]) {
        self.start_again().await;
        let orders: Vec<(usize, &str, &str)> = (0..OPERATORS)
            .map(|number| {
                let workload = workloads[number % workloads.len()];
                let verb = ["force", "hold"][number / workloads.len() % 2];
                (number, workload, verb)
            })
            .collect();
        let line = |(number, workload, verb): (usize, &str, &str), rest: &str| {
            format!("{verb} {workload} --as op-{number}- --reason drill --json {rest}")
        };
        let plans = orders.iter().map(|order| line(*order, "--plan")).collect();
        let plans = self.at_once(plans).await;
        let applied = orders.iter().zip(&plans).map(|(order, plan)| {
            assert_eq!(plan.code, Some(0), "{plan:?}");
            let id = plan.json()["id"].as_str().unwrap().to_owned();
            line(*order, &format!("--no-wait --apply {id}"))
        });
        let applied = applied.collect();
        let applied = self.at_once(applied).await;
        for workload in workloads {
            let of: Vec<(usize, &Run)> = orders
                .iter()
                .zip(&applied)
                .filter(|((_, of, _), _)| of == workload)
                .map(|((number, ..), run)| (*number, run))
                .collect();
            let won: Vec<usize> = of
                .iter()
                .filter(|(_, run)| run.code == Some(0))
                .map(|(number, _)| *number)
                .collect();
            assert_eq!(won.len(), 1, "{workload}: {of:#?}");
            for (number, run) in &of {
                if self.note(run) {
                    continue;
                }
                assert_eq!(run.code, Some(4), "{number}: {run:?}");
                let winner = format!("op-{}-", won[0]);
                assert!(
                    run.err.contains(&winner) && run.err.contains("drill"),
                    "{number} is not told that {winner} was faster, and why: {run:?}"
                );
                self.figures.lost += 1;
            }
            self.figures.won += 1;
            self.figures.races += 1;
        }
    }

    /// Everybody does what they like.
    async fn free(&mut self) {
        let lines = (0..OPERATORS)
            .map(|number| {
                let workload = WORKLOADS[number % 3];
                let verb = ["force", "hold", "auto"][number / 3 % 3];
                format!(
                    "{verb} {workload} --as op-{number}- --reason drill --confirm {workload} --no-wait --json"
                )
            })
            .collect();
        for run in self.at_once(lines).await {
            self.figures.free += 1;
            match run.code {
                Some(0) => {
                    self.note(&run);
                }
                Some(1) => self.figures.nothing += 1,
                Some(4) => {
                    assert!(run.err.contains("op-"), "not told who was faster: {run:?}");
                    self.figures.beaten += 1;
                }
                _ => panic!("{run:?}"),
            }
        }
    }

    /// Each workload's override ends by itself, with all gateways, a console and further commands about.
    async fn ends(&mut self) {
        self.start_again().await;
        let before = self.audit().await.len();
        let lines = WORKLOADS.map(|workload| {
            format!(
                "force {workload} --for 1s --reason drill --confirm {workload} --no-wait --json"
            )
        });
        for run in self.at_once(lines.into()).await {
            assert!(self.note(&run), "{run:?}");
        }
        let wait = async {
            while self.audit().await.len() < before + 6 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(DEADLINE, wait).await.expect("they end");
        // Everybody looks once more.
        for _ in 0..3 {
            self.store.end_expired().await.unwrap();
        }
        let audit = self.audit().await;
        for workload in WORKLOADS {
            let ended = audit[before..]
                .iter()
                .filter(|record| record.verb.is_none() && record.key.target() == workload);
            assert_eq!(ended.count(), 1, "{workload}: {:#?}", &audit[before..]);
            self.figures.ends += 1;
        }
    }

    async fn audit(&self) -> Vec<AuditRecord> {
        self.store.audit(AuditQuery::default()).await.unwrap()
    }

    async fn check(&mut self) {
        let audit = self.audit().await;
        for (index, record) in audit.iter().enumerate() {
            let number = index as u64 + 1;
            assert_eq!((record.sequence, record.revision.0), (number, number));
            match (record.verb, self.told.get(&number)) {
                // Nobody is told of an end.
                (None, None) => {}
                (Some(_), Some(told)) => assert_eq!(told, record),
                other => panic!("{record:?}: {other:?}"),
            }
        }
        assert_eq!(audit.len(), self.told.len() + self.figures.ends);
        self.figures.revision = audit.len() as u64;
        assert!(self.store.prove_audit(Vec::new()).await.unwrap().intact);
    }
}
