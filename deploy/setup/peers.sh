#!/bin/sh
# The foreign peers of the system tests: Mosquitto as the broker, its clients, and mbpoll as a Modbus client.
set -eu

have_all() {
    command -v mosquitto && command -v mosquitto_sub && command -v mbpoll
} >/dev/null

have_all && exit 0
had_broker=$(command -v mosquitto || true)
"$(dirname "$0")/apt.sh" "the system tests need mosquitto, mosquitto_sub and mbpoll" mosquitto mosquitto-clients mbpoll
if [ -z "$had_broker" ]; then
    # Tests start a broker of their own; nobody asked for one that listens for good.
    if [ -d /run/systemd/system ]; then systemctl disable --quiet --now mosquitto; else /etc/init.d/mosquitto stop; fi \
        >/dev/null 2>&1 || true
fi
have_all || { echo "setup: mosquitto, mosquitto_sub or mbpoll is still missing after their installation" >&2; exit 1; }
