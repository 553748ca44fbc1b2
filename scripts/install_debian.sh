#!/bin/sh
# Installs the Debian packages NAME.. that tests need and no other registry has, for root; tells others how.
set -eu
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "missing for the tests: $*; cure: apt-get install $*" >&2
    exit 1
fi
echo "setup: Debian's $*"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "$@" >/dev/null
