#!/bin/sh
# Install Debian packages as root; anyone else is told in one line what to run.
# usage: apt.sh REASON PACKAGE...
set -eu
reason=$1
shift
todo="apt-get update && apt-get install -y --no-install-recommends $*"

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "setup: $reason; as root, run: $todo" >&2
    exit 1
fi
echo "setup: $reason; installing $* from Debian" >&2
export DEBIAN_FRONTEND=noninteractive
if ! said=$({
    apt-get update -qq &&
        apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"
} 2>&1); then
    echo "$said" >&2
    echo "setup: $reason, and apt-get could not help (see above); as root, run: $todo" >&2
    exit 1
fi
