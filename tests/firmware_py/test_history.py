"""History from cycle to disk and back: means by hand, and what clocks and gaps may not make of them."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from controller.forecasting.series import Series
from firmware_py.home.history import Closed, History, rest_w
from firmware_py.journal import SqliteJournal
from protocols.faults import StoreFailed
from sim_hardware.virtual_time import VirtualClock, run_virtual
from tests.scenarios.doubles import inline

MIDNIGHT = datetime(2026, 6, 17, tzinfo=UTC)
DAY_S = 86_400.0


class Hand:
    """A clock moved by hand."""

    def __init__(self, utc: datetime = MIDNIGHT, *, synchronised: bool = True) -> None:
        self.mono_s, self.wall, self.is_synchronised = 100.0, utc, synchronised

    def now_s(self) -> float:
        return self.mono_s

    def utc(self) -> datetime:
        return self.wall

    def synchronised(self) -> bool:
        return self.is_synchronised

    def passes(self, seconds: float) -> None:
        self.mono_s += seconds
        self.wall += timedelta(seconds=seconds)


class Home:
    """A history that is fed each `cycle_s`."""

    def __init__(self, journal: SqliteJournal, clock: Hand | None = None, cycle_s: float = 10.0) -> None:
        self.clock = clock or Hand()
        self.history, self.cycle_s = History(self.clock, journal), cycle_s

    def lives(self, seconds: float, **values: float | None) -> list[Closed]:
        """Feed what holds for so long, and stand at its end."""
        closed = list[Closed]()
        for _ in range(round(seconds / self.cycle_s)):
            closed += self.history.feed(values)
            self.clock.passes(self.cycle_s)
        return closed

    def of(self, name: str) -> Mapping[str, float]:
        return known(self.history.series(name))


def known(series: Series) -> dict[str, float]:
    times = [series.start + timedelta(seconds=900 * step) for step in range(len(series.values))]
    values = dict(zip(times, series.values.tolist(), strict=True))
    return {f"{time:%d %H:%M}": value for time, value in values.items() if np.isfinite(value)}


@pytest.fixture
def journal(tmp_path: Path) -> SqliteJournal:
    return SqliteJournal(tmp_path / "journal.sqlite", inline)


@pytest.fixture
async def home(journal: SqliteJournal) -> Home:
    return Home(journal)


async def test_a_quarter_hour_is_the_mean_by_time(home: Home, journal: SqliteJournal) -> None:
    home.lives(300, load=1000.0)
    home.lives(600, load=400.0, pv=0.0)
    closed = home.lives(10, load=7.0)
    assert closed == [Closed(MIDNIGHT, {"load": 600.0, "pv": 0.0})]
    assert home.of("load") == {"17 00:00": 600.0}
    assert home.history.names == ("load", "pv")
    assert len(home.history.series("nobody").values) == 0
    await journal.close()


async def test_a_value_counts_up_to_the_edge_it_crosses(journal: SqliteJournal) -> None:
    home = Home(journal, cycle_s=100.0)
    home.lives(800, load=0.0)
    home.lives(200, load=90.0)  # 100 s of it in this quarter-hour, 100 s in the next
    home.lives(800, load=0.0)
    home.lives(100, load=0.0)
    assert home.of("load") == pytest.approx({"17 00:00": 10.0, "17 00:15": 10.0})
    await journal.close()


async def test_less_than_half_of_a_quarter_hour_is_a_hole(home: Home, journal: SqliteJournal) -> None:
    home.lives(440, load=100.0, pv=-1.0)
    home.lives(10, load=100.0, pv=None)
    home.lives(450, load=None, pv=float("nan"), outdoor=float("inf"))
    closed = home.lives(20, load=1e9, outdoor=20.0)
    assert [each.means for each in closed] == [{"load": 100.0}]
    home.lives(900, load=1e9)
    assert home.of("load") == {"17 00:00": 100.0}
    assert home.of("pv") == home.of("outdoor") == {}
    await journal.close()


async def test_a_gap_is_a_hole_and_not_the_last_value(home: Home, journal: SqliteJournal) -> None:
    home.lives(900, load=100.0)
    home.clock.passes(3600.0)  # the cycle hung
    closed = home.lives(1800, load=300.0)
    assert home.of("load") == pytest.approx({"17 00:00": 100.0, "17 01:15": 300.0})
    assert [f"{each.start:%H:%M}" for each in closed if not each.means] == ["00:15", "00:30", "00:45", "01:00"]
    home.clock.passes(40 * DAY_S)
    assert len(home.lives(20, load=1.0)) < 120
    await journal.close()


async def test_a_clock_that_was_never_synchronised_writes_nothing(journal: SqliteJournal) -> None:
    home = Home(journal, Hand(datetime(1970, 1, 1, tzinfo=UTC), synchronised=False))
    assert home.lives(7200, load=100.0) == []
    assert home.history.names == ()
    home.clock.wall, home.clock.is_synchronised = MIDNIGHT, True
    home.lives(1000, load=100.0)
    home.clock.is_synchronised = False  # the network is gone; the clock goes on from where it was right
    home.lives(900, load=100.0)
    assert home.of("load") == {"17 00:00": 100.0, "17 00:15": 100.0}
    home.clock.wall += timedelta(hours=5)  # set by nobody knows whom
    home.lives(3600, load=100.0)
    assert home.of("load") == {"17 00:00": 100.0, "17 00:15": 100.0}
    await journal.close()


@pytest.mark.parametrize("step_s", [-3600.0, -300.0, 300.0, 3600.0])
async def test_a_clock_that_is_set_leaves_a_hole_and_nothing_false(
    home: Home, journal: SqliteJournal, step_s: float
) -> None:
    # What each quarter-hour holds is its own number, by the true clock; after the step the clock is true.
    def truly(moment: datetime) -> float:
        return (moment - MIDNIGHT) // timedelta(seconds=900)

    home.clock.wall += timedelta(hours=6) - timedelta(seconds=step_s)
    for _ in range(200):  # 2000 s until it is set
        home.lives(10, load=truly(home.clock.wall + timedelta(seconds=step_s)))
    home.clock.wall += timedelta(seconds=step_s)
    for _ in range(540):
        home.lives(10, load=truly(home.clock.wall))
    after = {time: value for time, value in home.of("load").items() if time >= "17 06:45"}
    assert after == {f"17 {6 + n // 4:02}:{n % 4 * 15:02}": 24 + n for n in range(3, 8)}
    assert all(time < "17 08:15" for time in home.of("load"))
    await journal.close()


async def test_a_restart_finds_what_was_kept_by_day(home: Home, journal: SqliteJournal) -> None:
    home.lives(2 * DAY_S / 8, load=123.456, **{"room.house": 20.5})
    assert await home.history.save()
    keys = sorted(await journal.kept_under("history/"))
    assert keys == ["history/load/2026-06-17", "history/room.house/2026-06-17"]
    again = History(home.clock, journal)
    await again.restore()
    assert again.names == home.history.names
    for name in again.names:
        assert known(again.series(name)) == known(home.history.series(name))
    assert {len(body) for body in (await journal.kept_under("history/")).values()} == {384}
    await journal.close()


async def test_sixty_days_are_kept_whatever_the_date(journal: SqliteJournal) -> None:
    home = Home(journal, cycle_s=100.0)
    home.clock.wall += timedelta(days=400)
    home.lives(1000, load=9.0)  # the clock was a year ahead
    home.clock.wall -= timedelta(days=400, seconds=1000)
    for day in range(62):
        home.lives(1800, load=float(day))
        home.clock.passes(DAY_S - 1800)
    home.lives(100, load=0.0)
    await home.history.save()
    days = sorted(key[-10:] for key in await journal.kept_under("history/load/"))
    assert (len(days), days[0], days[-1]) == (60, "2026-06-19", "2026-08-17")
    values = home.history.series("load").values
    assert values[np.isfinite(values)].tolist() == [float(day) for day in range(2, 62) for _ in range(2)]
    await journal.close()


async def test_what_lies_in_the_future_at_start_is_forgotten(journal: SqliteJournal) -> None:
    ahead = Home(journal)
    ahead.clock.wall += timedelta(hours=10)
    ahead.lives(2 * DAY_S, load=5.0)
    await ahead.history.save()
    again = Home(journal, Hand(MIDNIGHT + timedelta(hours=12)))
    await again.history.restore()
    again.lives(10, load=1.0)
    assert max(again.of("load")) == "17 11:45"
    await again.history.save()
    third = Home(journal, Hand(MIDNIGHT + timedelta(hours=12)))
    await third.history.restore()
    assert third.of("load") == again.of("load")
    await journal.close()


async def test_rubbish_on_disk_is_left_out_and_said(journal: SqliteJournal, caplog: pytest.LogCaptureFixture) -> None:
    good = np.full(96, np.nan, "<f4")
    good[4:6] = 7.0, np.inf
    values = {"load/2026-06-16": good.tobytes(), "load/2026-06-15": b"short", "load/soon": good.tobytes()}
    values["load/9999-12-31"] = good.tobytes()
    await journal.keep_all({f"history/{key}": body for key, body in values.items()})
    home = Home(journal)
    await home.history.restore()
    assert home.of("load") == {"16 01:00": 7.0}
    assert "history/load/2026-06-15 is left out: 5 bytes; 384 is a day" in caplog.text
    assert "history/load/soon is left out" in caplog.text
    await journal.close()


class Failing:
    """A store that fails so many times."""

    def __init__(self, journal: SqliteJournal, times: int) -> None:
        self._journal, self.times = journal, times

    def __getattr__(self, name: str) -> object:
        return getattr(self._journal, name)

    async def keep_all(self, values: Mapping[str, bytes | None]) -> None:
        if self.times:
            self.times -= 1
            raise StoreFailed("disk full")
        await self._journal.keep_all(values)


def test_the_writer_writes_each_quarter_hour_and_tries_again() -> None:
    async def play() -> list[str]:
        clock, journal = VirtualClock(MIDNIGHT), SqliteJournal(Path(":memory:"), inline)
        store = Failing(journal, 2)
        history = History(clock, store)  # type: ignore[arg-type]
        writing = asyncio.create_task(history.run())
        for _ in range(200):
            history.feed({"load": 5.0})
            await asyncio.sleep(10.0)
        writing.cancel()
        kept = list(await journal.kept_under("history/"))
        assert store.times == 0
        again = History(clock, journal)
        await again.restore()
        assert known(again.series("load")) == {"17 00:00": 5.0, "17 00:15": 5.0}
        await journal.close()
        return kept

    assert run_virtual(play(), horizon_s=DAY_S) == ["history/load/2026-06-17"]


@pytest.mark.parametrize(
    ("site_w", "others_w", "rest"),
    [
        (-1500.0, [-4000.0, 2000.0], 500.0),  # the modules make 4 kW, the battery takes 2
        (300.0, [], 300.0),
        (None, [100.0], None),
        (300.0, [0.0, None], None),
    ],
)
def test_load_is_what_is_left_of_the_site(
    site_w: float | None, others_w: list[float | None], rest: float | None
) -> None:
    assert rest_w(site_w, others_w) == rest
