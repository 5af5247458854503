#!/usr/bin/env bash
# Measures the gateway beside a direct connection, nginx and haproxy: `tests/bench/gateway.sh HARNESS`.
#
# HARNESS is the folder of the gateway harness (its README says what it needs in PATH: wrk, oha, nginx, haproxy and
# its own tools). The peers run with the harness's configurations, Backstop with two workers on the processors 2 and
# 3. "fallback" is a primary that always answers 503, asked every time, with a durable event for each request.
set -euo pipefail
harness="$(cd "${1:?usage: tests/bench/gateway.sh HARNESS}" && pwd)"
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cargo build --release --locked
program="${CARGO_TARGET_DIR:-target}/release/backstop"
state="$(mktemp -d)"
gateway=""
trap '[ -z "$gateway" ] || kill "$gateway"; rm -rf "$state"' EXIT INT TERM

cat >"$state/backstop.toml" <<'TOML'
schema = 1
[store]
url = "sqlite:state"
[gateway]
listen = "127.0.0.1:18300"
workers = 2
[providers.healthy]
base_url = "http://127.0.0.1:19001"
family = "openai-chat"
key = { none = true }
[providers.broken]
base_url = "http://127.0.0.1:19002"
family = "openai-chat"
key = { none = true }
[providers.second]
base_url = "http://127.0.0.1:19004"
family = "openai-chat"
key = { none = true }
[routes.healthy]
provider = "healthy"
model = "stub-model"
capabilities = ["streaming"]
[routes.broken]
provider = "broken"
model = "stub-model"
capabilities = ["streaming"]
circuit = false
[routes.second]
provider = "second"
model = "stub-model"
capabilities = ["streaming"]
[workloads.pass]
primary = "healthy"
fallback = "second"
[workloads.fall]
primary = "broken"
fallback = "second"
TOML

taskset -c 2,3 "$program" --config "$state/backstop.toml" serve 2>"$state/log" &
gateway=$!
until curl -s -o /dev/null http://127.0.0.1:18300/readyz; do kill -0 "$gateway"; done
FALLBACK_URL=http://127.0.0.1:18300/w/fall/v1/chat/completions OUT="$state/figures.jsonl" \
    sh "$harness/run.sh" http://127.0.0.1:18300/w/pass/v1/chat/completions backstop "$gateway"
"$program" --config "$state/backstop.toml" events --limit 1 --json >/dev/null
