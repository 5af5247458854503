#!/usr/bin/env bash
# Measures the console in a pty: `tests/bench/console.sh HARNESS [OPTION...]`: first paint, key to screen, bytes, idle
# cost, memory, and what it leaves behind. HARNESS is the folder of the terminal harness; options go to it.
#
# The console runs alone against a demo without a screen, as an operator's second console would.
set -euo pipefail
harness="$(cd "${1:?usage: tests/bench/console.sh HARNESS [OPTION...]}" && pwd)"
shift
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cargo build --release --locked
program="${CARGO_TARGET_DIR:-target}/release/backstop"
ready="$(mktemp)"
"$program" demo --headless --seconds 900 >"$ready" &
demo=$!
trap 'kill "$demo"; rm -f "$ready"' EXIT INT TERM
until [ -s "$ready" ]; do kill -0 "$demo"; done
config="$(sed -E 's/.*"config":"([^"]*)".*/\1/' "$ready")"
python3 "$harness/tuibench.py" --name backstop --size 120x40 --ready 'support-chat' --keys 'j*3,k*3' --quit q "$@" \
    -- "$program" --config "$config" console
