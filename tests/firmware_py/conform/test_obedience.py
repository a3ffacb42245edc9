"""What a device obeys: simulated ones that do, and ones that only say so."""

import asyncio

import pytest

from controller.devices import Role
from drivers.sunspec.battery import SunSpecBattery
from drivers.sunspec.inverter import SunSpecInverter
from firmware_py.conform.checks import Check, Result
from firmware_py.conform.obedience import Trial
from firmware_py.home.output import Line
from protocols.faults import DeviceRefused, NotApplied
from protocols.ports import Nameplate, Ratings
from protocols.readings import Measurement
from sim_hardware.home import SimHome
from sim_hardware.serve import MEMORY_URLS, memory_buses, ticking
from sim_hardware.virtual_time import run_virtual

ALL_FINE = {"setpoint kept", "takes effect", "lets go", "reverts by itself", "out of range"}


def of_simulated(name: str) -> dict[str, Result]:
    async def main() -> dict[str, Result]:
        home = SimHome(7)
        home.sun.hold_w_m2 = 800.0
        home.after(20.0)
        bus = memory_buses(home)[MEMORY_URLS[name]]
        async with ticking(home):
            if name == "pv":
                inverter = SunSpecInverter(bus, 1, fallback_produce_max_w=None)
                trial = Trial(inverter, Line(name, Role.PRODUCER, inverter.limit), await inverter.probe())
            else:
                battery = SunSpecBattery(bus, 1, fallback_power_w=0.0)
                trial = Trial(battery, Line(name, Role.FOLLOWER, battery.follow, 0.0), await battery.probe())
            return {check.name: check.result for check in await trial.run()}

    return run_virtual(main(), horizon_s=2000.0)


@pytest.mark.parametrize("name", ["pv", "battery"])
def test_a_simulated_device_obeys(name: str) -> None:
    found = of_simulated(name)
    assert set(found.values()) == {Result.PASSED}
    assert set(found) == ALL_FINE


class Liar:
    """An inverter of 4 kW in full sun; `defect` is what it does wrong."""

    def __init__(self, defect: str = "", *, reverts: bool = True, makes_w: float = 4000.0) -> None:
        self._defect, self._makes_w = defect, makes_w
        self._limit_w: float | None = None
        self._until_s = 0.0
        self.plate = Nameplate("Liar", "L1", "1", ratings=Ratings(0.0, 4000.0, reverts_by_itself=reverts))

    async def probe(self) -> Nameplate:
        return self.plate

    async def read(self) -> Measurement:
        if asyncio.get_running_loop().time() >= self._until_s and self._defect != "never reverts":
            self._limit_w = None
        limit_w = self._makes_w if self._limit_w is None else self._limit_w
        return {"power_w": -min(limit_w, self._makes_w)}

    async def limit(self, produce_max_w: float | None, valid_s: float) -> None:
        if self._defect == "keeps another value" and produce_max_w is not None:
            raise NotApplied("wrote 50 %, it keeps 100 %")
        if self._defect == "never lets go" and produce_max_w is None:
            return
        self._until_s = asyncio.get_running_loop().time() + valid_s
        if self._defect != "accepts and does nothing":
            self._limit_w = produce_max_w

    @property
    def is_free(self) -> bool:
        return self._limit_w is None


def of_liar(liar: Liar) -> dict[str, Result]:
    async def main() -> dict[str, Result]:
        trial = Trial(liar, Line("pv", Role.PRODUCER, liar.limit), liar.plate)
        return {check.name: check.result for check in await trial.run()}

    return run_virtual(main(), horizon_s=2000.0)


def test_an_honest_one_passes_and_is_let_go() -> None:
    liar = Liar()
    assert of_liar(liar) == dict.fromkeys(ALL_FINE, Result.PASSED)
    assert liar.is_free


@pytest.mark.parametrize(
    ("defect", "check"),
    [
        ("keeps another value", "setpoint kept"),
        ("accepts and does nothing", "takes effect"),
        ("never lets go", "lets go"),
        ("never reverts", "reverts by itself"),
    ],
)
def test_each_lie_is_caught_by_its_check(defect: str, check: str) -> None:
    """go-eCharger#249: accepted, and not applied."""
    found = of_liar(Liar(defect))
    assert found[check] is Result.FAILED
    assert next(name for name, result in found.items() if result is Result.FAILED) == check


class Store(Liar):
    """A battery of 2 kW that is told powers; `beyond`: what it does with more."""

    def __init__(self, beyond: str) -> None:
        super().__init__(makes_w=0.0)
        self._beyond = beyond
        self.plate = Nameplate("Liar", "S1", "1", ratings=Ratings(2000.0, 2000.0))

    async def read(self) -> Measurement:
        return {"power_w": self._limit_w or 0.0, "soc_percent": 50.0}

    async def follow(self, power_w: float | None, valid_s: float) -> None:
        if power_w is not None and abs(power_w) > 2000.0:
            if self._beyond == "refuses":
                raise DeviceRefused("refused with exception 3 (illegal data value)", 3)
            power_w = 2000.0 if self._beyond == "clamps" else power_w
        self._limit_w = power_w


@pytest.mark.parametrize(
    ("beyond", "result", "said"),
    [
        ("refuses", Result.PASSED, "3000 W refused: refused with exception 3 (illegal data value)"),
        ("clamps", Result.PASSED, "told 3000 W, 2000 W flow; the rating is 2000 W"),
        ("takes it", Result.FAILED, "told 3000 W, 3000 W flow; the rating is 2000 W"),
    ],
)
def test_more_than_the_rating_is_refused_or_clamped(beyond: str, result: Result, said: str) -> None:
    async def main() -> Check:
        store = Store(beyond)
        trial = Trial(store, Line("battery", Role.FOLLOWER, store.follow, 0.0), store.plate)
        checks = {check.name: check for check in await trial.run()}
        assert await store.read() == {"power_w": 0.0, "soc_percent": 50.0}, "it is let go"
        return checks["out of range"]

    found = run_virtual(main(), horizon_s=2000.0)
    assert (found.result, found.said) == (result, said)


def test_a_device_without_a_reversion_timer_is_said_to_have_none() -> None:
    assert of_liar(Liar(reverts=False))["reverts by itself"] is Result.NOT_POSSIBLE


def test_at_night_nothing_can_be_seen_and_nothing_is_written() -> None:
    assert of_liar(Liar(makes_w=0.0)) == {"setpoint kept": Result.NOT_POSSIBLE}
