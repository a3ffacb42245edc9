#!/bin/sh
# Two shards of a fleet, each in a network namespace of its own, at a broker in a third, joined by a bridge:
#
#   sudo examples/fleet/two-namespaces.sh [homes] [seconds]
#
# Prints for each shard its address, its summary, and at the end what one subscriber beside the broker heard: each home
# with its readings. Nothing of it touches the machine's own network; it leaves nothing behind.
# Needs root, iproute2, Mosquitto and its clients. Ends with 77 and a reason where namespaces are not possible.
set -eu

HOMES=${1:-6}
SECONDS_=${2:-8}
HERE=$(cd "$(dirname "$0")/../.." && pwd)
BUSBAR=${BUSBAR:-$HERE/.venv/bin/busbar}
WORLD=$HERE/examples/one-home.toml
PATH=$PATH:/usr/sbin:/sbin
TAG=busbar$$
FOLDER=$(mktemp -d)
STARTED=

skip() {
    echo "two-namespaces: skipped: $1" >&2
    exit 77
}

tidy() {
    for process in $STARTED; do
        kill "$process" 2>/dev/null && wait "$process" 2>/dev/null || true
    done
    for name in broker one two; do
        ip netns delete "$TAG-$name" 2>/dev/null || true
    done
    rm -rf "$FOLDER"
}

in_space() {
    name=$1
    shift
    ip netns exec "$TAG-$name" "$@"
}

# A namespace with an address, its cable plugged into the bridge, which stands in the broker's namespace.
space() {
    ip netns add "$TAG-$1"
    in_space "$1" ip link set lo up
    ip -n "$TAG-$1" link add eth0 type veth peer name "port-$1" netns "$TAG-broker"
    ip -n "$TAG-broker" link set "port-$1" master bridge0 up
    ip -n "$TAG-$1" address add "$2/24" dev eth0
    ip -n "$TAG-$1" link set eth0 up
}

[ "$(id -u)" = 0 ] || skip "it takes root to make network namespaces"
command -v ip >/dev/null || skip "ip is not installed (iproute2)"
command -v mosquitto >/dev/null || skip "mosquitto is not installed"
command -v mosquitto_sub >/dev/null || skip "mosquitto_sub is not installed (mosquitto-clients)"
trap tidy EXIT
trap 'exit 1' INT TERM
ip netns add "$TAG-broker" 2>"$FOLDER/why" || skip "$(cat "$FOLDER/why")"
in_space broker ip link set lo up
ip -n "$TAG-broker" link add bridge0 type bridge 2>"$FOLDER/why" || skip "$(cat "$FOLDER/why")"
ip -n "$TAG-broker" address add 10.77.0.1/24 dev bridge0
ip -n "$TAG-broker" link set bridge0 up
space one 10.77.0.11
space two 10.77.0.12

printf 'listener 1883 10.77.0.1\nallow_anonymous true\npersistence false\nlog_dest file %s/log\nlog_type all\nuser root\n' \
    "$FOLDER" >"$FOLDER/mosquitto.conf"
ip netns exec "$TAG-broker" mosquitto -c "$FOLDER/mosquitto.conf" 2>/dev/null &
STARTED="$STARTED $!"
tries=0
until in_space broker mosquitto_pub -h 10.77.0.1 -t probe -n 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { echo "two-namespaces: the broker does not start" >&2; exit 1; }
    sleep 0.1
done
# Everything that is said to be heard once: telemetry by topic and number.
ip netns exec "$TAG-broker" mosquitto_sub -h 10.77.0.1 -V 5 -q 1 -i ear -t 'busbar/1/+/telemetry/grid' -F '%t %p' \
    >"$FOLDER/heard" &
STARTED="$STARTED $!"
tries=0
until grep -q "Sending SUBACK to ear" "$FOLDER/log"; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { echo "two-namespaces: the subscriber does not start" >&2; exit 1; }
    sleep 0.1
done

ip netns exec "$TAG-one" "$BUSBAR" fleet "$WORLD" --homes "$HOMES" --shard 1/2 --real-time --for "${SECONDS_}s" \
    --broker mqtt://10.77.0.1 --json >"$FOLDER/one" &
ONE=$!
ip netns exec "$TAG-two" "$BUSBAR" fleet "$WORLD" --homes "$HOMES" --shard 2/2 --real-time --for "${SECONDS_}s" \
    --broker mqtt://10.77.0.1 --json >"$FOLDER/two" &
TWO=$!
STARTED="$STARTED $ONE $TWO"
wait "$ONE"
wait "$TWO"
in_space broker mosquitto_pub -h 10.77.0.1 -q 1 -t busbar/1/end/telemetry/grid -m '"seq":0,'
tries=0
until grep -q /end/ "$FOLDER/heard"; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { echo "two-namespaces: the subscriber does not hear the end" >&2; exit 1; }
    sleep 0.1
done

echo "shard 1/2 at 10.77.0.11: $(tail -n 1 "$FOLDER/one")"
echo "shard 2/2 at 10.77.0.12: $(tail -n 1 "$FOLDER/two")"
# The broker's log says from where each node came: "New client connected from 10.77.0.11:41234 as busbar-home-1 (p5, …".
sed -n 's/.*New client connected from \([0-9.]*\):[0-9]* as busbar-\([^ ]*\) .*/from \1 \2/p' "$FOLDER/log" | sort
sed '/\/end\//d; s|busbar/1/\([^/]*\)/.*"seq":\([0-9]*\),.*|heard \1 \2|' "$FOLDER/heard"
