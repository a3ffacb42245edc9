"""The meter's own P1 telegram, read back by the reader that reads other makers' meters."""

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from protocols.p1 import P1Reader
from protocols.p1_telegram import Demand, Emucs, p1_telegram
from protocols.telegrams import Telegram

VALUES: dict[str, float | None] = {
    "power_w": -1234.0,
    "power_l1_w": 500.0,
    "power_l2_w": -1734.0,
    "power_l3_w": None,
    "voltage_l1_v": 230.14,
    "voltage_l2_v": 229.96,
    "voltage_l3_v": 0.0,
    "current_l1_a": 2.4,
    "energy_import_wh": 12_345_678.9,
    "energy_import_t1_wh": 2_345_678.0,
    "energy_export_wh": 5.0,
}
NOON = datetime(2026, 7, 1, 10, tzinfo=UTC).astimezone(ZoneInfo("Europe/Amsterdam"))


def read(telegram: bytes) -> dict[str, float | None]:
    (found,) = P1Reader().feed(telegram)
    assert isinstance(found, Telegram), found
    return dict(found.values)


def test_our_reader_reads_what_was_measured() -> None:
    found = read(p1_telegram("BB-7", NOON, VALUES))
    assert found == pytest.approx(
        {
            "power_w": -1234.0,
            "power_l1_w": 500.0,
            "power_l2_w": -1734.0,
            "voltage_l1_v": 230.1,
            "voltage_l2_v": 230.0,
            "voltage_l3_v": 0.0,
            "current_l1_a": 2.0,
            "energy_import_wh": 12_345_678.0,
            "energy_export_wh": 5.0,
        }
    )


def test_the_lines_are_those_of_a_captured_telegram() -> None:
    """Every code of ours stands with the same unit in the capture of a DSMR 5 meter, and in the same order of energies."""

    def codes(text: str) -> list[tuple[str, str]]:
        found = re.findall(r"^(\d-\d:[\d.]+)\((?:[^()*]*\*)?([^()]*)\)", text, re.MULTILINE)
        return [(code, unit if unit in ("kWh", "kW", "V", "A") else "") for code, unit in found]

    captured = codes((Path(__file__).parents[1] / "vectors/dsmr_v5.txt").read_text())
    values = {**VALUES, "power_l3_w": 0.0, "current_l2_a": 1.0, "current_l3_a": 1.0}
    ours = codes(p1_telegram("E0001", NOON, values).decode())
    assert len(ours) == 21
    assert set(ours) <= set(captured)
    assert ours[:9] == [each for each in captured if each in ours[:9]]


def test_the_clock_says_whether_it_is_summer() -> None:
    assert b"0-0:1.0.0(260701120000S)" in p1_telegram("x", NOON, {})
    winter = datetime(2026, 1, 1, 10, tzinfo=UTC).astimezone(ZoneInfo("Europe/Amsterdam"))
    assert b"0-0:1.0.0(260101110000W)" in p1_telegram("x", winter, {})


def test_registers_roll_over_and_are_cut_off() -> None:
    found = read(p1_telegram("x", NOON, {"energy_import_wh": 1e9 + 1999.999}))
    assert found["energy_import_wh"] == 1999.0


BRUSSELS = ZoneInfo("Europe/Brussels")
# The lines of tests/vectors/p1_fluvius.txt, as moments and powers.
FLUVIUS = Emucs(
    Demand(3064.0, datetime(2023, 11, 2, 11, 45, tzinfo=BRUSSELS)),
    [
        (datetime(2023, 9, 1, tzinfo=BRUSSELS), Demand(1862.0, datetime(2023, 8, 31, 18, 15, tzinfo=BRUSSELS))),
        (datetime(2023, 10, 1, tzinfo=BRUSSELS), Demand(4229.0, datetime(2023, 9, 10, 18, 30, tzinfo=BRUSSELS))),
        (datetime(2023, 11, 1, tzinfo=BRUSSELS), Demand(4927.0, datetime(2023, 10, 16, 13, 0, tzinfo=BRUSSELS))),
    ],
    breaker=1,
)


def test_maximum_demands_stand_as_a_belgian_meter_writes_them() -> None:
    captured = (Path(__file__).parents[1] / "vectors/p1_fluvius.txt").read_text()
    ours = (
        p1_telegram("E0001", datetime(2023, 11, 2, 12, 15, 48, tzinfo=BRUSSELS), VALUES, FLUVIUS).decode().split("\r\n")
    )
    history = next(line for line in ours if line.startswith("0-0:98.1.0"))
    # The capture has one month more, with a moment that is none, at its beginning.
    assert history.startswith("0-0:98.1.0(3)(1-0:1.6.0)(1-0:1.6.0)(230901000000S)")
    theirs = next(line for line in captured.splitlines() if line.startswith("0-0:98.1.0"))
    assert history.partition("(230901")[2] == theirs.partition("(230901")[2]
    for line in ours:
        if line.startswith(("1-0:1.6.0", "0-0:96.3.10", "0-0:96.1.4", "0-0:1.0.0")):
            assert line in captured.splitlines(), line


def test_a_dutch_meter_says_nothing_of_demand() -> None:
    assert b"1-0:1.6.0" not in p1_telegram("E0001", NOON, VALUES)
    assert b"1-0:1.6.0" not in p1_telegram("E0001", NOON, VALUES, Emucs())
