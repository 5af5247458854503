//! A fleet in one thread through everything that breaks: `cargo bench --bench simulation -- SEEDS [SEED]` plays so many
//! seeds (20 if not said) from one on (1), each with 1,000 gateways, and prints what was seen. A seed plays the same
//! again on every machine. `GATEWAYS` and `SECONDS` of faults are taken from the environment (1000, 120).
//! It ends with 1 when something happened that must not.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::{process::ExitCode, time::Duration};

use backstop::{
    clock::Clock,
    store::{SimulationReport, SimulationSize, simulate},
};

fn number(text: Option<String>, usual: u64) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn main() -> ExitCode {
    // cargo adds `--bench`.
    let mut given = std::env::args().skip(1).filter(|it| !it.starts_with('-'));
    let (count, first) = (number(given.next(), 20), number(given.next(), 1));
    let gateways = number(std::env::var("GATEWAYS").ok(), 1_000);
    let faults = Duration::from_secs(number(std::env::var("SECONDS").ok(), 120));
    let size = SimulationSize::of(usize::try_from(gateways).unwrap_or(1_000), faults);
    let mut all = SimulationReport::default();
    let began = Clock::instant();
    for seed in first..first + count {
        let report = simulate(seed, &size);
        if !report.violations.is_empty() {
            println!("seed {seed}:\n{report}");
        }
        all.join(&report);
    }
    let took = began.elapsed();
    println!("seeds                    {count} from {first}, {gateways} gateways each");
    println!("{all}time taken               {:.1} s", took.as_secs_f64());
    if all.violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
