#!/bin/sh
# The foreign peers of the system tests: Mosquitto as the broker, its clients, mbpoll as a Modbus client, and libfaketime
# for a process whose clock jumps.
set -eu

have_all() {
    command -v mosquitto && command -v mosquitto_sub && command -v mbpoll && ls /usr/lib/*/faketime/libfaketime.so.1
} >/dev/null 2>&1

have_all && exit 0
had_broker=$(command -v mosquitto || true)
"$(dirname "$0")/apt.sh" "the system tests need mosquitto, mosquitto_sub, mbpoll and libfaketime" \
    mosquitto mosquitto-clients mbpoll libfaketime
if [ -z "$had_broker" ]; then
    # Tests start a broker of their own; nobody asked for one that listens for good.
    if [ -d /run/systemd/system ]; then systemctl disable --quiet --now mosquitto; else /etc/init.d/mosquitto stop; fi \
        >/dev/null 2>&1 || true
fi
have_all || { echo "setup: mosquitto, mosquitto_sub, mbpoll or libfaketime is still missing after their installation" >&2; exit 1; }
