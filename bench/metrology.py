"""CPU and memory of the metrology, beside pqopen-lib on the same samples in the same run.

    .venv/bin/python -m bench.metrology [--peer PYTHON] [--seconds 60] [--repeats 4]

Six channels at 10 kHz in blocks of 200 ms, harmonics to 50 and flicker; PYTHON is that of an environment of its own with
pqopen-lib in it (its pins are not ours). One BLAS thread; repeats take turns, the least of each counts.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.machine import machine
from firmware_py.metrology.analyser import Analyser
from firmware_py.metrology.results import Config

RATE_HZ = 10_000
BLOCK = 2_000
ONE_THREAD = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
PEER = Path(__file__).with_name("metrology_peer.py")


def samples(seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Three phases at 50.02 Hz with harmonics 3, 5 and 7 and noise of 60 dB."""
    turn = 2 * np.pi * 50.02 * np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    angle = turn + np.array([[0.0], [-2 * np.pi / 3], [2 * np.pi / 3]])
    noise = np.random.default_rng(7).normal(size=(6, angle.shape[1])) * 1e-3
    volts = 325 * (np.sin(angle) + sum(0.02 * np.sin(h * angle) for h in (3, 5, 7)) + noise[:3])
    amperes = 7 * (np.sin(angle - 0.5) + sum(0.1 * np.sin(h * angle) for h in (3, 5, 7)) + noise[3:])
    return volts, amperes


def own(stored: str) -> float:
    """CPU seconds for all samples, in this process."""
    with np.load(stored) as found:
        volts, amperes = found["u"], found["i"]
    analyser = Analyser(Config(sample_rate_hz=RATE_HZ))
    began = time.process_time()
    for begin in range(0, volts.shape[1], BLOCK):
        analyser.feed(volts[:, begin : begin + BLOCK], amperes[:, begin : begin + BLOCK])
    return time.process_time() - began


def seconds_of(*command: str) -> float:
    """What a process of one BLAS thread prints: CPU seconds, imports left out."""
    return float(subprocess.run(command, capture_output=True, text=True, check=True, env=ONE_THREAD).stdout)


def memory(seconds: int) -> tuple[float, float]:
    """Resident MB of a fresh process that streams, after a tenth of the time and after all of it."""
    command = [sys.executable, "-m", "bench.metrology", "--stream", str(seconds)]
    early, late = subprocess.run(command, capture_output=True, text=True, check=True, env=ONE_THREAD).stdout.split()
    return float(early), float(late)


def resident_mb() -> float:
    """Of this process, now."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def stream(seconds: int) -> None:
    """Feed one second again and again; prints resident MB early and late."""
    volts, amperes = samples(1)
    analyser = Analyser(Config(sample_rate_hz=RATE_HZ))
    for second in range(seconds):
        for begin in range(0, RATE_HZ, BLOCK):
            analyser.feed(volts[:, begin : begin + BLOCK], amperes[:, begin : begin + BLOCK])
        if second in (seconds // 10, seconds - 1):
            print(resident_mb())


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.metrology", description=__doc__)
    parser.add_argument(
        "--peer",
        default=os.environ.get("PQOPEN_PYTHON"),
        help="a Python with pqopen-lib; absent: that of PQOPEN_PYTHON",
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--repeats", type=int, default=4)
    parser.add_argument("--own", help=argparse.SUPPRESS)
    parser.add_argument("--stream", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.stream is not None:
        return stream(chosen.stream)
    if chosen.own is not None:
        return print(own(chosen.own))
    return compare(chosen.peer, chosen.seconds, chosen.repeats)


def compare(peer_python: str | None, seconds: float, repeats: int) -> None:
    """Both in turn, then memory."""
    print(machine())
    volts, amperes = samples(seconds)
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        stored = f"{folder}/samples.npz"
        np.savez(stored, u=volts, i=amperes, fs=RATE_HZ)
        for _ in range(repeats):
            ours.append(seconds_of(sys.executable, "-m", "bench.metrology", "--own", stored) / seconds * 100)
            if peer_python is not None:
                theirs.append(seconds_of(peer_python, str(PEER), stored, str(BLOCK)) / seconds * 100)
    print(f"busbar      {min(ours):.2f} % of a core")
    if theirs:
        print(f"pqopen-lib  {min(theirs):.2f} % of a core, {min(theirs) / min(ours):.1f} times busbar's")
    else:
        print("pqopen-lib  not measured: no --peer and no PQOPEN_PYTHON")
    print("resident    {:.1f} MB after a tenth, {:.1f} MB at the end of 300 s".format(*memory(300)))


if __name__ == "__main__":
    main(sys.argv[1:])
