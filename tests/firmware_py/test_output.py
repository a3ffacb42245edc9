"""An output: on disk before the wire, renewed in time, let go into its declared fallback."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from controller.devices import Role
from controller.lease import LeasePolicy
from firmware_py.home.output import Line, Output, lease_key
from protocols.faults import NoReply, StoreFailed
from protocols.priority import Priority, priority
from sim_hardware.virtual_time import VirtualClock, run_virtual

POLICY = LeasePolicy(valid_s=30.0, deadband_w=20.0)


class Bench:
    """An output with a device and a journal that both write into one log."""

    def __init__(self, rest_w: float | None = None, *, reverts: bool = True) -> None:
        self.log: list[str] = []
        self.device_fails = self.disk_fails = False
        self.kept_values: dict[str, bytes] = {}
        line = Line("bat", Role.FOLLOWER, self._tell, rest_w)
        self.output = Output(line, POLICY, VirtualClock(), self, lambda: reverts)  # type: ignore[arg-type]

    async def _tell(self, value_w: float | None, valid_s: float) -> None:
        if self.device_fails:
            raise NoReply("bat: no reply within 1 s")
        assert priority() is Priority.CONTROL, "a setpoint goes before telemetry on a shared line"
        self.log.append(f"wire {value_w} for {valid_s:g}")

    async def keep(self, key: str, value: bytes) -> None:
        if self.disk_fails:
            raise StoreFailed("journal: disk full")
        self.kept_values[key] = value
        self.log.append(f"disk {key} {'lease' if value else 'none'}")

    async def kept(self, key: str) -> bytes | None:
        return self.kept_values.get(key)


def on_bench(film: Callable[[Bench], Awaitable[None]], **how: Any) -> Bench:
    benches: list[Bench] = []

    async def main() -> None:
        bench = Bench(**how)
        benches.append(bench)
        task = asyncio.create_task(bench.output.run())
        await film(bench)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_virtual(main(), horizon_s=1000.0)
    return benches[0]


def test_the_lease_is_on_disk_before_the_wire() -> None:
    async def film(bench: Bench) -> None:
        bench.output.command(500.0)
        await bench.output.settled()
        assert bench.output.applied()

    assert on_bench(film).log == ["disk lease/bat lease", "wire 500.0 for 30"]


def test_without_a_durable_lease_nothing_is_written() -> None:
    async def film(bench: Bench) -> None:
        bench.disk_fails = True
        bench.output.command(500.0)
        await bench.output.settled()
        assert not bench.output.applied()

    assert on_bench(film).log == []


def test_a_command_every_second_is_few_writes() -> None:
    async def film(bench: Bench) -> None:
        for second in range(60):
            bench.output.command(500.0 + second % 3)
            await bench.output.settled()
            assert bench.output.applied()
            await asyncio.sleep(1.0)

    # 30 s leases renewed at 13.5 s, seen at whole seconds: at 0, 14, 28, 42 and 56 s.
    assert on_bench(film).output.writes == 5


def test_letting_go_is_the_declared_fallback_and_is_said_once() -> None:
    async def film(bench: Bench) -> None:
        bench.output.command(500.0)
        await bench.output.settled()
        for _ in range(3):
            bench.output.command(None)
            await bench.output.settled()
        assert bench.output.applied()

    log = on_bench(film, rest_w=0.0).log
    assert log == ["disk lease/bat lease", "wire 500.0 for 30", "wire 0.0 for 30", "disk lease/bat none"]


def test_a_device_that_does_not_revert_holds_on_until_it_confirms_that_it_has_let_go() -> None:
    async def film(bench: Bench) -> None:
        bench.output.command(500.0)
        await bench.output.settled()
        bench.device_fails = True
        for _ in range(100):
            bench.output.command(None)
            await asyncio.sleep(1.0)
            assert not bench.output.applied()
        bench.device_fails = False
        for _ in range(20):
            bench.output.command(None)
            await asyncio.sleep(1.0)
        assert bench.output.applied()

    assert on_bench(film, reverts=False).log[-2:] == ["wire None for 30", "disk lease/bat none"]


def test_a_write_that_may_have_worked_is_in_doubt_for_ever_where_nothing_reverts() -> None:
    async def film(bench: Bench) -> None:
        bench.device_fails = True
        bench.output.command(500.0)
        await bench.output.settled()
        bench.output.command(None)
        await asyncio.sleep(600.0)
        assert not bench.output.applied()

    on_bench(film, reverts=False)


def test_a_device_that_does_not_answer_has_let_go_when_its_lease_is_over() -> None:
    async def film(bench: Bench) -> None:
        bench.output.command(500.0)
        await bench.output.settled()
        bench.device_fails = True
        bench.output.command(None)
        await bench.output.settled()
        assert not bench.output.applied()
        await asyncio.sleep(30.0)
        assert bench.output.applied()

    on_bench(film)


def test_a_device_that_refuses_is_asked_less_and_less_often() -> None:
    """Each attempt costs a time-out on a line that others share, and an fsync."""
    attempts: list[float] = []

    async def film(bench: Bench) -> None:
        bench.device_fails = True
        for second in range(60):
            before = len(bench.log)
            bench.output.command(500.0)
            await bench.output.settled()
            attempts.extend([float(second)] * (len(bench.log) - before))
            await asyncio.sleep(1.0)

    on_bench(film)
    assert attempts == [0, 1, 3, 7, 15, 25, 35, 45, 55]


def test_what_an_earlier_life_promised_is_settled_first() -> None:
    async def film(bench: Bench) -> None:
        await bench.keep(lease_key("bat"), b'{"value_w":500.0,"valid_until":"2026-06-21T00:00:30.000Z"}')
        await bench.output.recall()
        bench.output.command(None)
        await bench.output.settled()

    assert "wire None for 30" in on_bench(film).log


@pytest.mark.parametrize("wanted_w", [0.0, -0.0])
def test_zero_is_written(wanted_w: float) -> None:
    async def film(bench: Bench) -> None:
        bench.output.command(wanted_w)
        await bench.output.settled()
        assert bench.output.applied()

    assert len(on_bench(film).log) == 2
