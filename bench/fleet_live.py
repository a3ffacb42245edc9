"""A fleet in real time at a Mosquitto: `PYTHONPATH=. python -m bench.fleet_live [--homes 1000] [--seconds 120]`.

The fleet is pinned to one core, broker and subscriber to another (with one core only, all share it). What it publishes is
counted by a foreign client (mosquitto_sub), which also tells the longest that any reading of any home stayed away beyond
its second. CPU time is the fleet's own, after its ramp; MQTT bytes are counted both ways before TCP.
"""

import argparse
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

CYCLE_S = 1.0
LATE_S = 1.0
WORLD = Path(__file__).parents[1] / "examples" / "one-home.toml"
BUSBAR = Path(sys.executable).with_name("busbar")
TOPICS = "busbar/1/+/telemetry/#"


class Counter(Thread):
    """Reads what mosquitto_sub prints (seconds, topic): how many, and the longest gap on a topic beyond a cycle."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        super().__init__()
        self.messages, self.late, self.worst_late_s = 0, 0, 0.0
        self.last_s: dict[bytes, float] = {}
        self._process = process

    def run(self) -> None:
        """To the end of its output."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            seconds, topic = line.split()
            now_s = float(seconds)
            late_s = now_s - self.last_s.get(topic, now_s - CYCLE_S) - CYCLE_S
            self.messages += 1
            self.late += late_s > LATE_S
            self.worst_late_s = max(self.worst_late_s, late_s)
            self.last_s[topic] = now_s


def pinned(core: int, *words: str) -> list[str]:
    """The command on one core."""
    cores = sorted(os.sched_getaffinity(0))
    return ["taskset", "-c", str(cores[min(core, len(cores) - 1)]), *words]


def tool(name: str) -> str:
    """Where a program of Mosquitto's is."""
    found = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    if found is None:
        raise SystemExit(f"{name} is not installed: deploy/setup/peers.sh does it")
    return found


@contextmanager
def running(words: Sequence[str], **streams: int) -> "Iterator[subprocess.Popen[bytes]]":
    """A process for as long as the block lasts."""
    process = subprocess.Popen(words, **streams)  # type: ignore[call-overload] # stdout and stderr
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def free_port() -> int:
    """A loopback port that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    """Return once the broker takes connections."""
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("mosquitto does not start")


def cpu_s(process: "subprocess.Popen[bytes]") -> float:
    """What a running process has used."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(homes: int, seconds: float) -> None:
    """One run, and what came of it."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "mosquitto.conf"
        settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type error\n")
        with running(pinned(1, tool("mosquitto"), "-c", str(settings))) as broker:
            wait_for(port)
            where = ["-h", "127.0.0.1", "-p", str(port), "-V", "5", "-q", "0", "-t", TOPICS, "-F", "%U %t"]
            with running(pinned(1, tool("mosquitto_sub"), *where), stdout=subprocess.PIPE) as subscriber:
                counter = Counter(subscriber)
                counter.start()
                told = fleet(homes, seconds, port)
                used_s = cpu_s(broker)
            counter.join()
    report(told, counter, used_s)


def fleet(homes: int, seconds: float, port: int) -> dict[str, float]:
    """The summary of the fleet, run to its end."""
    words = [str(BUSBAR), "fleet", str(WORLD), "--homes", str(homes), "--real-time", "--for", f"{seconds:g}s"]
    done = subprocess.run(
        pinned(0, *words, "--broker", f"mqtt://127.0.0.1:{port}", "--json"), stdout=subprocess.PIPE, check=True
    )
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def report(told: dict[str, float], counter: Counter, broker_cpu_s: float) -> None:
    """Say what it came to."""
    print(f"{told['homes']} homes in real time, {told['time_s']:.0f} s, one core; {platform.machine()}, "
          f"Python {platform.python_version()}")  # fmt: skip
    print(
        f"  {told['cpu_ms_per_home_s']:.3f} ms CPU, {told['payload_bytes_per_home_s']:.0f} bytes of payload and"
        f" {told['wire_bytes_per_home_s']:.0f} of MQTT per home-second; {told['rss_bytes_per_home'] / 1024:.0f} KiB a home"
    )
    print(
        f"  worst late: cycle {told['worst_late_s']:.3f} s, reading {told['worst_reading_late_s']:.3f} s, physics"
        f" {told['worst_step_late_s']:.3f} s; slowest confirmation {told['worst_publish_s']:.3f} s;"
        f" cycles missed: {told['missed_cycles']} of {told['cycles']}"
    )
    sent = told["messages_by_topic"]["telemetry"]  # type: ignore[index] # one of the few that is a table
    print(
        f"  mosquitto_sub: {counter.messages} readings ({sent} confirmed) on {len(counter.last_s)} topics, {counter.late} more than"
        f" {LATE_S:g} s late, the worst {counter.worst_late_s:.3f} s; broker {broker_cpu_s / told['time_s']:.0%} of a core"
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet_live", description=__doc__)
    parser.add_argument("--homes", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=120.0)
    chosen = parser.parse_args(arguments)
    measure(chosen.homes, chosen.seconds)


if __name__ == "__main__":
    main()
