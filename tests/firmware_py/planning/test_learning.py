"""Nightly learning: a good fit is kept and counts, a refused one is said with its reason and changes nothing."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from controller.thermal import fit_house
from controller.thermal.models import HouseModel
from controller.thermal.outcome import Fitted, Reason, Unfit
from firmware_py.home.history import Closed, History
from firmware_py.home.planning.learning import AT, Learner
from firmware_py.home.planning.settings import HeaterSet, HomeSet, RoomSet, TankSet
from firmware_py.journal import SqliteJournal
from sim_hardware.virtual_time import VirtualClock, run_virtual

MODEL = HouseModel(150.0, 5e6, 4e7, 900.0, 250.0)
ROOM = RoomSet("house", "living", (HeaterSet("pump", 2500.0, is_pump=True),))
TANK = TankSet("tank", "water", (HeaterSet("boiler", 2000.0),), 200.0)
HOME = HomeSet(ZoneInfo("Europe/Berlin"), (17_000.0, 10_000.0), rooms=(ROOM,))
QUARTER = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)


async def inline(work: Any, *args: object) -> Any:  # noqa: ANN401 - whatever the work returns
    return work(*args)


class Stand:
    """A learner on a journal."""

    def __init__(self, folder: Path, home: HomeSet = HOME) -> None:
        self.clock, self.events = VirtualClock(datetime(2026, 1, 10, 12, 0, tzinfo=UTC)), list[tuple[str, ...]]()
        self.journal = SqliteJournal(folder / "journal.sqlite", inline)
        history = History(self.clock, self.journal)
        self.learner = Learner(home, history, self.clock, self.journal, lambda *event: self.events.append(event))


def fits(monkeypatch: pytest.MonkeyPatch, found: object) -> list[HouseModel | None]:
    """What a fit finds from now on; with which present models it was asked."""
    asked: list[HouseModel | None] = []

    def fit(record: fit_house.HouseRecord, present: HouseModel | None = None) -> object:
        asked.append(present)
        return found

    monkeypatch.setattr(fit_house, "fit", fit)
    return asked


def test_a_good_fit_is_said_kept_and_there_after_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = fits(monkeypatch, Fitted(MODEL, {"envelope_w_per_k": 7.5}, 0.21, 14.0))

    async def main() -> None:
        first = Stand(tmp_path)
        await first.learner.learn()
        assert first.events == [("model of house", "learnt", "envelope_w_per_k 150 ± 7.5; 0.21 K off over 14 days")]
        await first.journal.close()
        second = Stand(tmp_path)
        await second.learner.recall()
        assert second.learner.models == {"house": MODEL}
        await second.learner.learn()
        await second.journal.close()

    run_virtual(main(), horizon_s=10.0)
    assert asked == [None, MODEL]


def test_a_refused_fit_is_said_with_its_reason_and_the_last_good_model_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits(monkeypatch, Unfit(Reason.RESIDUAL, "house: the model is 0.90 K off the record; at most 0.5 K"))

    async def main() -> None:
        stand = Stand(tmp_path)
        stand.learner.models["house"] = MODEL
        await stand.learner.learn()
        assert stand.learner.models == {"house": MODEL}
        said = "house: the model is 0.90 K off the record; at most 0.5 K [residual]"
        assert stand.events == [("model of house", "refused", said)]
        assert await stand.journal.kept("model/house") is None
        await stand.journal.close()

    run_virtual(main(), horizon_s=10.0)


def test_with_no_history_the_real_fits_refuse(tmp_path: Path) -> None:
    async def main() -> None:
        stand = Stand(tmp_path, HomeSet(HOME.zone, HOME.site_w, rooms=(ROOM,), tanks=(TANK,)))
        await stand.learner.learn()
        assert [event[:2] for event in stand.events] == [("model of house", "refused"), ("model of tank", "refused")]
        await stand.journal.close()

    run_virtual(main(), horizon_s=10.0)


def test_a_model_that_the_owner_wrote_down_is_not_learnt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = fits(monkeypatch, Fitted(MODEL, {}, 0.2, 14.0))
    told = RoomSet("house", "living", ROOM.heaters, model=HouseModel(100.0, 4e6, 3e7, 700.0))

    async def main() -> None:
        stand = Stand(tmp_path, HomeSet(HOME.zone, HOME.site_w, rooms=(told,)))
        await stand.learner.learn()
        await stand.journal.close()

    run_virtual(main(), horizon_s=10.0)
    assert asked == []


def test_it_learns_in_the_night_of_the_wall_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    fits(monkeypatch, Unfit(Reason.TOO_SHORT, "house: too short"))
    at: list[time] = []

    async def main() -> None:
        stand = Stand(tmp_path)
        learn = stand.learner.learn

        async def noted() -> None:
            at.append(stand.clock.utc().astimezone(HOME.zone).time())
            await learn()

        monkeypatch.setattr(stand.learner, "learn", noted)
        running = asyncio.create_task(stand.learner.run())
        await asyncio.sleep(3 * 86_400.0)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await stand.journal.close()

    run_virtual(main(), horizon_s=4 * 86_400.0)
    assert at == [AT, AT, AT]


def test_the_masses_are_followed_from_quarter_to_quarter(tmp_path: Path) -> None:
    """At rest: what 2100 W and 250 W bring into a house that loses 150 W/K is 15.7 K above the 5 degrees outside."""

    async def main() -> None:
        stand = Stand(tmp_path)
        means = {"house.temperature_c": 20.7, "outdoor": 5.0, "house.heat_w": 2100.0}
        stand.learner.closed(Closed(QUARTER, means))
        assert stand.learner.mass_c == {}, "no model, no masses"
        stand.learner.models["house"] = MODEL
        for _ in range(96):
            stand.learner.closed(Closed(QUARTER, means))
        assert stand.learner.mass_c["house"] == pytest.approx(20.7, abs=0.1)
        for _ in range(8):  # the thermometer is dead, the heating off: it cools by the model
            stand.learner.closed(Closed(QUARTER, {"outdoor": 5.0, "house.heat_w": 0.0}))
        assert 20.0 < stand.learner.mass_c["house"] < 20.65
        await stand.journal.close()

    run_virtual(main(), horizon_s=10.0)
