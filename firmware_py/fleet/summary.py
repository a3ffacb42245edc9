"""What a run of a fleet came to: one JSON object, last on stdout."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from firmware_py.fleet.tape import MODULUS, hash_text

WORST: Final = ("worst_late_s", "worst_reading_late_s", "worst_step_late_s", "worst_publish_s")


@dataclass(slots=True)
class Rated:
    """What was spent while every home's node ran; what rates per home are made of."""

    time_s: float = 0.0
    cpu_s: float = 0.0
    payload_bytes: int = 0
    wire_bytes: int = 0


@dataclass(slots=True)
class Part:
    """What one process did; parts of one fleet add up."""

    homes: int
    time_s: float
    cpu_s: float
    rss_bytes: int
    rated: Rated = field(default_factory=Rated)
    hash_sum: int = 0
    cycles: int = 0
    missed_cycles: int = 0
    setpoints: int = 0
    worst_late_s: float = 0.0
    worst_reading_late_s: float = 0.0
    worst_step_late_s: float = 0.0
    worst_publish_s: float = 0.0
    payload_bytes: int = 0
    messages: Counter[str] = field(default_factory=Counter)
    records: Counter[str] = field(default_factory=Counter)
    contracts: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)


class Summary(msgspec.Struct, frozen=True):
    """The figures of a fleet. `time_s` is how long it ran in its own time, `wall_s` how long that took.

    Late is what comes more than a period after the one before: cycles of a node, readings of a home confirmed by the
    broker (`reading`), steps of the physics (`step`). `worst_publish_s`: the longest that a broker took to confirm.
    Rates per home count from when all nodes have been started; `wire` is MQTT both ways, before TLS and TCP.
    """

    world: str
    homes: int
    shard: str
    seed: int
    mode: str
    jobs: int
    time_s: float
    wall_s: float
    cpu_s: float
    hash: str | None
    cycles: int
    setpoints: int
    messages: int
    messages_by_topic: dict[str, int]
    payload_bytes: int
    records_durable: dict[str, int]
    contracts: dict[str, int]
    faults_seen: dict[str, int]
    missed_cycles: int
    worst_late_s: float
    worst_reading_late_s: float
    worst_step_late_s: float
    worst_publish_s: float
    cpu_ms_per_home_s: float
    payload_bytes_per_home_s: float
    wire_bytes_per_home_s: float
    rss_bytes_per_home: float


def summed(parts: Sequence[Part]) -> Part:
    """The parts of one fleet as one."""
    total = Part(0, max(part.time_s for part in parts), 0.0, 0)
    for part in parts:
        total.homes += part.homes
        total.cpu_s += part.cpu_s
        total.rss_bytes += part.rss_bytes
        total.hash_sum = (total.hash_sum + part.hash_sum) % MODULUS
        total.cycles += part.cycles
        total.missed_cycles += part.missed_cycles
        total.setpoints += part.setpoints
        for name in WORST:
            setattr(total, name, max(getattr(total, name), getattr(part, name)))
        _add_rated(total.rated, part.rated)
        total.payload_bytes += part.payload_bytes
        for name in ("messages", "records", "contracts", "faults"):
            getattr(total, name).update(getattr(part, name))
    return total


def _add_rated(total: Rated, part: Rated) -> None:
    total.time_s = max(total.time_s, part.time_s)
    total.cpu_s += part.cpu_s
    total.payload_bytes += part.payload_bytes
    total.wire_bytes += part.wire_bytes


def summary(total: Part, run: dict[str, object], wall_s: float, *, hashed: bool) -> Summary:
    """The figures as they are shown; `run` says what was run (world, shard, seed, mode, jobs)."""
    rated = total.rated
    home_s = max(total.homes * rated.time_s, 1e-9)
    return Summary(
        **run,  # type: ignore[arg-type] # the five of them
        homes=total.homes,
        time_s=round(total.time_s, 3),
        wall_s=round(wall_s, 2),
        cpu_s=round(total.cpu_s, 2),
        hash=hash_text(total.hash_sum) if hashed else None,
        cycles=total.cycles,
        setpoints=total.setpoints,
        messages=total.messages.total(),
        messages_by_topic=dict(sorted(total.messages.items())),
        payload_bytes=total.payload_bytes,
        records_durable=dict(sorted(total.records.items())),
        contracts=dict(sorted(total.contracts.items())),
        faults_seen=dict(sorted(total.faults.items())),
        missed_cycles=total.missed_cycles,
        worst_late_s=round(total.worst_late_s, 3),
        worst_reading_late_s=round(total.worst_reading_late_s, 3),
        worst_step_late_s=round(total.worst_step_late_s, 3),
        worst_publish_s=round(total.worst_publish_s, 3),
        cpu_ms_per_home_s=round(1000.0 * rated.cpu_s / home_s, 4),
        payload_bytes_per_home_s=round(rated.payload_bytes / home_s, 1),
        wire_bytes_per_home_s=round(rated.wire_bytes / home_s, 1),
        rss_bytes_per_home=round(total.rss_bytes / max(total.homes, 1)),
    )
