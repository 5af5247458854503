//! What a seed showed.

use std::{collections::BTreeMap, fmt, time::Duration};

/// How often something took how long, to two digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread(BTreeMap<u64, u64>);

impl Spread {
    pub(super) fn add(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut unit = 1;
        while micros / unit >= 100 {
            unit *= 10;
        }
        *self.0.entry(micros / unit * unit).or_default() += 1;
    }

    /// Adds what another showed.
    pub fn join(&mut self, other: &Self) {
        for (took, times) in &other.0 {
            *self.0.entry(*took).or_default() += times;
        }
    }

    /// How often it was measured.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.values().sum()
    }

    /// What so many of a thousand did not exceed.
    #[must_use]
    pub fn at(&self, thousandths: u64) -> Duration {
        let wanted = (self.count() * thousandths).div_ceil(1_000);
        let mut met = 0;
        for (took, times) in &self.0 {
            met += times;
            if met >= wanted {
                return Duration::from_micros(*took);
            }
        }
        Duration::ZERO
    }
}

/// What the authors of requests were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// It is in the log.
    pub acknowledged: u64,
    /// Nobody knows.
    pub unknown: u64,
    /// The state does not allow it.
    pub refused: u64,
    /// It was certainly not made.
    pub failed: u64,
    /// There is nothing to do.
    pub nothing: u64,
    /// Nothing: the process was killed.
    pub killed: u64,
}

impl Answers {
    fn join(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.refused += other.refused;
        self.failed += other.failed;
        self.nothing += other.nothing;
        self.killed += other.killed;
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} acknowledged, {} refused, {} failed, {} unknown, {} had nothing to do, {} killed on the way",
            self.acknowledged, self.refused, self.failed, self.unknown, self.nothing, self.killed
        )
    }
}

/// What a seed showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// It plays all of this again.
    pub seed: u64,
    /// How long it was, in the time of the simulation.
    pub lasted: Duration,
    /// What happened in it, one by one.
    pub steps: u64,
    /// A number made of every moment at which something happened.
    pub digest: u64,
    /// What operators were told of their changes and plans.
    pub changes: Answers,
    /// What gateways were told that wanted to end what had expired.
    pub ends: Answers,
    /// What gateways were told that let the fleet forget, or wrote the state down.
    pub house: Answers,
    /// How often a leader trimmed the log.
    pub trims: u64,
    /// How often a host went on from the base with which the log began.
    pub adopted: u64,
    /// How many facts are in the log.
    pub facts: u64,
    /// How often a host applied one.
    pub deliveries: u64,
    /// Restarts of processes of hosts.
    pub restarts: u64,
    /// Restarts of servers.
    pub server_restarts: u64,
    /// How often something was cut off.
    pub partitions: u64,
    /// How often the log lost its leader.
    pub leaders_lost: u64,
    /// Hosts that were cut off for long enough to have to say so.
    pub apart: u64,
    /// Gaps that readers met.
    pub gaps: u64,
    /// Readings that were begun again because the view stayed behind.
    pub stalls: u64,
    /// From when a change was agreed on until a host that said of itself to be in touch all along had applied it.
    pub seen_after: Spread,
    /// The longest that a host was behind after everything was mended.
    pub behind: Duration,
    /// What must not be.
    pub violations: Vec<String>,
    /// What happened last before it, oldest first.
    pub trace: Vec<String>,
}

impl Report {
    /// Counts another seed's to this one's.
    pub fn join(&mut self, other: &Self) {
        self.lasted += other.lasted;
        self.steps += other.steps;
        self.changes.join(other.changes);
        self.ends.join(other.ends);
        self.house.join(other.house);
        self.trims += other.trims;
        self.adopted += other.adopted;
        self.facts += other.facts;
        self.deliveries += other.deliveries;
        self.restarts += other.restarts;
        self.server_restarts += other.server_restarts;
        self.partitions += other.partitions;
        self.leaders_lost += other.leaders_lost;
        self.apart += other.apart;
        self.gaps += other.gaps;
        self.stalls += other.stalls;
        self.seen_after.join(&other.seen_after);
        self.behind = self.behind.max(other.behind);
        let seed = other.seed;
        let violations = other.violations.iter();
        self.violations
            .extend(violations.map(|what| format!("seed {seed}: {what}")));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.lasted.as_secs_f64() / 3_600.0;
        writeln!(
            formatter,
            "time played              {hours:.2} h, {} steps",
            self.steps
        )?;
        writeln!(formatter, "changes and plans        {}", self.changes)?;
        writeln!(formatter, "ends of what expired     {}", self.ends)?;
        writeln!(formatter, "forgetting and bases     {}", self.house)?;
        writeln!(
            formatter,
            "log                      {} facts, applied {} times, trimmed {} times; {} hosts went on from a base",
            self.facts, self.deliveries, self.trims, self.adopted
        )?;
        writeln!(
            formatter,
            "faults                   {} leaders lost, {} restarts of servers, {} of hosts' processes, {} partitions, \
             {} gaps, {} stalls",
            self.leaders_lost,
            self.server_restarts,
            self.restarts,
            self.partitions,
            self.gaps,
            self.stalls
        )?;
        writeln!(
            formatter,
            "seen by hosts in touch   p50 {:?}, p99 {:?} after it was agreed on ({} times)",
            self.seen_after.at(500),
            self.seen_after.at(990),
            self.seen_after.count()
        )?;
        writeln!(
            formatter,
            "longest behind           {:.1} s after everything was mended",
            self.behind.as_secs_f64()
        )?;
        writeln!(formatter, "cut off and said so      {} times", self.apart)?;
        writeln!(
            formatter,
            "violations               {}",
            self.violations.len()
        )?;
        for violation in &self.violations {
            writeln!(formatter, "  {violation}")?;
        }
        for line in &self.trace {
            writeln!(formatter, "    {line}")?;
        }
        Ok(())
    }
}
