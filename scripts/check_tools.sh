#!/bin/sh
# Checks that the tools `make setup` and `make develop` build with are there and new enough. A missing one is named in one
# line with its cure (Debian or Ubuntu); the exit code is 1 then.
# usage: check_tools.sh PYTHON [NODE]: NODE is the least version of Node.js, 18.0 unless given
PYTHON=${1:-python3}
NODE=${2:-18.0}
status=0

missing() { # missing WHAT CURE
    echo "setup: $1; cure: $2" >&2
    status=1
}

# at_least VERSION MAJOR MINOR
at_least() {
    major=${1%%.*}
    rest=${1#*.}
    minor=${rest%%.*}
    [ "$major" -gt "$2" ] || { [ "$major" -eq "$2" ] && [ "$minor" -ge "$3" ]; }
}

if ! command -v "$PYTHON" >/dev/null 2>&1; then
    missing "Python >= 3.11 is missing" "apt-get install python3 python3-venv"
elif ! version=$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])') || ! at_least "$version" 3 11; then
    missing "Python >= 3.11 is needed, $PYTHON is ${version:-broken}" \
        "install a newer one and run make PYTHON=python3.12 (or its path)"
elif ! "$PYTHON" -c 'import ensurepip, venv' >/dev/null 2>&1; then
    missing "Python's venv module is missing" "apt-get install python3-venv"
fi

if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
    missing "Node.js >= $NODE with npm is missing" "apt-get install nodejs npm"
elif ! version=$(node --version | tr -d v) || ! at_least "$version" "${NODE%.*}" "${NODE#*.}"; then
    missing "Node.js >= $NODE is needed, node is ${version:-broken}" "install a newer one from https://nodejs.org"
fi

if ! command -v cc >/dev/null 2>&1; then
    missing "a C compiler (cc) is missing" "apt-get install build-essential"
fi

if ! command -v cargo >/dev/null 2>&1; then
    missing "Rust >= 1.89 is missing" "install it with https://rustup.rs"
elif ! version=$(rustc --version | cut -d' ' -f2) || ! at_least "$version" 1 89; then
    missing "Rust >= 1.89 is needed, rustc is ${version:-broken}" "rustup update stable"
fi

exit $status
