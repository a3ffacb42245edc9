"""A fleet on virtual time: as fast as the machine can, in as many processes as there are jobs."""

import logging
import pickle
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from firmware_py.fleet.stage import Fleet, Play, in_memory
from firmware_py.fleet.summary import Part, Summary, summary, summed
from firmware_py.fleet.tape import Tape
from sim_hardware.memory_broker import MemoryBroker
from sim_hardware.virtual_time import run_virtual
from sim_hardware.world.config import WorldConfig
from sim_hardware.world.plan import Shard, planned
from sim_hardware.world.world import World

# Nodes let go of their devices at the end, and faults may make that take its time.
END_S = 600.0


@dataclass(frozen=True, slots=True)
class Run:
    """What is to be played; picklable, as each job is a process."""

    config: WorldConfig
    homes: int | None
    shard: Shard
    for_s: float
    state_dir: Path | None = None


def play_virtual(run: Run) -> Part:
    """One shard, in this process."""

    async def main() -> Part:
        world, broker, tape = World(run.config, planned(run.config, run.homes, run.shard)), MemoryBroker(), Tape()
        broker.connect(tape)
        return await Fleet(world, in_memory(broker), Play(run.for_s, state_dir=run.state_dir), tape).run()

    return run_virtual(main(), horizon_s=run.for_s + END_S)


def run_fleet_virtual(run: Run, jobs: int) -> Summary:
    """All of a shard, in `jobs` processes; what comes out does not depend on how many."""
    began_s = time.monotonic()
    parts = _played(_dealt(run, jobs))
    told = {
        "world": run.config.world.name,
        "shard": f"{run.shard.index}/{run.shard.count}",
        "seed": run.config.world.seed,
        "mode": "virtual",
        "jobs": len(parts),
    }
    return summary(summed(parts), told, time.monotonic() - began_s, hashed=True)


def _dealt(run: Run, jobs: int) -> list[Run]:
    """The run in parts: shard i of n in k parts is shards i, i + n, i + 2 n … of k n."""
    index, count = run.shard.index, run.shard.count
    parts = [Shard(index + part * count, count * jobs) for part in range(jobs)]
    return [Run(run.config, run.homes, part, run.for_s, run.state_dir) for part in parts]


def _played(runs: Sequence[Run]) -> list[Part]:
    """The first here, the others each in a process of their own."""
    jobs = [(_started(), pickle.dumps(run)) for run in runs[1:]]
    with ThreadPoolExecutor(max(len(jobs), 1)) as waiting:
        others = [waiting.submit(job.communicate, run) for job, run in jobs]
        first = play_virtual(runs[0])
        out = [future.result()[0] for future in others]
    if failed := [job for job, _ in jobs if job.returncode]:
        raise RuntimeError(f"{len(failed)} of {len(runs)} jobs failed; what they said stands above")
    return [first, *(pickle.loads(part) for part in out)]


def _started() -> subprocess.Popen[bytes]:
    """A job: it reads its run from stdin and writes its part to stdout (not `multiprocessing`: that leaves a tracker)."""
    return subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


if __name__ == "__main__":
    logging.getLogger("busbar").setLevel(logging.ERROR)
    sys.stdout.buffer.write(pickle.dumps(play_virtual(pickle.loads(sys.stdin.buffer.read()))))
