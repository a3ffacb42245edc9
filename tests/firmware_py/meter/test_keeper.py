"""What others see of the registers is what is on disk; on virtual time, with a journal that fails when it is told to."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_py.journal import SqliteJournal
from firmware_py.meter.keeper import KEY, Keeper, decode_registers, encode_registers
from firmware_py.meter.registers import Flow, ProfileEntry, Registers, Settings, shown_mwh
from firmware_py.meter.tariff import RemoteTariff, us_of
from protocols.faults import StoreFailed
from sim_hardware.virtual_time import run_virtual

NOON = us_of(datetime(2026, 11, 18, 12, tzinfo=UTC))
SETTINGS = Settings(profile_min=1)


class Disk:
    """A journal of one value that can be full and slow; `cut` is what a power cut would leave."""

    def __init__(self) -> None:
        self.body: bytes | None = None
        self.saves = 0
        self.full = False
        self.takes_s = 0.0

    async def keep(self, key: str, value: bytes) -> None:
        assert key == KEY
        await asyncio.sleep(self.takes_s)
        if self.full:
            raise StoreFailed("disk full")
        self.body, self.saves = value, self.saves + 1

    async def kept(self, key: str) -> bytes | None:
        assert key == KEY
        return self.body


class Meter:
    """A keeper on a disk, with a load on it."""

    def __init__(self, disk: Disk, **options: float) -> None:
        self.profile: list[ProfileEntry] = []
        self.keeper = Keeper(disk, SETTINGS, self._closed, **options)  # type: ignore[arg-type]
        self.now_us = NOON

    async def _closed(self, entry: ProfileEntry) -> None:
        self.profile.append(entry)

    def flow(self, power_w: float, seconds: float = 0.2) -> None:
        end_us = self.now_us + round(seconds * 1e6)
        self.keeper.count(Flow(self.now_us, end_us, power_w * seconds, 0.0))
        self.now_us = end_us

    async def run(self, power_w: float, seconds: float) -> None:
        """Let a load flow for so long, window by window, while the keeper saves by itself."""
        task = asyncio.create_task(self.keeper.run())
        for _ in range(round(seconds / 0.2)):
            await asyncio.sleep(0.2)
            self.flow(power_w)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    @property
    def live_mwh(self) -> int:
        return shown_mwh(self.keeper.live.count("import"))

    @property
    def shown_mwh(self) -> int:
        return shown_mwh(self.keeper.shown.count("import"))


def on_disk_mwh(disk: Disk) -> int:
    return 0 if disk.body is None else shown_mwh(decode_registers(disk.body).count("import"))


@given(
    st.lists(st.tuples(st.floats(-1e7, 1e7), st.floats(-1e7, 1e7), st.integers(1, 10**8)), max_size=6),
    st.none() | st.builds(RemoteTariff, st.integers(1, 8), st.integers(0, 2**60)),
)
def test_the_whole_state_goes_to_disk_and_back(
    told: list[tuple[float, float, int]], remote: RemoteTariff | None
) -> None:
    state, now_us = Registers(remote=remote), NOON
    for active_j, reactive_vars, span_us in told:
        state = state.counted(Flow(now_us, now_us + span_us, active_j, reactive_vars), SETTINGS)
        now_us += span_us
    assert decode_registers(encode_registers(state)) == state


@pytest.mark.parametrize("body", [b"", b"{}", b"null", encode_registers(Registers())[:-1], b'{"version":2}'])
def test_registers_that_cannot_be_read_are_left_alone(body: bytes) -> None:
    with pytest.raises(StoreFailed, match="they are left as they are"):
        decode_registers(body)


def test_a_later_version_is_not_guessed_at() -> None:
    later = msgspec.json.decode(encode_registers(Registers()))
    with pytest.raises(StoreFailed, match="version 2: 1 is allowed"):
        decode_registers(msgspec.json.encode({**later, "version": 2}))


def test_nothing_is_shown_before_it_is_on_disk() -> None:
    async def main() -> None:
        disk = Disk()
        meter = Meter(disk)
        meter.flow(36_000.0)
        assert (meter.live_mwh, meter.shown_mwh) == (2000, 0)
        disk.full = True
        with pytest.raises(StoreFailed):
            await meter.keeper.save()
        assert meter.shown_mwh == 0
        disk.full = False
        await meter.keeper.save()
        assert meter.shown_mwh == on_disk_mwh(disk) == 2000

    run_virtual(main(), horizon_s=100.0)


@pytest.mark.parametrize(("power_w", "seconds"), [(100.0, 600.0), (3000.0, 120.0), (100_000.0, 60.0)])
def test_a_power_cut_at_any_moment_loses_less_than_is_promised(power_w: float, seconds: float) -> None:
    """1 Wh, and what flows in the pause, in one commit and in the window that is being counted."""

    async def main() -> None:
        disk = Disk()
        disk.takes_s = 0.05
        meter = Meter(disk, pause_s=1.0)
        promised_mwh = 1000.0 + power_w * (1.0 + 0.05 + 0.2) / 3.6
        task = asyncio.create_task(meter.keeper.run())
        for _ in range(round(seconds / 0.2)):
            await asyncio.sleep(0.2)
            meter.flow(power_w)
            assert meter.live_mwh - on_disk_mwh(disk) <= promised_mwh
            assert meter.shown_mwh <= on_disk_mwh(disk)
        assert disk.saves <= seconds + 1
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    run_virtual(main(), horizon_s=10_000.0)


def test_a_trickle_is_saved_after_a_while() -> None:
    async def main() -> None:
        disk = Disk()
        meter = Meter(disk)
        await meter.run(power_w=1.0, seconds=65.0)
        assert 2 <= disk.saves <= 3  # after 60 s, and for the minute that was closed
        assert on_disk_mwh(disk) >= 16

    run_virtual(main(), horizon_s=1000.0)


def test_a_restart_goes_on_where_the_disk_ended() -> None:
    async def main() -> None:
        disk = Disk()
        meter = Meter(disk)
        await meter.run(power_w=7200.0, seconds=30.0)
        again = Meter(disk)
        await again.keeper.recall()
        assert again.shown_mwh == again.live_mwh == on_disk_mwh(disk) >= meter.shown_mwh
        again.now_us = meter.now_us
        await again.run(power_w=7200.0, seconds=32.0)
        (entry,) = again.profile  # the minute goes on across the restart
        assert entry.measured_ratio == pytest.approx(1.0, abs=0.03)

    run_virtual(main(), horizon_s=1000.0)


def test_a_full_disk_is_waited_out() -> None:
    async def main() -> None:
        disk = Disk()
        disk.full = True
        meter = Meter(disk)
        task = asyncio.create_task(meter.keeper.run())
        for _ in range(300):
            await asyncio.sleep(0.2)
            meter.flow(36_000.0)
        assert (meter.shown_mwh, meter.keeper.trouble) == (0, "disk full")
        disk.full = False
        await asyncio.sleep(31.0)
        assert meter.shown_mwh == meter.live_mwh == 600_000
        assert meter.keeper.trouble is None
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    run_virtual(main(), horizon_s=1000.0)


def test_a_closed_period_is_on_disk_before_it_is_handed_on_and_never_lost() -> None:
    """Power goes after the save and before the period is kept elsewhere: it comes again, and the same."""

    async def main() -> None:
        disk = Disk()
        meter = Meter(disk)
        for _ in range(6):
            meter.flow(600.0, seconds=20.0)
        seen: list[bytes | None] = []

        async def power_goes(entry: ProfileEntry) -> None:
            seen.append(disk.body)
            raise asyncio.CancelledError

        dying = Keeper(disk, SETTINGS, power_goes)  # type: ignore[arg-type]
        dying.live = meter.keeper.live
        with suppress(asyncio.CancelledError):
            await dying.save()
        assert seen == [disk.body]
        assert disk.body is not None
        again = Meter(disk)
        await again.keeper.recall()
        assert [entry.begin_us for entry in again.profile] == [NOON]
        assert again.profile == list(decode_registers(disk.body).closed)
        await again.keeper.save()
        third = Meter(disk)
        await third.keeper.recall()
        assert third.profile == []

    run_virtual(main(), horizon_s=100.0)


def test_a_remote_tariff_survives_a_restart(tmp_path: Path) -> None:
    async def main() -> None:
        async def inline(work: Any, *arguments: Any) -> Any:  # noqa: ANN401
            return work(*arguments)

        async def closed(entry: ProfileEntry) -> None:
            raise AssertionError(entry)

        journal = SqliteJournal(tmp_path / "j", inline)
        keeper = Keeper(journal, SETTINGS, closed)
        keeper.set_tariff(RemoteTariff(3, NOON + 10**9))
        await keeper.save()
        again = Keeper(journal, SETTINGS, closed)
        await again.recall()
        assert again.live.remote == RemoteTariff(3, NOON + 10**9)
        await journal.close()

    run_virtual(main(), horizon_s=100.0)
