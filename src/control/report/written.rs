//! The report as Markdown. Names and notes of others are text in it and nothing else.

mod words;

use std::fmt::Write as _;

use super::{
    Report,
    fold::WorkloadReport,
    timeline::{Happened, Moment},
};
use crate::{
    control::words::{list, span},
    model::Verb,
};
use words::{
    all, because, change, classes, counted, counts, in_short, length, moment, reasons, reviewed,
    text, times, trouble, who, why,
};

impl Report {
    /// The report as a Markdown file.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        self.title(&mut out);
        self.short(&mut out);
        self.timeline(&mut out);
        for workload in &self.workloads {
            self.workload(&mut out, workload);
        }
        self.changes(&mut out);
        self.readiness(&mut out);
        self.reviews(&mut out);
        self.open(&mut out);
        out.push_str(
            "\n## To be filled in\n\n- Impact on users:\n- Cause:\n- What helped:\n- What would have helped:\n",
        );
        out
    }

    fn title(&self, out: &mut String) {
        let _ = write!(
            out,
            "# Incident report: {}\n\n{} to {} ({}); written {} by {}, configuration {}.\n",
            text(&self.environment),
            moment(self.since),
            moment(self.until),
            span(length(self.since, self.until)),
            moment(self.made),
            text(self.by.name()),
            text(&self.fingerprint)
        );
        if let Some(workload) = &self.workload {
            let _ = write!(out, "\nOnly about {}.\n", text(workload.as_str()));
        }
        if self.looked.more {
            let _ = write!(
                out,
                "\n**Only the newest {} events were read**: what is older is missing below.\n",
                self.looked.events
            );
        }
    }

    fn short(&self, out: &mut String) {
        out.push_str("\n## In short\n\n");
        if self.workloads.is_empty() {
            out.push_str("- No request fell back, and none was refused a fallback.\n");
        }
        for workload in &self.workloads {
            let _ = writeln!(
                out,
                "- **{}**: {}",
                text(workload.workload.as_str()),
                in_short(workload)
            );
        }
        let broken = self
            .changes
            .iter()
            .filter(|record| record.break_glass)
            .count();
        let by_people = self.changes.iter().filter(|record| record.verb.is_some());
        let mut people: Vec<String> = by_people
            .clone()
            .map(|one| text(one.actor.name()))
            .collect();
        people.sort();
        people.dedup();
        let changes = by_people.count();
        let _ = writeln!(
            out,
            "- {}",
            match (changes, broken) {
                (0, _) => "Nobody changed anything.".to_owned(),
                (changes, 0) => format!("{} by {}.", counted(changes, "change"), list(people)),
                (changes, broken) => format!(
                    "{} by {}; {broken} past a failed check (break-glass).",
                    counted(changes, "change"),
                    list(people)
                ),
            }
        );
        let bad = self
            .readiness
            .iter()
            .filter(|turned| !turned.now.is_good())
            .count();
        if bad > 0 {
            let _ = writeln!(out, "- Readiness turned bad {}.", times(bad));
        }
        if !self.debts.is_empty() {
            let owed = self.debts.iter().map(|debt| text(debt.workload.as_str()));
            let _ = writeln!(out, "- Reviews are owed for {}.", list(owed));
        }
    }

    fn timeline(&self, out: &mut String) {
        out.push_str("\n## Timeline\n\n");
        if self.timeline.is_empty() {
            out.push_str("Nothing happened.\n");
            return;
        }
        out.push_str("| when (UTC) | what |\n|---|---|\n");
        let mut day = String::new();
        for moment in &self.timeline {
            let today = moment.at.strftime("%Y-%m-%d").to_string();
            let date = if today == day {
                String::new()
            } else {
                format!("{today} ")
            };
            let Some((until, what)) = self.told(moment) else {
                continue;
            };
            let _ = writeln!(
                out,
                "| {date}{}{until} | {what} |",
                moment.at.strftime("%H:%M:%S")
            );
            day = today;
        }
    }

    /// Until when, and what happened.
    fn told(&self, moment: &Moment) -> Option<(String, String)> {
        Some(match &moment.what {
            Happened::Trouble { workload, episode } => (
                if episode.to == episode.from {
                    String::new()
                } else {
                    episode.to.strftime(" to %H:%M:%S").to_string()
                },
                format!("**{}**: {}", text(workload.as_str()), trouble(episode)),
            ),
            Happened::Changed { sequence } => {
                let record = self.changes.iter().find(|one| one.sequence == *sequence)?;
                (String::new(), change(record))
            }
            Happened::Turned { index } => {
                let turned = self.readiness.get(*index)?;
                (
                    String::new(),
                    format!(
                        "readiness of {}: {} instead of {}{}",
                        text(turned.workload.as_str()),
                        turned.now,
                        turned.before,
                        because(&turned.why)
                    ),
                )
            }
            Happened::Reviewed { review } => {
                let head = self.reviews.iter().find(|one| one.id == *review)?;
                (String::new(), reviewed(head))
            }
        })
    }

    #[expect(clippy::unused_self, reason = "one section like the others")]
    fn workload(&self, out: &mut String, workload: &WorkloadReport) {
        let fallback = workload.fallback.as_ref().map_or_else(
            || "no fallback".to_owned(),
            |route| format!("fallback {}", text(route.as_str())),
        );
        let _ = write!(
            out,
            "\n## {}\n\nPrimary {}, {fallback}.\n\n| | |\n|---|---|\n",
            text(workload.workload.as_str()),
            text(workload.primary.as_str())
        );
        let mut row = |name: &str, value: String| {
            if !value.is_empty() {
                let _ = writeln!(out, "| {name} | {value} |");
            }
        };
        if let Some(carried) = &workload.carried {
            row("requests in all", all(carried));
        }
        row("sent to the fallback", workload.served.to_string());
        row("because", reasons(&workload.served_because));
        if workload.served > 0 {
            let (told, ended) = (workload.told, workload.ended);
            row(
                "callers were told",
                counts(&[
                    ("by header", told.header),
                    ("by header and in the answer", told.inline),
                    ("**by no notice**", told.none),
                ]),
            );
            row(
                "how they ended",
                counts(&[
                    ("completed", ended.completed),
                    ("with an error", ended.errors),
                    ("broke off", ended.broken),
                    ("client went away", ended.client_gone),
                    ("not known", ended.unknown),
                ]),
            );
        }
        row("failures that reached callers", workload.failed.to_string());
        row(
            "of what kind",
            counts(&[
                ("fallback not allowed", workload.refused),
                ("fallback failed, too", workload.exhausted),
                ("broke off after the first output", workload.broken),
            ]),
        );
        row("not allowed because", reasons(&workload.refused_because));
        row("error classes", classes(&workload.classes));
        row(
            "beside these",
            counts(&[
                ("wrong requests of callers", workload.callers_fault),
                (
                    "answers by a provider's own choice of model",
                    workload.provider_made,
                ),
            ]),
        );
    }

    fn changes(&self, out: &mut String) {
        if self.changes.is_empty() {
            return;
        }
        out.push_str(
            "\n## Changes\n\n| audit | when (UTC) | who | did | before | after | until | why |\n",
        );
        out.push_str("|---|---|---|---|---|---|---|---|\n");
        for record in &self.changes {
            let value = |change: Option<crate::model::Change>| {
                change.map_or_else(|| "configuration".to_owned(), |change| change.to_string())
            };
            let glass = if record.break_glass {
                " **break-glass**"
            } else {
                ""
            };
            let undoes = record
                .undoes
                .map_or_else(String::new, |of| format!(" {of}"));
            let _ = writeln!(
                out,
                "| {} | {} | {} | {}{undoes} {}{glass} | {} | {} | {} | {} |",
                record.sequence,
                moment(record.at),
                who(record),
                record.verb.map_or("expired", Verb::as_str),
                text(&record.key.named()),
                value(record.before),
                value(record.after),
                record.expires.map(moment).unwrap_or_default(),
                why(record)
            );
        }
    }

    fn readiness(&self, out: &mut String) {
        if self.readiness.is_empty() {
            return;
        }
        out.push_str(
            "\n## Readiness\n\n| when (UTC) | workload | fallback | before | now | why |\n",
        );
        out.push_str("|---|---|---|---|---|---|\n");
        for turned in &self.readiness {
            let mark = if turned.now.is_good() { "" } else { "**" };
            let fallback = turned.fallback.as_ref().map(|route| text(route.as_str()));
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {mark}{}{mark} | {} |",
                moment(turned.at),
                text(turned.workload.as_str()),
                fallback.unwrap_or_default(),
                turned.before,
                turned.now,
                text(&turned.why)
            );
        }
    }

    fn reviews(&self, out: &mut String) {
        if self.reviews.is_empty() && self.debts.is_empty() && self.orphaned.is_empty() {
            return;
        }
        out.push_str("\n## Reviews and debts\n\n");
        for head in &self.reviews {
            let _ = writeln!(out, "- {}: {}", moment(head.at), reviewed(head));
        }
        for debt in &self.debts {
            let _ = writeln!(
                out,
                "- **owed** since {} for {}: {} went past the gate (audit {}){}",
                moment(debt.since),
                text(debt.workload.as_str()),
                text(debt.by.name()),
                debt.sequence,
                because(&debt.note)
            );
        }
        for debt in &self.orphaned {
            let _ = writeln!(
                out,
                "- orphaned, owed since {} for {}, which is no longer configured: {} went past the gate (audit {}){}",
                moment(debt.since),
                text(debt.workload.as_str()),
                text(debt.by.name()),
                debt.sequence,
                because(&debt.note)
            );
        }
    }

    fn open(&self, out: &mut String) {
        if self.open.is_empty() {
            return;
        }
        out.push_str("\n## Open\n\n");
        for point in &self.open {
            let _ = writeln!(out, "- [ ] {}", text(point));
        }
    }
}
