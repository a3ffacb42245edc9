"""Films: timed rows of what happens and what must be seen.

    film(
        at(0, load(500), sun(0)),
        at(5, sends(power_w=1500, start_s=10, end_s=70)),
        at(9, hears("received", "accepted")),
        at(20, hears("written", "observed"), meter_shows(1500)),
    )

The node starts at 0 s; polls fall on whole seconds, cycles half a second later.
"""

import asyncio
import inspect
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from controller.life import REPORTS, TRANSITIONS
from protocols.contracts import State
from sim_hardware.virtual_time import run_virtual
from tests.scenarios.stage import MODELS, Setup, Stage, Step


@dataclass(frozen=True)
class Row:
    """What happens or must be seen at a second of the film."""

    at_s: float
    steps: tuple[Step, ...]


def at(at_s: float, *steps: Step) -> Row:
    """A row of a film."""
    return Row(at_s, steps)


class Film:
    """Plays rows on a fresh stage and hands the stage back, to be looked at."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.seed, self.folder, self._count = seed, folder, 0

    def __call__(self, *rows: Row, setup: Setup | None = None) -> Stage:
        self._count += 1
        folder = self.folder / f"film-{self._count}"
        folder.mkdir(parents=True)
        return run_virtual(self._play(rows, folder, setup or Setup()), horizon_s=rows[-1].at_s + 100.0)

    async def _play(self, rows: tuple[Row, ...], folder: Path, setup: Setup) -> Stage:
        stage = Stage(self.seed, folder, setup)
        try:
            for row in rows:
                await _until(row.at_s)
                await _turn(stage, row)
        finally:
            await stage.close()
        _insist_on_the_laws_of_every_film(stage)
        return stage


async def _until(at_s: float) -> None:
    loop = asyncio.get_running_loop()
    assert at_s >= loop.time(), f"row at {at_s:g} s: the film is at {loop.time():g} s already"
    await asyncio.sleep(at_s - loop.time())


async def _turn(stage: Stage, row: Row) -> None:
    try:
        stage.insist_all_run()
        for step in row.steps:
            result = step(stage)
            if inspect.isawaitable(result):
                await cast(Awaitable[object], result)
    except Exception as error:
        events = [f"{e.contract} {e.state} {e.reason} {e.why}" for e in stage.head_end.contract_events[-8:]]
        happened = [f"{e.at} {e.subject} {e.state}: {e.why}" for e in stage.head_end.happenings[-8:]]
        error.add_note("\n  ".join([f"in the row at {row.at_s:g} s; the last that was said:", *events, *happened]))
        raise


def _insist_on_the_laws_of_every_film(stage: Stage) -> None:
    for name in MODELS:
        readings = stage.head_end.telemetry(name)
        for at_s, reading in readings:
            assert reading.measured_at <= reading.received_at, f"{reading} came at {at_s}"
        if stage.lives == 1:
            numbers = [reading.seq for _, reading in readings]
            assert numbers == sorted(set(numbers)), f"telemetry of {name} came twice or out of order"
    states: dict[str, State] = {}
    for event in stage.head_end.contract_events:
        if event.contract is None or event.state in REPORTS:
            continue
        before = states.get(event.contract)
        # A refusal may meet a contract of the same name, which goes on; a restart reverts without a word.
        if before is not None and State.REFUSED not in (before, event.state) and event.state is not State.RECEIVED:
            assert event.state in TRANSITIONS[before] or stage.lives > 1, f"{before} to {event.state}"
        if event.state not in (State.REFUSED, State.RECEIVED) or before is None:
            states[event.contract] = event.state
