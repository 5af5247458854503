# shellcheck shell=bash
# Sourced by tests/run and .ci/run, in the directory of the project: makes cargo work in a bare environment.

target="${CARGO_TARGET_DIR:-target}"
mkdir -p "$target"
target="$(cd "$target" && pwd)"

# Some clients want a home, even an empty one.
if [ -z "${HOME:-}" ] || ! [ -w "$HOME" ]; then
    export HOME="$target/home"
    mkdir -p "$HOME"
fi

if ! command -v cargo >/dev/null; then
    echo "cargo is needed and missing; install a Rust toolchain" >&2
    exit 2
fi

# A cargo that rustup installed for another home finds its toolchain only when it is told where that is.
if ! cargo --version >/dev/null 2>&1; then
    rustup_home="$(dirname "$(command -v cargo)")/../../.rustup"
    if [ -d "$rustup_home" ]; then
        RUSTUP_HOME="$(cd "$rustup_home" && pwd)"
        export RUSTUP_HOME
    fi
    if ! cargo --version; then
        echo "cargo does not run; see above" >&2
        exit 2
    fi
fi

# Node trusts only the roots it brings; a network with roots of its own has them in the system's store.
system_roots=/etc/ssl/certs/ca-certificates.crt
if [ -z "${NODE_EXTRA_CA_CERTS:-}" ] && [ -r "$system_roots" ]; then
    export NODE_EXTRA_CA_CERTS="$system_roots"
fi
