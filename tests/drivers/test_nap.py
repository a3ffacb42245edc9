"""Short sleeps where there is no timerfd; the real ones are in tests/system/test_nap.py."""

import asyncio

import pytest

from drivers.modbus import nap
from drivers.modbus.nap import Nap
from sim_hardware.virtual_time import VirtualLoop, run_virtual


async def slept(for_s: float) -> float:
    sleeper, loop = Nap(), asyncio.get_running_loop()
    begun_s = loop.time()
    await sleeper.sleep(for_s)
    await sleeper.sleep(for_s)
    sleeper.close()
    return loop.time() - begun_s


def test_a_system_without_timers_as_files_sleeps_with_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nap, "_calls", lambda: None)
    assert run_virtual(slept(0.00175), horizon_s=1.0) == pytest.approx(0.0035)


def test_a_loop_that_watches_no_files_sleeps_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise NotImplementedError

    monkeypatch.setattr(VirtualLoop, "add_reader", refuse)
    assert run_virtual(slept(0.00175), horizon_s=1.0) == pytest.approx(0.0035)
