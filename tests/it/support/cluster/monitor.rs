//! What servers say of themselves on their monitoring ports.

use std::time::Duration;

use serde_json::Value;

/// How long one answer may take; a server that stands still gives none.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether it serves and its streams have caught up.
pub(crate) async fn healthy(url: &str) -> bool {
    let asked = reqwest::Client::new().get(format!("{url}/healthz"));
    matches!(asked.timeout(PATIENCE).send().await, Ok(answer) if answer.status().is_success())
}

/// Whom it takes for the leader of the whole.
pub(crate) async fn leader(url: &str) -> Option<String> {
    let said = ask(&format!("{url}/jsz")).await?;
    Some(said["meta_cluster"]["leader"].as_str()?.to_owned())
}

/// Whom it takes for the leader of a stream, and how many servers hold that stream; if it is one of them.
pub(crate) async fn leader_of(url: &str, stream: &str) -> Option<(String, usize)> {
    let said = ask(&format!("{url}/jsz?accounts=true&streams=true")).await?;
    let accounts = said["account_details"].as_array()?.iter();
    let held = accounts
        .filter_map(|account| account["stream_detail"].as_array())
        .flatten()
        .find(|held| held["name"] == stream)?;
    let others = held["cluster"]["replicas"].as_array().map_or(0, Vec::len);
    Some((held["cluster"]["leader"].as_str()?.to_owned(), others + 1))
}

async fn ask(url: &str) -> Option<Value> {
    let asked = reqwest::Client::new().get(url).timeout(PATIENCE);
    asked.send().await.ok()?.json().await.ok()
}
