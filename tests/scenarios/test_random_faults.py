"""Hours of faults by chance on every device: whatever comes, the node lives, lets go in time and accounts for everything.

The seed of the run is printed when it fails; `--seed` plays it again.
"""

import asyncio
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import Final

import pytest

from firmware_py.mistakes import LEASE_S
from protocols.messages import Telemetry
from sim_hardware.fault_script import FaultScript, RandomFaults
from sim_hardware.faults import Word
from tests.scenarios.film import Film, Row, at
from tests.scenarios.stage import ALL, MODELS, Setup, Stage
from tests.scenarios.truth import Truth
from tests.scenarios.words import charge, load, sends, sun

# `drift` cannot be known, so nothing true can be asked under it; `single_connection` strikes no bus in memory.
WORDS: Final = tuple(word for word in Word if word not in (Word.DRIFT, Word.SINGLE_CONNECTION))
HOUR_S: Final = 3600.0
# A contract of 8 minutes in each quarter of an hour; the last quarter is quiet, so that all can come back.
QUARTER_S, LASTS_S, QUIET_S = 900.0, 480.0, 900.0
# What may still be in force after an end: the lease, a cycle, and the time-out of a write that was under way.
LET_GO_S: Final = LEASE_S + 5.0
FREE: Final = (None, 0.0)


class Watch:
    """The battery's setpoint and the inverter's limit, sampled each second, and when a contract asked for them."""

    def __init__(self, horizon_s: float) -> None:
        self.windows = [(start, start + LASTS_S) for start in _starts(horizon_s)]
        self.held_too_long: list[str] = []

    def watched(self, stage: Stage) -> None:
        stage.beside(self._watch(stage), "watch")

    async def _watch(self, stage: Stage) -> None:
        while True:
            await asyncio.sleep(1.0)
            now_s = asyncio.get_running_loop().time()
            if not any(start <= now_s <= end + LET_GO_S for start, end in self.windows):
                self._look(stage, now_s)

    def _look(self, stage: Stage, now_s: float) -> None:
        """Outside of every contract a site at `idle` holds nothing."""
        if stage.home.store.request_w not in FREE:
            self.held_too_long.append(f"at {now_s:.0f} s the battery is told {stage.home.store.request_w} W")
        limit_w, rating_w = stage.home.plant.limit_w, stage.home.plant.rating_w
        if limit_w is not None and limit_w < rating_w:
            self.held_too_long.append(f"at {now_s:.0f} s PV is limited to {limit_w:.0f} W")


def _starts(horizon_s: float) -> list[float]:
    return [60.0 + QUARTER_S * number for number in range(int((horizon_s - QUIET_S) // QUARTER_S))]


def _rows(script: FaultScript, horizon_s: float, watch: Watch, truth: Truth) -> list[Row]:
    def begins(stage: Stage) -> None:
        stage.beside(script.play(stage.home.faults, 0.0), "faults")

    rows = [at(0, load(800), sun(400), charge(50), truth.watched, watch.watched, begins)]
    for number, (start, end) in enumerate(watch.windows):
        power_w = (1500.0, -1500.0, 0.0)[number % 3]
        rows.append(at(start - 30.0, sends(power_w=power_w, start_s=start, end_s=end)))
    return [*rows, at(horizon_s)]


def play(film: Film, seed: int, horizon_s: float) -> None:
    """One film, then all that must hold of it."""
    watch, truth = Watch(horizon_s), Truth()
    script = RandomFaults(12.0, WORDS, (1.0, 120.0)).draw(seed, horizon_s - QUIET_S - 120.0, ALL)
    stage = film(*_rows(script, horizon_s, watch, truth), setup=Setup(site={"rest": "idle"}, devices=ALL))
    struck = {word for faults in stage.home.faults.values() for word in Word if faults.seen[word]}
    assert struck, "a film without faults proves nothing"
    assert watch.held_too_long == [], watch.held_too_long[:3]
    for name in MODELS:
        lies = truth.lies(stage, name, unless=partial(_cannot_be_known, script, name))
        assert not lies, f"{name}: {lies[:3]}"
        _insist_that_health_only_changes(stage, name)
    _insist_that_nothing_is_missing(stage, horizon_s)
    _insist_that_every_contract_ends(stage, len(watch.windows))


def _cannot_be_known(script: FaultScript, device: str, came_s: float, reading: Telemetry) -> bool:
    """A frozen device for as long as it may stand still, and an inverter that shows zeros as if it slept."""
    frozen = (event for event in script.events if event.device == device and event.word is Word.FREEZE)
    if any(event.at_s <= came_s <= event.end_s + 2.0 for event in frozen):
        return True
    return device == "pv" and reading.values.get("voltage_l1_v") == 0.0


def _insist_that_health_only_changes(stage: Stage, device: str) -> None:
    states = [event.state for event in stage.head_end.happenings if event.subject == device and event.state != "lacks"]
    assert all(one != other for one, other in pairwise(states)), f"{device} said a state twice: {states}"
    assert states[-1] == "online", f"{device} did not come back: {states[-4:]}"


def _insist_that_nothing_is_missing(stage: Stage, horizon_s: float) -> None:
    for stream in ("interval", "contract"):
        numbers = sorted(stage.head_end.kept[stream])
        assert numbers == list(range(1, len(numbers) + 1)), f"{stream}: a number is missing"
    for name in MODELS:
        numbers = [reading.seq for _, reading in stage.head_end.telemetry(name)]
        assert numbers == list(range(1, len(numbers) + 1)), f"telemetry of {name}: a number is missing"
        intervals = [interval for interval in stage.head_end.intervals if interval.device == name]
        assert all(one.end == other.start for one, other in pairwise(intervals)), f"intervals of {name} do not tile"
        covered = datetime.fromisoformat(intervals[-1].end) - datetime.fromisoformat(intervals[0].start)
        assert covered.total_seconds() >= horizon_s - 300.0, f"intervals of {name} cover {covered}"


def _insist_that_every_contract_ends(stage: Stage, count: int) -> None:
    events = stage.head_end.contract_events
    ended = [event.contract for event in events if event.state == "expired"]
    assert ended == [f"dso-{number}" for number in range(1, count + 1)]
    assert {event.outcome for event in events if event.state == "expired"} <= {"delivered", "violated", "unproven"}


@pytest.mark.slow
@pytest.mark.parametrize("number", range(3))
def test_an_hour_of_faults_by_chance(film: Film, seed: int, number: int) -> None:
    play(film, seed + number, HOUR_S)


@pytest.mark.torture
@pytest.mark.parametrize("number", range(8))
def test_six_hours_of_faults_by_chance(film: Film, seed: int, number: int) -> None:
    play(film, seed + number, 6 * HOUR_S)
