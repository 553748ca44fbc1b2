#!/bin/sh
# Installs Debian's Chromium for the explorer's tests, for root; tells others how.
set -eu
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "chromium is missing; cure: apt-get install chromium, or set \$CHROMIUM to a program" >&2
    exit 1
fi
echo "setup: Debian's chromium"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium >/dev/null
