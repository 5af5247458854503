//! What a report leaves to do, as far as the records say: owed reviews, overrides in force, fallbacks that are
//! not ready, answers that nobody was told of.

use super::Report;
use crate::model::WorkloadName;

/// The open points, one sentence each; the most urgent first. Names in them are not escaped.
pub(super) fn todo(report: &Report) -> Vec<String> {
    let mut open: Vec<String> = report
        .debts
        .iter()
        .map(|debt| {
            format!(
                "review {}: its fallback was put into use without one (audit {})",
                debt.workload, debt.sequence
            )
        })
        .collect();
    open.extend(report.in_force.iter().map(|force| {
        let until = force.entry.expires.map_or_else(
            || "until it is changed".to_owned(),
            |end| format!("until {}", end.strftime("%Y-%m-%d %H:%MZ")),
        );
        format!(
            "still in force: {} on {}, {until}",
            force.entry.change,
            force.key.named()
        )
    }));
    open.extend(
        not_ready(report)
            .into_iter()
            .map(|(workload, word)| format!("the fallback of {workload} was last seen {word}")),
    );
    for workload in &report.workloads {
        let name = &workload.workload;
        if workload.told.none > 0 {
            open.push(format!(
                "answers of {name} that came from a fallback without a notice: {}",
                workload.told.none
            ));
        }
        if workload.ended.unknown > 0 {
            open.push(format!(
                "answers of {name} whose end is not known: {}; a gateway died, or they still run",
                workload.ended.unknown
            ));
        }
        if workload.failed > 0 && workload.fallback.is_none() {
            open.push(format!(
                "{name} has no fallback: {} failures reached its callers",
                workload.failed
            ));
        }
    }
    open
}

/// The workloads whose readiness ended badly, by name.
fn not_ready(report: &Report) -> Vec<(&WorkloadName, &'static str)> {
    let mut last: Vec<(&WorkloadName, crate::model::Readiness)> = Vec::new();
    for turned in &report.readiness {
        last.retain(|(workload, _)| *workload != &turned.workload);
        last.push((&turned.workload, turned.now));
    }
    last.sort_by_key(|(workload, _)| *workload);
    last.into_iter()
        .filter(|(_, now)| !now.is_good())
        .map(|(workload, now)| (workload, now.as_str()))
        .collect()
}
