//! Scripts: which fault meets which provider when, counted from the start and repeated.
//!
//! Built in (`quiet`, `incident`) or read from a TOML file. Pure: the time is passed in.

use std::{path::Path, time::Duration};

use serde::Deserialize;

use super::fault::FaultKind;

/// A timetable of faults.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    /// After so many seconds it begins again. 0: it runs once.
    #[serde(default)]
    pub(super) cycle_seconds: f64,
    /// In any order. The shares of steps that overlap add up.
    #[serde(default, rename = "step")]
    pub(super) steps: Vec<Step>,
}

/// One fault of a script.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// Whom it meets.
    pub(super) provider: String,
    /// Which of its models. `None`: all.
    pub(super) model: Option<String>,
    /// What happens.
    pub(super) fault: FaultKind,
    /// When it begins, in seconds from the start of the cycle.
    pub(super) at: f64,
    /// How long it lasts, in seconds.
    pub(super) lasting: f64,
    /// Which share of requests it meets, 0.0 to 1.0.
    #[serde(default = "whole")]
    pub(super) share: f64,
    /// How long the provider hesitates before it fails.
    #[serde(default)]
    pub(super) delay_ms: u64,
    /// What a rate limit hints at, in seconds.
    #[serde(default = "one")]
    pub(super) retry_after: u64,
}

const fn whole() -> f64 {
    1.0
}

const fn one() -> u64 {
    1
}

impl Step {
    /// Whether it is in force so many seconds into the cycle.
    fn covers(&self, second: f64) -> bool {
        second >= self.at && second < self.at + self.lasting
    }
}

impl Script {
    /// The built-in script of that name, or the file at that path.
    ///
    /// # Errors
    /// Why neither could be had, in words.
    pub(super) fn load(name: &str) -> Result<Self, String> {
        match name {
            "quiet" => Ok(Self::default()),
            "incident" => Self::parse(include_str!("incident.toml")),
            path => {
                let text = std::fs::read_to_string(Path::new(path)).map_err(|error| {
                    format!("script `{path}`: {error}; use quiet, incident or a TOML file")
                })?;
                Self::parse(&text).map_err(|error| format!("script `{path}`: {error}"))
            }
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    /// Only what concerns one provider.
    pub(super) fn of(&self, provider: &str) -> Self {
        Self {
            cycle_seconds: self.cycle_seconds,
            steps: self
                .steps
                .iter()
                .filter(|step| step.provider == provider)
                .cloned()
                .collect(),
        }
    }

    /// Names of providers in it.
    pub(super) fn providers(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|step| step.provider.as_str())
    }

    /// The steps in force after so long.
    pub(super) fn active(&self, elapsed: Duration) -> impl Iterator<Item = &Step> {
        let second = self.second(elapsed);
        self.steps.iter().filter(move |step| step.covers(second))
    }

    /// How long after `elapsed` the next step begins or ends. `None`: never again.
    pub(super) fn next_change(&self, elapsed: Duration) -> Option<Duration> {
        let second = self.second(elapsed);
        let edges = self
            .steps
            .iter()
            .flat_map(|step| [step.at, step.at + step.lasting]);
        let ahead = edges
            .filter_map(|edge| {
                if edge > second {
                    Some(edge - second)
                } else if self.cycle_seconds > 0.0 {
                    Some(edge + self.cycle_seconds - second)
                } else {
                    None
                }
            })
            .min_by(f64::total_cmp)?;
        Duration::try_from_secs_f64(ahead).ok()
    }

    fn second(&self, elapsed: Duration) -> f64 {
        let second = elapsed.as_secs_f64();
        if self.cycle_seconds > 0.0 {
            second % self.cycle_seconds
        } else {
            second
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Script;
    use crate::demo::{cast::CAST, fault::FaultKind};

    fn script(cycle: &str) -> Script {
        Script::parse(&format!(
            "{cycle}
            [[step]]
            provider = 'aurora'
            fault = '503'
            at = 3
            lasting = 10
            share = 0.5
            [[step]]
            provider = 'aurora'
            fault = 'refuse'
            at = 8
            lasting = 1
            "
        ))
        .unwrap()
    }

    #[test]
    fn steps_come_and_go_and_repeat() {
        let cases = [
            ("cycle_seconds = 20", 0, vec![]),
            ("cycle_seconds = 20", 3, vec![FaultKind::Unavailable]),
            (
                "cycle_seconds = 20",
                8,
                vec![FaultKind::Unavailable, FaultKind::Refuse],
            ),
            ("cycle_seconds = 20", 13, vec![]),
            (
                "cycle_seconds = 20",
                28,
                vec![FaultKind::Unavailable, FaultKind::Refuse],
            ),
            ("", 12, vec![FaultKind::Unavailable]),
            ("", 28, vec![]),
        ];
        for (cycle, second, expected) in cases {
            let script = script(cycle);
            let active = script.active(Duration::from_secs(second));
            let kinds: Vec<_> = active.map(|step| step.fault).collect();
            assert_eq!(kinds, expected, "{cycle} at {second}");
        }
    }

    #[test]
    fn the_next_change_is_found() {
        let change = |cycle: &str, second| script(cycle).next_change(Duration::from_secs(second));
        assert_eq!(change("", 0), Some(Duration::from_secs(3)));
        assert_eq!(change("", 8), Some(Duration::from_secs(1)));
        assert_eq!(change("", 13), None);
        assert_eq!(
            change("cycle_seconds = 20", 13),
            Some(Duration::from_secs(10))
        );
    }

    #[test]
    fn the_built_in_incident_names_what_exists() {
        let script = Script::load("incident").unwrap();
        for step in &script.steps {
            let member = CAST.iter().find(|member| member.name == step.provider);
            let member = member.unwrap_or_else(|| panic!("no provider {}", step.provider));
            if let Some(model) = &step.model {
                assert!(member.model(model).is_some(), "no model {model}");
            }
            assert!(step.at + step.lasting <= script.cycle_seconds, "{step:?}");
        }
    }

    #[test]
    fn the_example_of_the_readme_is_a_script() {
        let readme = include_str!("../../README.md");
        let (_, rest) = readme.split_once("```toml\ncycle_seconds").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        let example = &format!("cycle_seconds{example}");
        let script = Script::parse(example).unwrap();
        assert_eq!(script.steps.len(), 1);
    }

    #[test]
    fn mistakes_are_told() {
        assert!(
            Script::load("/does/not/exist")
                .unwrap_err()
                .contains("quiet")
        );
        assert!(Script::parse("[[step]]\nfault = 'x'").is_err());
        assert!(Script::parse("colour = 'red'").is_err());
    }
}
