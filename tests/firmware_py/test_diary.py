"""How much the diary writes down, and what it deletes, against counts made by hand."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from controller.cycle import Decision, Inputs
from controller.laws import dispatch
from controller.settle import Verdict
from controller.wishes import Band
from firmware_py.home.diary import BURST, Dated, Diary
from firmware_py.home.report import Explained
from firmware_py.journal import SqliteJournal
from protocols.contracts import utc_text
from protocols.evidence import WHY
from protocols.messages import Why
from sim_hardware.virtual_time import VirtualClock, run_virtual
from tests.scenarios.doubles import inline
from tests.scenarios.stage import EPOCH

DAY_S = 86400.0


def explained(now_s: float, target_w: float, set_by: str = "self_consumption") -> Explained:
    verdict = Verdict(target_w, Band(), set_by, "because")
    decision = Decision({"battery": target_w}, verdict, dispatch.Why())
    return Explained(decision, Inputs(now_s, 0.0, 0.0, ()))


class Desk:
    """A diary on virtual time; `cycles` decides each second what it is told."""

    def __init__(self, keep_s: float) -> None:
        self.clock = VirtualClock(EPOCH)
        self.journal = SqliteJournal(Path(":memory:"), inline)
        self.diary = Diary(self._why, self.clock, self.journal, keep_s)

    def _why(self, told: Explained) -> Why:
        verdict = told.decision.verdict
        return Why("h", utc_text(self.clock.utc()), 0.0, verdict.value_w, verdict.set_by, "", None, "", {}, [])

    async def cycles(self, count: int, each_s: float, moves: object) -> list[str]:
        writing = asyncio.create_task(self.diary.run())
        for number in range(count):
            target_w, set_by = moves(number)  # type: ignore[operator]
            self.diary.note(explained(self.clock.now_s(), target_w, set_by))
            await asyncio.sleep(each_s)
        writing.cancel()
        rows = await self.journal.pending(WHY, 0, 100_000)
        await self.journal.close()
        return [msgspec.json.decode(body, type=Dated).at for _, body in rows]


def written(count: int, each_s: float, moves: object, keep_s: float = 30 * DAY_S) -> list[str]:
    async def run() -> list[str]:
        return await Desk(keep_s).cycles(count, each_s, moves)

    return run_virtual(run(), horizon_s=10 * DAY_S)


def test_what_stays_within_noise_is_written_once_an_hour() -> None:
    assert len(written(7300, 1.0, lambda n: (20.0 * (n % 2), "a"))) == 3  # at 0, 3600 and 7200 s


def test_figures_that_move_are_written_once_a_minute() -> None:
    assert len(written(600, 1.0, lambda n: (100.0 * n, "a"))) == 10


def test_another_author_is_written_at_once() -> None:
    assert len(written(10, 1.0, lambda n: (0.0, "a" if n < 5 else "b"))) == 2


def test_a_reason_that_flaps_does_not_fill_the_disk() -> None:
    """Each second another: the burst, and then one each 30 s."""
    assert BURST <= len(written(3600, 1.0, lambda n: (0.0, "ab"[n % 2]))) <= BURST + 3600 / 30 + 1


def test_what_is_too_old_is_deleted() -> None:
    """A figure a minute for three days, kept for one: a day's worth is left, give or take the hour between purges."""
    left = written(3 * 1440, 60.0, lambda n: (100.0 * (n % 3), "a"), keep_s=DAY_S)
    assert 1440 <= len(left) <= 1440 + 61
    assert left[0] >= "2026-06-23T08:59"


@pytest.mark.parametrize("keep_s", [0.0])
def test_kept_for_no_time_is_not_written(keep_s: float) -> None:
    assert written(5, 1.0, lambda n: (0.0, str(n)), keep_s) == []
