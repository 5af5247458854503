//! `backstop simulate`: the simulated providers alone.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    DemoError,
    provider::{self, Seat, Tempo},
    script::Script,
    signals,
};
use crate::clock::Clock;

/// What `backstop simulate` was asked for.
#[derive(Clone, Debug, Default)]
pub struct SimulateOptions {
    /// The first provider's port, the next ones follow. 0: any free ports.
    pub port: u16,
    /// A script of faults: `quiet`, `incident`, or the path of a TOML file. `None`: `quiet`.
    pub script: Option<String>,
    /// Ends by itself after this long.
    pub seconds: Option<Duration>,
    /// Makes answers repeatable.
    pub seed: Option<u64>,
}

/// Runs the simulated providers alone: gives `print` one line of JSON with their URLs, keys and models, and ends
/// when the time is up or at SIGTERM, SIGINT or SIGHUP.
pub async fn simulate(options: SimulateOptions, print: impl FnOnce(&str)) -> Result<(), DemoError> {
    let script = load_script(options.script.as_deref().unwrap_or("quiet"))?;
    let seats = provider::take_seats(options.port)?;
    let line = line(&seats);
    let end = CancellationToken::new();
    let tasks = TaskTracker::new();
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..));
    let clock = Clock::system();
    provider::start(seats, &script, seed, &clock, Tempo::Usual, &end, &tasks);
    print(&line);
    let asked = signals::asked_to_end(options.seconds).await;
    end.cancel();
    tasks.close();
    tasks.wait().await;
    asked.map_err(DemoError::Signals)
}

/// Loads a script and checks that its providers exist.
pub(super) fn load_script(name: &str) -> Result<Script, DemoError> {
    let script = Script::load(name).map_err(DemoError::Script)?;
    let known = super::cast::CAST;
    for provider in script.providers() {
        if !known.iter().any(|member| member.name == provider) {
            let names: Vec<_> = known.iter().map(|member| member.name).collect();
            return Err(DemoError::Script(format!(
                "script `{name}`: no simulated provider `{provider}`; use one of {}",
                names.join(", ")
            )));
        }
    }
    Ok(script)
}

fn line(seats: &[Seat]) -> String {
    let by_name = |value: &dyn Fn(&Seat) -> Value| -> Map<String, Value> {
        seats
            .iter()
            .map(|seat| (seat.member.name.to_owned(), value(seat)))
            .collect()
    };
    let models = |seat: &Seat| -> Value {
        let names = seat.member.models.iter().map(|model| model.name);
        names.collect()
    };
    json!({
        "providers": by_name(&|seat| json!(seat.url())),
        "families": by_name(&|seat| json!(seat.member.shape.family())),
        "keys": by_name(&|seat| json!(seat.member.key)),
        "models": by_name(&models),
    })
    .to_string()
}
