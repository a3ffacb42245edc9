"""The self-test: each check is good where it should be and names what it saw where it is not."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from firmware_py.journal import SqliteJournal
from firmware_py.meter.calibration import Constants
from firmware_py.meter.measure import InputFault, Window
from firmware_py.meter.self_test import Check, InputSeen, SelfTest, fingerprint, summary
from protocols.faults import StoreFailed
from protocols.ocmf_writing import TimeStatus, new_key, private_key
from sim_hardware.virtual_time import VirtualClock, run_virtual
from tests.firmware_py.meter.device_stage import inline

KEY = private_key(new_key()[0])
GOOD: Mapping[str, float | None] = {"voltage_l1_v": 230.0, "voltage_l2_v": 229.0, "voltage_l3_v": 231.0}


class Stuck(SqliteJournal):
    """A disk that takes everything and gives back what was there before."""

    async def kept(self, key: str) -> bytes | None:
        return b"old"


class Full(SqliteJournal):
    async def keep(self, key: str, value: bytes) -> None:
        raise StoreFailed("disk full")


def seen(values: Mapping[str, float | None], *faults: InputFault, fs_hz: float = 1000.0, blocks: int = 50) -> InputSeen:
    """Ten seconds of blocks of 200 samples."""
    found = InputSeen(1000.0, 230.0)
    for block in range(blocks + 1):
        found.samples(200, 200 * block / fs_hz)
    found.window(Window(0, 200, values, 1.0, 0.0, faults), 200 * blocks / fs_hz)
    return found


def checked(
    input_seen: InputSeen, journal: type[SqliteJournal] = SqliteJournal, at_s: float = 10.0, **parts: Any
) -> dict[str, Check]:
    found: dict[str, Check] = {}

    async def main() -> None:
        disk, clock = journal(Path(":memory:"), inline), VirtualClock()
        await asyncio.sleep(at_s)
        test = SelfTest(
            disk, clock, input_seen, lambda: TimeStatus.SYNCHRONISED, lambda: None, {}, dict, lambda: 2**40, KEY
        )
        found.update({check.name: check for check in await replace(test, **parts).run()})
        await disk.close()

    run_virtual(main(), horizon_s=100.0)
    return found


def bad(checks: dict[str, Check]) -> dict[str, str]:
    return {name: check.said for name, check in checks.items() if not check.is_good}


def test_all_is_good() -> None:
    checks = checked(seen(GOOD))
    assert list(checks) == [
        "input", "sample_rate", "reference", "channels", "storage", "disk", "calibration", "key", "clock", "log",
    ]  # fmt: skip
    assert bad(checks) == {}
    assert summary(list(checks.values())) == "10 of 10 good"


DEAD = InputFault("dead", "i2", 1.0)
CONSTANTS = {"u1": Constants(gain=1.01)}


@pytest.mark.parametrize(
    ("input_seen", "parts", "name", "said"),
    [
        (InputSeen(1000.0, 230.0), {}, "input", "nothing was measured yet"),
        (seen(GOOD), {"at_s": 12.5}, "input", "measured 2.5 s ago"),
        (seen(GOOD, fs_hz=1011.0), {}, "sample_rate", "1011.0 Hz of 1000 Hz"),
        (seen(GOOD, blocks=10), {}, "sample_rate", "less than 4 s"),
        (seen({**GOOD, "voltage_l2_v": 400.0}), {}, "reference", "230.0 V 400.0 V"),
        (seen(dict.fromkeys(GOOD, 3.0)), {}, "reference", "3.0 V"),
        (seen({}), {}, "reference", "no voltage"),
        (seen(GOOD, DEAD), {}, "channels", "dead i2"),
        (seen(GOOD), {"journal": Full}, "storage", "disk full"),
        (seen(GOOD), {"journal": Stuck}, "storage", "something else"),
        (seen(GOOD), {"free_bytes": lambda: 2**20}, "disk", "1 MiB free of 50 MiB"),
        (seen(GOOD), {"calibration": CONSTANTS}, "calibration", "was changed since"),
        (seen(GOOD), {"status": lambda: TimeStatus.UNKNOWN}, "clock", "status U"),
        (seen(GOOD), {"log_trouble": lambda: "log record 3: gone"}, "log", "record 3"),
    ],
)
def test_what_is_not_good_is_named(input_seen: InputSeen, parts: dict[str, Any], name: str, said: str) -> None:
    found = bad(checked(input_seen, **parts))
    assert said in found[name]


def test_a_phase_that_is_off_is_no_broken_reference() -> None:
    assert "reference" not in bad(checked(seen({**GOOD, "voltage_l3_v": 0.0})))


def test_a_fingerprint_is_of_what_is_said_and_not_of_how() -> None:
    one, other = {"u1": Constants(1.01), "u2": Constants()}, {"u2": Constants(), "u1": Constants(1.01)}
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(one) != fingerprint({**one, "u2": Constants(delay_us=1e-9)})
